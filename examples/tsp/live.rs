//! The progress line: elapsed time, best length, improvements a second.

use std::collections::VecDeque;
use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sigalarm::{Alarm, ArmError, Ticker};

use crate::incumbent::Incumbent;

/// How often the line changes: often enough to look alive, seldom enough to be read.
const PERIOD: Duration = Duration::from_millis(100);

/// The improvements a second are those of so many periods, so that the number does not dance.
const REMEMBERED: usize = 10;

/// A line on standard error that follows the search; nothing at all where that is not a terminal.
pub struct Live(Option<Line>);

struct Line {
    ticker: Ticker,
    bar: ProgressBar,
    /// When the last lines were drawn, and how many improvements there were; the oldest first.
    drawn: VecDeque<(Duration, u64)>,
}

impl Live {
    /// Draws the first line, unless nobody would see it.
    pub fn new(best: &Incumbent, alarm: &Alarm) -> Result<Live, ArmError> {
        if !io::stderr().is_terminal() {
            return Ok(Live(None));
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.set_style(ProgressStyle::with_template("{msg}").expect("a template without options"));
        let mut line = Line { ticker: Ticker::every(PERIOD)?, bar, drawn: VecDeque::new() };
        line.draw(best, alarm);
        Ok(Live(Some(line)))
    }

    /// Draws the line anew when it is time. As cheap as a check, so it may stand beside one in the innermost loop.
    #[inline]
    pub fn show(&mut self, best: &Incumbent, alarm: &Alarm) {
        if let Some(line) = &mut self.0 {
            if line.ticker.ticks() > 0 {
                line.draw(best, alarm);
            }
        }
    }
}

impl Line {
    #[cold]
    fn draw(&mut self, best: &Incumbent, alarm: &Alarm) {
        let (now, improvements) = (alarm.elapsed(), best.improvements());
        let &(then, before) = self.drawn.front().unwrap_or(&(Duration::ZERO, 0));
        let rate = match (now - then).as_secs_f64() {
            0.0 => 0.0,
            seconds => (improvements - before) as f64 / seconds,
        };
        if self.drawn.len() == REMEMBERED {
            self.drawn.pop_front();
        }
        self.drawn.push_back((now, improvements));
        let (elapsed, length) = (now.as_secs_f64(), best.length());
        self.bar.set_message(format!("{elapsed:.1} s  length {length}  {rate:.0} improvements/s"));
    }
}

impl Drop for Line {
    /// Leaves the terminal to the report.
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
