//! Signals and timers of the rest of the program.

use std::time::{Duration, Instant};

use super::{Player, timed, users};
use crate::alarms::{LATE, spin};
use crate::process;
use nix::libc::SIGUSR1;
use sigalarm::{Alarm, Cause};

/// Longer than arming takes without a preemption.
const HELD_UP: Duration = Duration::from_micros(200);

impl Player {
    /// The first signal rings the listening alarms. Later ones are the program's.
    pub(super) fn user(&mut self, times: usize) {
        for turn in 0..times {
            let before = users();
            process::kill_self(SIGUSR1);
            let listening = self.alarms.iter().any(|(_, naive)| naive.listens && naive.latched.is_none());
            let expected = before + usize::from(!listening || turn > 0);
            assert_eq!(users(), expected, "SIGUSR1 went to the wrong one");
        }
        for (_, naive) in self.alarms.iter_mut().filter(|(_, naive)| naive.listens) {
            naive.latch(Cause::Signal(SIGUSR1));
        }
        self.checkpoint();
    }

    pub(super) fn set_timer(&mut self, value: Duration, period: Duration) {
        // A timer over a guard's that expires before the library's next timer call goes unnoticed.
        let value =
            if self.is_free() || value.is_zero() { value } else { value + Duration::from_micros(300) };
        // The timer may still be set for a dropped alarm. Half of the rounds program it first.
        let put_right = value.as_micros() % 2 == 0;
        if put_right && !self.is_free() {
            self.speak_to_the_kernel();
        }
        let old = self.world.set_timer(value, period);
        if self.is_free() {
            self.world.is_over(old);
            return;
        }
        // A library that is preempted between its two readings cannot classify the remaining time.
        let held_up = self.speak_to_the_kernel() > HELD_UP;
        // A foreign deadline that coincides with the library's is taken for the library's.
        let deadlines = self.alarms.iter().filter_map(|(_, naive)| naive.deadline);
        // A timer disarmed just after a deadline of the library's may seem to have expired.
        if value.is_zero() && old.is_some() {
            self.world.may_ring_still();
        }
        let looks = !self.tickers.is_empty() || self.alarms.iter().any(|(_, a)| a.cpu.is_some());
        self.world.is_confused(deadlines, old, looks || held_up || !put_right);
        // The previous timer ran until then.
        self.world.is_over(old);
    }

    /// The library notices a foreign timer when it programs its own. Returns an upper bound on the duration.
    fn speak_to_the_kernel(&mut self) -> Duration {
        let began = Instant::now();
        let mut longest = Duration::ZERO;
        loop {
            assert!(began.elapsed() < LATE, "an alarm is lost over which a timer was set");
            let (alarm, at) = timed(|| Alarm::after(Duration::from_micros(1)).expect("arming"));
            longest = longest.max(at.hi - at.lo);
            self.world.taken_over(at);
            spin(Duration::from_micros(5));
            // A check counts for the enclosing alarms too.
            self.alarms.iter_mut().for_each(|(_, naive)| naive.count());
            if alarm.check().is_err() && alarm.remaining() == Some(Duration::ZERO) {
                break longest;
            }
        }
    }
}
