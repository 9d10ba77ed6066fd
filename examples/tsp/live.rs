//! The progress line: elapsed time, best length, improvements per second.

use std::collections::VecDeque;
use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sigalarm::{Alarm, ArmError, Ticker};

use crate::incumbent::Incumbent;

const PERIOD: Duration = Duration::from_millis(100);

/// The rate is averaged over this many periods.
const REMEMBERED: usize = 10;

pub struct Live(Option<Line>);

struct Line {
    ticker: Ticker,
    bar: ProgressBar,
    drawn: VecDeque<(Duration, u64)>,
}

impl Live {
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

    /// Draws the line when it is due. A call costs as little as a check.
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
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
