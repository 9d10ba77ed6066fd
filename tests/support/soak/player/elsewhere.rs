//! Other threads, a forked child, and the time of a suspension.

use std::time::{Duration, Instant};

use super::super::forks::lives;
use super::super::naive::Span;
use super::{Player, asked};
use crate::alarms::{LATE, spin};
use crate::process;
use sigalarm::{Alarm, Cause, checkpoint, suspended};

impl Player {
    pub(super) fn suspend(&mut self, time: Duration) {
        let nested = self.suspended;
        suspended(|| {
            self.suspended = true;
            self.world.look();
            self.world.must_be_as_found();
            if let Some(i) = self.which(1) {
                self.check(i);
            }
            spin(time);
            self.checkpoint();
            self.world.must_be_as_found();
        });
        self.suspended = nested;
        let now = Instant::now();
        self.world.taken_over(Span { lo: now, hi: now });
    }

    pub(super) fn thread(&mut self, i: usize, limit: Duration, ring: bool) {
        if self.world.blocked || self.alarms[..=i].iter().any(|(_, naive)| naive.checks.is_some()) {
            return;
        }
        self.tally.threads.add(1);
        self.world.start_thread();
        let alarm = self.guard(i);
        let answers = std::thread::scope(|s| {
            let worker = s.spawn(move || {
                assert!(checkpoint().is_ok(), "no alarm is this thread's");
                let entered = alarm.enter();
                let first = asked(checkpoint);
                let own = Alarm::after(limit).expect("arming");
                let began = Instant::now();
                let second = loop {
                    assert!(began.elapsed() < LATE, "an alarm of a thread is lost");
                    let (result, asked) = asked(|| own.check());
                    if let Err(e) = result {
                        break (e, asked);
                    }
                };
                if own.owns(&second.0) {
                    assert!(second.0.elapsed() >= limit, "early");
                } else {
                    assert!(alarm.check().is_err(), "if one that encloses it has expired, so has it");
                }
                if ring {
                    alarm.ring();
                    assert!(alarm.check().is_err(), "it was rung");
                }
                let own_id = own.id();
                drop(own);
                drop(entered);
                assert!(checkpoint().is_ok(), "no alarm is this thread's any more");
                (first, second, own_id)
            });
            worker.join()
        });
        let ((first, at_first), (e, at_second), own) = match answers {
            Ok(answers) => answers,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        match first {
            Err(e) => self.blame(i, &e, &at_first),
            Ok(()) => {
                let exact = self.is_exact();
                let must = self.alarms[..=i].iter().any(|(_, naive)| naive.must(at_first.at.lo));
                assert!(
                    !exact || !must,
                    "an entered alarm's check is Ok, though an enclosing alarm has expired"
                );
            }
        }
        if e.alarm() != own {
            self.blame(i, &e, &at_second);
        } else {
            let overdue = self.alarms[..=i].iter().any(|(_, naive)| naive.must(at_second.at.lo));
            assert!(!overdue, "an alarm of a thread hides one around it");
        }
        if ring {
            self.alarms[i].1.latch(Cause::Rung);
        }
    }

    pub(super) fn fork(&mut self, limit: Duration) {
        self.tally.forks.add(1);
        let parent = self.tally;
        let status = process::in_child(|| {
            assert!(checkpoint().is_ok(), "a child has no alarms");
            self.world.must_be_as_found_without_timer();
            for (alarm, _) in self.alarms.iter().filter_map(|(alarm, naive)| Some((alarm.as_ref()?, naive))) {
                assert!(alarm.check().is_ok() && alarm.remaining().is_none(), "a child's guards are inert");
                alarm.ring();
                assert!(alarm.check().is_ok(), "a child's guards are inert");
            }
            lives(limit);
            parent.alarms.add(1);
            self.alarms.clear();
            self.tickers.clear();
            self.world.must_be_as_found_without_timer();
        });
        assert_eq!(status, 0, "a child failed: {}", self.tally.complaint());
    }
}
