//! Checks, compared with the model.

use std::time::Instant;

use super::super::naive::{Asked, Span};
use super::{Player, SOON, asked, timed};
use crate::alarms::LATE;
use sigalarm::{Cause, TimedOut, checkpoint};

impl Player {
    /// Returns whether the flag must be set, so that every check reads the clock.
    pub(super) fn is_exact(&self) -> bool {
        self.suspended
            || self.alarms.iter().any(|(_, naive)| {
                let counts = naive.checks.is_some_and(|(_, left)| left.is_some());
                naive.known || naive.latched.is_some() || counts
            })
    }

    pub(super) fn check(&mut self, i: usize) -> Option<TimedOut> {
        let exact = self.is_exact();
        self.count(i);
        let (result, asked) = asked(|| self.guard(i).check());
        self.compare(i, result.err(), &asked, exact)
    }

    pub(super) fn is_expired(&mut self, i: usize) {
        let exact = self.is_exact();
        self.count(i);
        let (is_expired, asked) = asked(|| self.guard(i).is_expired());
        let Span { lo, .. } = asked.at;
        let mut around = self.alarms[..=i].iter();
        if is_expired {
            assert!(around.any(|(_, naive)| naive.may(&asked)), "{i} is expired early");
        } else if exact {
            assert!(!around.any(|(_, naive)| naive.must(lo)), "{i} should have expired");
        }
    }

    pub(super) fn checkpoint(&mut self) {
        let exact = self.is_exact();
        let innermost = self.alarms.len().checked_sub(1);
        if let Some(innermost) = innermost {
            self.count(innermost);
        }
        let (result, asked) = asked(checkpoint);
        match innermost {
            Some(innermost) => {
                self.compare(innermost, result.err(), &asked, exact);
            }
            None => assert!(result.is_ok(), "there is no alarm, and yet {result:?}"),
        }
    }

    fn count(&mut self, i: usize) {
        self.alarms[..=i].iter_mut().for_each(|(_, naive)| naive.count());
    }

    /// Compares the result of a check of alarm `i` with the model.
    fn compare(&mut self, i: usize, e: Option<TimedOut>, asked: &Asked, exact: bool) -> Option<TimedOut> {
        let Some(e) = e else {
            let overdue = self.alarms[..=i].iter().position(|(_, naive)| naive.must(asked.at.lo));
            if let Some(overdue) = overdue {
                assert!(
                    !exact,
                    "{i} is unexpired, though {overdue} has expired: {:#?}",
                    self.alarms[overdue].1
                );
                return self.insist(i);
            }
            return None;
        };
        self.tally.time_outs.add(1);
        self.blame(i, &e, asked);
        Some(e)
    }

    /// The deadline of an alarm around `i` has passed, and its signal is pending.
    fn insist(&mut self, i: usize) -> Option<TimedOut> {
        let began = Instant::now();
        loop {
            assert!(began.elapsed() < LATE, "an alarm is lost: {:#?}", &self.alarms[..=i]);
            self.count(i);
            let (result, asked) = asked(|| self.guard(i).check());
            if let Err(e) = result {
                self.tally.time_outs.add(1);
                self.blame(i, &e, &asked);
                return Some(e);
            }
        }
    }

    /// Asserts that the error rightly names this alarm.
    pub(super) fn blame(&mut self, i: usize, e: &TimedOut, asked: &Asked) {
        let Some(culprit) = self.alarms[..=i].iter().position(|(_, naive)| naive.id == e.alarm()) else {
            panic!("{e:?} belongs to no alarm around {i}: {:#?}", self.alarms);
        };
        if let Some(outer) = self.alarms[..culprit].iter().position(|(_, naive)| naive.must(asked.at.lo)) {
            panic!("{e:?} of {culprit} hides {outer}, which encloses it: {:#?}", self.alarms);
        }
        let naive = &mut self.alarms[culprit].1;
        if let Some(objection) = naive.objection(e, asked) {
            panic!("{objection}: {e:?}, asked {asked:?}: {naive:#?}");
        }
        naive.known = true;
        if e.cause() != Cause::Deadline {
            naive.latch(e.cause());
        } else if let Some(deadline) = naive.deadline {
            self.tally.latest.at_least(asked.at.lo.saturating_duration_since(deadline.hi).as_nanos() as u64);
        }
    }

    pub(super) fn await_one(&mut self, i: usize) {
        let soon = Instant::now() + SOON;
        let naive = &self.alarms[i].1;
        let by_time = naive.deadline.is_some_and(|deadline| deadline.hi < soon);
        let by_cpu = naive.cpu.is_some_and(|(_, began)| began.is_some());
        if !by_time && !by_cpu {
            return;
        }
        let began = Instant::now();
        while self.check(i).is_none() {
            assert!(began.elapsed() < LATE, "{i} is lost: {:#?}", self.alarms);
        }
    }

    pub(super) fn ask(&mut self, i: usize) {
        let (asked, at) = timed(|| {
            let alarm = self.guard(i);
            (alarm.elapsed(), alarm.remaining(), alarm.limit(), alarm.label().map(str::to_owned), alarm.id())
        });
        let (elapsed, remaining, limit, label, id) = asked;
        let naive = &self.alarms[i].1;
        assert_eq!((limit, label.as_deref(), id), (naive.limit, naive.label, naive.id));
        let since = naive.since.until(at);
        assert!(since.contains(&elapsed), "elapsed {elapsed:?}, not {since:?}");
        match (remaining, naive.deadline) {
            (None, None) => {}
            (Some(left), Some(deadline)) => {
                let until = at.until(deadline);
                assert!(until.contains(&left), "remaining {left:?}, not {until:?}");
            }
            (left, deadline) => panic!("remaining {left:?}, with {deadline:?}"),
        }
    }
}
