use std::time::Duration;

use super::{Machine, Source, chance};
use crate::os::setting::Setting;
use crate::time::Time;

#[derive(Default)]
pub(super) struct Countdown {
    pub(super) expiry: Option<u64>,
    pub(super) period: u64,
    pub(super) last_expiry: u64,
}

impl Countdown {
    pub(super) fn set(&mut self, expiry: Option<u64>, period: u64) {
        (self.expiry, self.period) = (expiry, period);
    }

    pub(super) fn has_just_expired(&mut self, now: u64) -> bool {
        let expiry = self.expiry.take_if(|expiry| *expiry <= now);
        self.last_expiry = expiry.unwrap_or(self.last_expiry);
        expiry.is_some()
    }

    pub(super) fn rearm(&mut self, now: u64) {
        if self.period > 0 && self.expiry.is_none() {
            let missed = (now - self.last_expiry) / self.period;
            self.expiry = Some(self.last_expiry + self.period * (missed + 1));
        }
    }
}

pub(super) struct PosixTimer {
    pub(super) thread: usize,
    pub(super) value: usize,
    pub(super) countdown: Countdown,
}

impl Machine {
    pub(super) fn next_expiry(&self) -> Option<u64> {
        let timers = self.timers.iter().flatten().filter_map(|timer| timer.countdown.expiry);
        timers.chain(self.interval.expiry).min()
    }

    pub(crate) fn set_interval(&mut self, new: Setting, by_library: bool) -> Setting {
        let mut held = self.read_interval();
        // The hrtimer callback returns within this time.
        const CALLBACK: u64 = 300_000;
        let expired_at = self.expired_at.take();
        if held == Setting::DISARMED && expired_at.is_some_and(|at| self.now - at < CALLBACK) && chance(2) {
            held.remaining = Duration::from_micros(1);
        }
        let Setting { remaining, interval } = new;
        self.log(None, format_args!("setitimer: {remaining:?} + {interval:?} after {held:?}"));
        let expiry = (!remaining.is_zero()).then(|| self.now + remaining.as_nanos() as u64);
        self.interval.set(expiry, interval.as_nanos() as u64);
        self.is_set_by_library = by_library;
        held
    }

    pub(crate) fn read_interval(&self) -> Setting {
        let micros = |nanos: u64| Duration::from_micros(nanos / 1_000);
        let remaining = match self.interval.expiry.map(|expiry| expiry.saturating_sub(self.now)) {
            Some(nanos) if self.is_set_by_library => nanos,
            Some(nanos) => nanos.max(1_000),
            None => 0,
        };
        Setting { remaining: micros(remaining), interval: micros(self.interval.period) }
    }

    pub(crate) fn is_interval_set(&self) -> bool {
        self.interval.expiry.is_some()
    }

    pub(crate) fn create_timer(&mut self, thread: usize, value: usize) -> usize {
        self.timers.push(Some(PosixTimer { thread, value, countdown: Countdown::default() }));
        self.log(None, format_args!("timer {} is created for thread {thread}", self.timers.len() - 1));
        self.timers.len() - 1
    }

    pub(super) fn timer(&mut self, id: usize) -> &mut PosixTimer {
        self.timers[id].as_mut().expect("the library uses a timer that it has deleted")
    }

    pub(crate) fn set_timer(&mut self, id: usize, due: Time, period: Duration) {
        let expiry = (!due.is_never()).then(|| due.as_nanos().max(self.now + 1));
        self.timer(id).countdown.set(expiry, period.as_nanos() as u64);
        let left = expiry.map(|expiry| Duration::from_nanos(expiry.saturating_sub(self.now)));
        self.log(None, format_args!("timer {id} is set: {left:?} + {period:?}"));
        self.discard(id);
        self.advance(0);
    }

    pub(super) fn discard(&mut self, id: usize) {
        if self.discards_pending {
            let is_of_another = |source: &Source| !matches!(source, Source::Timer(timer, _) if *timer == id);
            self.tasks.iter_mut().for_each(|task| task.pending.retain(is_of_another));
        }
    }

    pub(crate) fn has_expired(&mut self, id: usize) -> bool {
        let countdown = &self.timer(id).countdown;
        countdown.expiry.is_none() || countdown.period > 0
    }

    pub(crate) fn delete_timer(&mut self, id: usize) {
        self.log(None, format_args!("timer {id} is deleted"));
        self.timer(id);
        self.timers[id] = None;
        self.discard(id);
    }

    pub(crate) fn assert_no_timer_left(&self) {
        for timer in self.timers.iter().flatten() {
            assert!(timer.countdown.expiry.is_none(), "a private timer is set");
            assert!(self.tasks[timer.thread].lives, "a private timer has outlived its thread");
        }
    }
}
