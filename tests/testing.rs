//! Rehearsals, under the harness that everybody uses: plain tests, in parallel, each on its own thread.
//!
//! What is judged from outside (what a failing test prints, which system calls are made) runs this binary again, with one
//! of its ignored tests.

mod support;

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use sigalarm::testing::{self, Attempt, EachCheck};
use sigalarm::thread::Worker;
use sigalarm::{Alarm, Best, Cause, IteratorExt, Ticker, TimedOut, checkpoint, unwind_if_expired, within};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const LATE: Duration = Duration::from_secs(60);

fn after(limit: Duration) -> Alarm {
    Alarm::after(limit).expect("arming")
}

/// What a panic said.
fn panic_of(f: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).expect_err("it should panic");
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => (*payload.downcast::<&str>().expect("a text")).to_owned(),
    }
}

/// Holds for every function that passes its time-out on: each attempt but the last is stopped, where it should be.
fn stops_everywhere<T>(mut f: impl FnMut(&Alarm) -> Result<T, TimedOut>) -> testing::Report {
    let mut stops = Vec::new();
    let report = testing::each_check(|attempt| {
        let outcome = attempt.run(&mut f);
        match (attempt.stop(), outcome) {
            (Some(stop), Err(e)) => {
                assert_eq!(stop.check(), attempt.number());
                assert!(stop.owns(&e));
                assert_eq!(e.cause(), Cause::Deadline);
                assert_eq!(Some(e.elapsed()), e.limit());
                stops.push(stop.place().clone());
            }
            (None, Ok(_)) => {}
            (stop, outcome) => panic!("{stop:?}, and is_err() = {}", outcome.is_err()),
        }
    });
    assert!(report.is_complete() && report.divergence().is_none(), "{report}");
    assert_eq!(report.attempts(), report.checks() + 1);
    assert_eq!(report.places(), stops, "stopped at each, in their order");
    report
}

#[test]
fn each_check_in_turn() {
    let (mut line_of_check, mut line_of_checkpoint) = (0, 0);
    let report = stops_everywhere(|alarm| {
        for n in 0..3 {
            line_of_check = line!() + 1;
            alarm.check()?;
            for _ in 0..n {
                line_of_checkpoint = line!() + 1;
                checkpoint()?;
            }
        }
        Ok(())
    });
    assert_eq!(report.checks(), 6);
    let lines: Vec<u32> = report.places().iter().map(|place| place.line()).collect();
    let (a, b) = (line_of_check, line_of_checkpoint);
    assert_eq!(lines, [a, a, b, a, b, b]);
    assert_eq!(report.tally().values().copied().collect::<Vec<_>>(), [3, 3]);
    assert!(report.places().iter().all(|place| place.file() == file!() && place.column() > 1));
    let text = report.to_string();
    assert!(text.starts_with("6 checks at 2 places, 7 attempts\n"), "{text}");
    assert!(text.contains(&format!("\n      3  {}:{a}:", file!())), "{text}");
}

#[test]
fn nothing_to_check() {
    let report = testing::each_check(|attempt| {
        attempt.run(|_| ());
        assert!(!attempt.was_stopped() && attempt.checks() == 0);
    });
    assert_eq!((report.attempts(), report.checks()), (1, 0));
    assert_eq!(report.to_string(), "0 checks at 0 places, 1 attempt");
}

#[test]
fn whatever_asks_is_a_check() {
    let checks = |f: fn(&Alarm) -> Result<(), TimedOut>| stops_everywhere(f).checks();
    assert_eq!(checks(|alarm| if alarm.is_expired() { alarm.check() } else { Ok(()) }), 1);
    // Endless iterators: a check behind the last item would stop nothing.
    assert_eq!(checks(|alarm| (0..).checked(alarm).take(5).try_for_each(|item| item.map(drop))), 5);
    assert_eq!(checks(|alarm| (0..).checked_every(2, alarm).take(5).try_for_each(|item| item.map(drop))), 3);
    let until = |alarm: &Alarm| {
        let mut items = (0..).until(alarm);
        items.by_ref().take(5).for_each(drop);
        items.timed_out().cloned().map_or(Ok(()), Err)
    };
    assert_eq!(checks(until), 5);
    assert_eq!(checks(|alarm| alarm.sleep(SECOND)), 2);
    let unwinding = |alarm: &Alarm| {
        alarm.catch(|| {
            (0..3).for_each(|_| unwind_if_expired());
            alarm.unwind_if_expired();
        })
    };
    assert_eq!(checks(unwinding), 4);
    let best = |_: &Alarm| {
        let mut best = Best::lowest();
        best.within(SECOND, |best, alarm| {
            (0..4).try_for_each(|n| {
                alarm.check()?;
                best.offer(n, || n);
                Ok(())
            })
        })
        .expect("arming")
    };
    assert_eq!(checks(best), 4);
}

#[cfg(feature = "macros")]
mod attributes {
    use super::*;
    use sigalarm::{cooperative, time_limit};

    #[cooperative]
    fn sum(n: u64) -> Result<u64, TimedOut> {
        let mut sum = 0;
        for i in 0..n {
            sum += i;
        }
        Ok(sum)
    }

    #[time_limit("10s")]
    fn limited(n: u64) -> Result<u64, TimedOut> {
        sum(n)
    }

    #[test]
    fn checks_that_a_macro_puts_in() {
        assert_eq!(stops_everywhere(|_| sum(5)).checks(), 6);
        assert_eq!(stops_everywhere(|_| limited(5)).checks(), 6);
    }
}

#[test]
fn any_type_of_error() {
    testing::each_check(|attempt| {
        let read = attempt.run(|alarm| -> Result<(), Box<dyn std::error::Error>> {
            alarm.check()?;
            Err("some other trouble")?;
            Ok(())
        });
        let text = read.expect_err("one or the other").to_string();
        assert_eq!(text == "some other trouble", !attempt.was_stopped());
    });
    testing::each_check(|attempt| {
        let read = attempt.run(|alarm| -> io::Result<()> { Ok((0..3).try_for_each(|_| alarm.check())?) });
        assert_eq!(read.is_err_and(|e| e.kind() == io::ErrorKind::TimedOut), attempt.was_stopped());
    });
    let report = testing::each_check(|attempt| {
        let best_so_far = attempt.run(|alarm| (0..10).find(|_| alarm.is_expired()));
        assert_eq!(best_so_far, attempt.stop().map(|stop| stop.check() - 1));
    });
    assert_eq!(report.checks(), 10);
}

/// Arms a limit of its own, and would handle that.
fn tries_for_a_second(on_own: &Cell<u32>) -> Result<u32, TimedOut> {
    let mut done = 0;
    for _ in 0..3 {
        let alarm = after(SECOND);
        match (0..2).try_for_each(|_| alarm.check()) {
            Ok(()) => done += 1,
            Err(e) if alarm.owns(&e) => on_own.set(on_own.get() + 1),
            Err(e) => return Err(e),
        }
    }
    Ok(done)
}

#[test]
fn an_inner_alarm_does_not_hide_the_rehearsal() {
    let on_own = Cell::new(0);
    assert_eq!(stops_everywhere(|_| tries_for_a_second(&on_own)).checks(), 6);
    let deep = |_: &Alarm| {
        within(SECOND, |_| within(SECOND, |inner| (0..3).try_for_each(|_| inner.check())))
            .and_then(|inner| inner)
            .expect("arming")
    };
    assert_eq!(stops_everywhere(deep).checks(), 3);
    assert_eq!(on_own.get(), 0, "never the inner one's");
}

#[test]
fn it_stays_expired_on_the_way_out() {
    let report = testing::each_check(|attempt| {
        let late = attempt.run(|alarm| {
            let stopped = (0..4).any(|_| alarm.is_expired());
            let cleaning_up = [checkpoint().is_err(), alarm.is_expired(), after(SECOND).is_expired()];
            (stopped, cleaning_up)
        });
        match attempt.stop() {
            Some(stop) if stop.check() <= 4 => {
                assert_eq!((late, stop.later()), ((true, [true; 3]), 3));
            }
            Some(stop) => {
                let from = stop.check() as usize - 5;
                assert!(!late.0 && late.1[..from].iter().all(|e| !e) && late.1[from..].iter().all(|e| *e));
            }
            None => assert_eq!(late, (false, [false; 3])),
        }
    });
    assert_eq!(report.checks(), 7);
    assert!(checkpoint().is_ok(), "out here all is well");
}

#[test]
fn at_the_nth_check() {
    for n in [1, 2, 17, 1_000] {
        let rehearsal = testing::at_check(n);
        assert_eq!(rehearsal.remaining(), None);
        let well = (0..2_000).take_while(|_| checkpoint().is_ok()).count() as u64;
        assert_eq!((well, rehearsal.checks()), (n - 1, n));
        let stop = rehearsal.stop().expect("stopped");
        assert_eq!((stop.check(), stop.later()), (n, 0));
        assert_eq!(stop.to_string(), format!("stopped at check {n}, {}", stop.place()));
        assert_eq!(rehearsal.remaining(), Some(Duration::ZERO));
        let e = rehearsal.check().expect_err("it stays so");
        assert!(rehearsal.owns(&e) && stop.owns(&e));
        assert!(
            e.to_string().starts_with("timed out after 0.000 µs (limit 0 s) at tests/testing.rs:"),
            "{e}"
        );
        assert_eq!(rehearsal.stop().map(|stop| (stop.check(), stop.later())), Some((n, 1)));
    }
    assert!(panic_of(|| drop(testing::at_check(0))).contains("counted from 1"));
}

#[test]
fn from_the_beginning_and_never() {
    let expired = testing::expired();
    assert_eq!((expired.limit(), expired.stop()), (Some(Duration::ZERO), None));
    let e = after(SECOND).check().expect_err("enclosed");
    assert!(expired.owns(&e));
    assert_eq!((e.elapsed(), e.cause()), (Duration::ZERO, Cause::Deadline));
    drop(expired);

    let never = testing::never();
    for _ in 0..10_000 {
        assert!(never.check().is_ok());
    }
    assert_eq!((never.checks(), never.places().len(), never.stop()), (10_000, 10_000, None));
    never.ring();
    assert_eq!(never.check().expect_err("rung").cause(), Cause::Rung);
    assert_eq!(never.stop().expect("stopped").check(), 10_001);
}

#[test]
fn other_causes() {
    for cause in [Cause::Signal(2), Cause::Rung, Cause::Checks, Cause::Stopped, Cause::Cpu] {
        let rehearsal = testing::at_check(2).cause(cause);
        assert!(rehearsal.check().is_ok());
        assert_eq!(rehearsal.check().expect_err("stopped").cause(), cause);
        drop(rehearsal);
        let attempts = Cell::new(0);
        EachCheck::new().cause(cause).run(|attempt| {
            let outcome = attempt.run(Alarm::check);
            assert_eq!(outcome.err().map(|e| e.cause()), attempt.was_stopped().then_some(cause));
            attempts.set(attempts.get() + 1);
        });
        assert_eq!(attempts.get(), 2);
    }
}

#[test]
fn an_alarm_that_is_set_again_is_well() {
    let (restarted, extended) = (testing::at_check(1), Cell::new(false));
    assert!(restarted.check().is_err() && restarted.check().is_err());
    restarted.restart();
    assert!((0..100).all(|_| restarted.check().is_ok()));
    assert_eq!(restarted.stop().map(|stop| (stop.check(), stop.later())), Some((1, 0)));
    drop(restarted);

    testing::each_check(|attempt| {
        let outcome = attempt.run(|alarm| {
            let first = alarm.check();
            if first.is_err() {
                alarm.extend(SECOND); // time to put things in order
                alarm.check().expect("well");
                testing::advance(SECOND);
                extended.set(true);
            }
            alarm.check()
        });
        assert_eq!(outcome.is_err(), attempt.was_stopped(), "the second it was given has passed");
    });
    assert!(extended.get());
}

#[test]
fn a_disarmed_alarm_is_not_stopped() {
    let commits = Cell::new(0);
    let report = testing::each_check(|attempt| {
        let outcome = attempt.run(|alarm| {
            alarm.check()?;
            alarm.disarm(); // the point of no return
            for _ in 0..3 {
                alarm.check()?;
            }
            commits.set(commits.get() + 1);
            alarm.restart();
            alarm.check()
        });
        let stop = attempt.stop().map(|stop| stop.check());
        assert_eq!(stop, Some(attempt.number()).filter(|n| matches!(n, 1 | 5)));
        assert_eq!(outcome.is_err(), stop.is_some());
    });
    assert_eq!((report.attempts(), report.checks()), (6, 5));
    assert_eq!(commits.get(), 5, "in all but the first");
}

#[test]
fn every_nth_and_at_most() {
    let mut stops = Vec::new();
    let checks = |attempt: &mut Attempt<'_>, n: u64| {
        let _ = attempt.run(|alarm| (0..n).try_for_each(|_| alarm.check()));
        attempt.stop().map(|stop| stop.check())
    };
    let report = EachCheck::new().every(10).run(|attempt| stops.push(checks(attempt, 35)));
    assert_eq!(stops, [Some(1), Some(11), Some(21), Some(31), None]);
    assert_eq!((report.checks(), report.is_complete()), (35, true));
    // The last stop is the last check; then it is past the end.
    let report =
        EachCheck::new().every(10).run(|attempt| assert!(checks(attempt, 31).is_none_or(|n| n <= 31)));
    assert_eq!((report.attempts(), report.checks()), (5, 31));

    let report = EachCheck::new().at_most(7).run(|attempt| assert!(checks(attempt, 100).is_some()));
    assert_eq!((report.attempts(), report.checks(), report.is_complete()), (7, 7, false));
    assert!(report.to_string().contains("7 attempts, not to the end"), "{report}");
    let report = EachCheck::new().at_most(0).run(|_| unreachable!());
    assert_eq!((report.attempts(), report.checks()), (0, 0));
    let said = panic_of(|| drop(testing::each_check(|attempt| assert!(checks(attempt, u64::MAX).is_some()))));
    assert!(said.contains("stopped 2000 times, the last time at check 2000"), "{said}");
}

#[test]
fn a_function_that_takes_no_notice() {
    let line = Cell::new(0);
    let said = panic_of(|| {
        testing::each_check(|attempt| {
            attempt.run(|alarm| {
                loop {
                    line.set(line!() + 1);
                    let _ = alarm.check();
                }
            })
        });
    });
    let place = format!("tests/testing.rs:{}:", line.get());
    assert!(said.starts_with(&format!("stopped at check 1, {place}")), "{said}");
    assert!(said.contains(&format!("still checking 100001 checks later, at {place}")), "{said}");
    // Patience is counted to the check.
    let rehearsal = testing::at_check(1).patience(3);
    assert!((0..4).all(|_| rehearsal.check().is_err()));
    assert!(panic_of(|| drop(rehearsal.check())).contains("4 checks later"));
    drop(rehearsal);
    let said = panic_of(|| {
        EachCheck::new().patience(9).run(|attempt| {
            attempt.run(|_| {
                loop {
                    let _ = checkpoint();
                }
            })
        });
    });
    assert!(said.contains("10 checks later"), "{said}");
}

/// A check in a destructor, in the midst of that panic, must not end the process.
#[test]
fn no_second_panic_on_the_way_out() {
    struct Checks<'a>(&'a AtomicUsize);
    impl Drop for Checks<'_> {
        fn drop(&mut self) {
            let erring = (0..100).filter(|_| checkpoint().is_err()).count();
            self.0.fetch_add(erring, Ordering::Relaxed);
        }
    }
    let erring = AtomicUsize::new(0);
    let said = panic_of(|| {
        let _rehearsal = testing::at_check(1).patience(5);
        let _checks = Checks(&erring);
        while checkpoint().is_ok() || !thread::panicking() {}
    });
    assert!(said.contains("takes no notice"), "{said}");
    assert_eq!(erring.into_inner(), 100);
}

#[test]
fn functions_that_differ_from_run_to_run() {
    let runs = Cell::new(0);
    let differing = |plan: EachCheck, f: fn(u32, &Alarm) -> Result<(), TimedOut>| {
        runs.set(0);
        plan.run(|attempt| {
            runs.set(runs.get() + 1);
            let _ = attempt.run(|alarm| f(runs.get(), alarm));
        })
    };
    let two_ways = |run, alarm: &Alarm| {
        for n in 0..5 {
            if run >= 4 && n == 2 { checkpoint()? } else { alarm.check()? }
        }
        Ok(())
    };
    let report = differing(EachCheck::new(), two_ways);
    let divergence = report.divergence().expect("two ways");
    assert_eq!((divergence.attempt(), divergence.check()), (4, 3));
    let found = divergence.found().expect("another place");
    assert_eq!(found.line(), divergence.expected().line());
    assert!(found.column() < divergence.expected().column());
    assert!(report.to_string().contains("attempt 4 took another way: check 3 was at"), "{report}");

    // Fewer and fewer: it ends although the count never came to be the same twice.
    let shrinking = |run, alarm: &Alarm| (0..20_u32.saturating_sub(3 * run)).try_for_each(|_| alarm.check());
    let report = differing(EachCheck::new(), shrinking);
    assert!(report.is_complete());
    assert_eq!(report.divergence().expect("fewer").found(), None);
    assert!(report.to_string().contains("then did not come"), "{report}");
    // What comes after the stop is the way out, and may be as long as it likes.
    let growing = |run, alarm: &Alarm| {
        (0..5).try_for_each(|_| alarm.check()).inspect_err(|_| (0..run).for_each(|_| drop(alarm.check())))
    };
    assert!(differing(EachCheck::new(), growing).divergence().is_none());
}

#[test]
fn a_test_that_forgets_to_run() {
    assert!(panic_of(|| drop(testing::each_check(|_| ()))).contains("call `run` on the attempt"));
    let twice = |attempt: &mut Attempt<'_>| {
        attempt.run(|_| ());
        attempt.run(|_| ());
    };
    assert!(panic_of(|| drop(testing::each_check(twice))).contains("once"));
}

#[test]
fn the_clock_is_exact() {
    let rehearsal = testing::never();
    let begin = rehearsal.now();
    let alarm = after(10 * SECOND);
    let at = Alarm::at(begin + SECOND).expect("arming");
    rehearsal.advance(SECOND - Duration::from_nanos(1));
    assert_eq!(alarm.elapsed(), SECOND - Duration::from_nanos(1));
    assert_eq!(at.remaining(), Some(Duration::from_nanos(1)));
    assert!(at.check().is_ok());
    rehearsal.advance(Duration::from_nanos(1));
    assert_eq!(rehearsal.now(), begin + SECOND);
    let e = at.check().expect_err("due");
    assert_eq!((e.elapsed(), e.limit(), e.cause()), (SECOND, Some(SECOND), Cause::Deadline));
    assert!(alarm.check().is_ok(), "the outer one has time");
    assert_eq!(alarm.deadline(), Some(begin + 10 * SECOND));
    // Two at once: the outer one answers.
    let inner = after(9 * SECOND);
    testing::advance(9 * SECOND);
    assert!(alarm.owns(&inner.check().expect_err("both")));
    assert!(!rehearsal.is_expired());
    rehearsal.advance(Duration::MAX);
    assert_eq!(inner.elapsed(), rehearsal.now().duration_since(begin + SECOND));
    assert!(after(SECOND).check().is_err(), "enclosed by what has expired");
    drop((alarm, at, inner));
    assert!(
        panic_of(|| {
            thread::spawn(|| testing::advance(SECOND)).join().unwrap_or_else(|e| std::panic::resume_unwind(e))
        })
        .contains("in no rehearsal")
    );
}

#[test]
fn every_kind_of_limit_goes_by_the_clock() {
    let rehearsal = testing::never();
    let cpu = Alarm::builder().cpu(SECOND).arm().expect("arming");
    let thread_cpu = Alarm::builder().thread_cpu(2 * SECOND).label("work").arm().expect("arming");
    let budget = Alarm::builder().checks(3).arm().expect("arming");
    rehearsal.advance(SECOND);
    let e = cpu.check().expect_err("used up");
    assert_eq!((e.cause(), e.elapsed(), e.limit()), (Cause::Cpu, SECOND, Some(SECOND)));
    cpu.restart();
    assert!(cpu.check().is_ok());
    cpu.disarm();
    rehearsal.advance(SECOND);
    assert!(cpu.check().is_ok());
    let e = thread_cpu.check().expect_err("used up");
    assert_eq!(
        e.to_string().split(" at ").next(),
        Some("work used up its processor time after 2.000 s (limit 2 s)")
    );
    drop(thread_cpu);
    assert!((0..3).all(|_| budget.check().is_ok()));
    assert_eq!(budget.check().expect_err("used up").cause(), Cause::Checks);
    // What needs signals does nothing.
    let silent = Alarm::builder().after(SECOND).abort_after(Duration::ZERO).ring_on(10).audit(MS);
    let silent = silent.arm().expect("arming");
    rehearsal.advance(10 * SECOND);
    assert!(silent.longest_gap().is_none());
}

#[test]
fn tickers_go_by_the_clock() {
    let rehearsal = testing::never();
    let ticker = Ticker::every(10 * SECOND).expect("arming");
    assert_eq!(ticker.due(), 0);
    rehearsal.advance(35 * SECOND);
    assert_eq!((ticker.due(), ticker.due()), (3, 0));
    rehearsal.advance(4 * SECOND);
    assert_eq!(ticker.due(), 0);
    rehearsal.sleep(SECOND).expect("nothing expires");
    assert_eq!(ticker.due(), 1);
    assert_eq!(rehearsal.checks(), 2, "a ticker does not check");
    drop(rehearsal);
    assert_eq!(ticker.due(), 0);
    let _next = testing::never();
    testing::advance(100 * SECOND);
    assert_eq!(ticker.due(), 0, "it has outlived its clock");
}

#[test]
fn sleep_takes_no_time_and_ends_at_the_deadline() {
    let began = Instant::now();
    let rehearsal = testing::never();
    let outer = after(3600 * SECOND);
    let inner = after(1000 * SECOND);
    inner.sleep(999 * SECOND).expect("in time");
    assert_eq!(inner.remaining(), Some(SECOND));
    let e = inner.sleep(2 * SECOND).expect_err("too long");
    assert!(inner.owns(&e));
    assert_eq!(e.elapsed(), 1000 * SECOND, "it wakes at the deadline");
    // The outer one sleeps through the end of the inner one.
    outer.sleep(1000 * SECOND).expect("in time");
    assert_eq!(outer.elapsed(), 2000 * SECOND);
    assert!(outer.owns(&outer.sleep(Duration::MAX).expect_err("at the deadline")));
    assert_eq!(outer.elapsed(), 3600 * SECOND);
    drop((outer, inner));
    let checks = rehearsal.checks();
    let said = panic_of(|| drop(rehearsal.sleep(Duration::MAX)));
    assert!(said.contains("nothing ends this sleep at tests/testing.rs:"), "{said}");
    assert_eq!(rehearsal.checks(), checks + 2);
    drop(rehearsal);
    // Stopped before it, and in it.
    let report = EachCheck::new().at_most(2).run(|attempt| {
        let e = attempt.run(|alarm| alarm.sleep(Duration::MAX)).expect_err("stopped");
        assert!(attempt.stop().is_some_and(|stop| stop.owns(&e)));
    });
    assert_eq!(report.checks(), 2);
    assert!(began.elapsed() < LATE);
}

#[test]
fn reads_and_children_are_in_earnest() {
    let report = stops_everywhere(|alarm| {
        let (here, mut there) = UnixStream::pair().expect("sockets");
        there.write_all(b"first\nsecond\n").expect("room");
        let mut lines = BufReader::new(alarm.reader(&here)).lines();
        let first = lines.next().expect("a line");
        match first {
            Ok(line) => assert_eq!(line, "first"),
            Err(e) => {
                return Err(e.get_ref().and_then(|e| e.downcast_ref::<TimedOut>()).expect("inside").clone());
            }
        }
        Ok(())
    });
    assert_eq!(report.checks(), 2);
    let report = testing::each_check(|attempt| {
        let mut child = Command::new("true").spawn().expect("true");
        thread::sleep(MS);
        let status = attempt.run(|alarm| alarm.wait(&mut child));
        match status {
            Ok(status) => assert!(status.success()),
            Err(e) => assert_eq!(e.kind(), io::ErrorKind::TimedOut),
        }
        child.wait().expect("reaped or not");
    });
    assert!(report.checks() <= 2, "none if it has ended before; {report}");
    let report = testing::each_check(|attempt| {
        let (mut here, there) = UnixStream::pair().expect("sockets");
        drop(there);
        let end = attempt.run(|alarm| alarm.blocking(|| here.read(&mut [0])));
        assert_eq!(end.ok(), (!attempt.was_stopped()).then_some(0));
    });
    assert_eq!(report.checks(), 2);
}

#[test]
fn rehearsals_nest() {
    let outer = testing::at_check(5);
    {
        let inner = testing::at_check(2);
        assert!(inner.check().is_ok());
        assert!(inner.owns(&inner.check().expect_err("its second")));
        outer.advance(SECOND);
        assert_eq!(inner.elapsed(), SECOND, "one clock");
        assert!(outer.check().is_err(), "what an older alarm is asked is stopped as well");
    }
    assert_eq!(outer.checks(), 3);
    assert!(outer.check().is_ok(), "the inner one is gone");
    let second = testing::at_check(3);
    assert!(outer.owns(&second.check().expect_err("the outer one's fifth")));
    drop(outer); // before the inner one
    assert!(second.check().is_ok());
    assert!(second.check().is_err());
    assert_eq!(second.checks(), 3);
    drop(second);
    assert!(checkpoint().is_ok());
    let (outer, inner) = (testing::expired(), testing::expired());
    assert!(outer.owns(&inner.check().expect_err("both")) && outer.owns(&checkpoint().expect_err("both")));
    drop((outer, inner));

    let outer = testing::never();
    assert_eq!(stops_everywhere(|_| (0..3).try_for_each(|_| checkpoint())).checks(), 3);
    assert_eq!(outer.checks(), 1 + 2 + 3 + 3);
}

#[test]
fn what_outlives_a_rehearsal_is_inert() {
    let rehearsal = testing::never();
    let alarm = after(Duration::ZERO);
    assert!(alarm.check().is_err());
    drop(rehearsal);
    assert!(alarm.check().is_ok());
    assert_eq!((alarm.remaining(), alarm.elapsed()), (None, Duration::ZERO));
    alarm.restart();
    alarm.ring();
    let _next = testing::never();
    assert!(alarm.check().is_ok());
    alarm.sleep(SECOND).expect("inert");
}

#[test]
fn a_panic_ends_the_rehearsal() {
    let said = panic_of(|| {
        let _rehearsal = testing::expired();
        let _alarm = after(SECOND);
        panic!("on purpose");
    });
    assert_eq!(said, "on purpose");
    assert!(checkpoint().is_ok());
    let said = panic_of(|| {
        testing::each_check(|attempt| attempt.run(|alarm| alarm.check().expect("no limit")));
    });
    assert!(said.starts_with("no limit: TimedOut"), "{said}");
    assert!(checkpoint().is_ok());
    assert!(panic_of(|| testing::advance(SECOND)).contains("in no rehearsal"));
}

#[test]
fn a_leaked_rehearsal_keeps_its_thread_only() {
    thread::spawn(|| {
        std::mem::forget(testing::at_check(2));
        assert!(checkpoint().is_ok());
        assert!(checkpoint().is_err());
    })
    .join()
    .expect("no panic");
    assert!(checkpoint().is_ok());
    assert_eq!(stops_everywhere(Alarm::check).checks(), 1);
}

/// Tells the other threads to come to an end.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Whatever another thread does in earnest, at the same time.
#[test]
fn real_alarms_of_other_threads_are_not_disturbed() {
    const ROUNDS: usize = 40;
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let rehearsing = [(); 3].map(|()| {
            scope.spawn(|| {
                let mut rounds = 0;
                while !done.load(Ordering::Relaxed) {
                    assert_eq!(
                        stops_everywhere(|alarm| (0..20).try_for_each(|_| alarm.check())).checks(),
                        20
                    );
                    let rehearsal = testing::never();
                    let alarm = after(MS);
                    thread::yield_now();
                    assert!(alarm.check().is_ok(), "real time does not matter here");
                    rehearsal.advance(MS);
                    assert!(alarm.check().is_err());
                    rounds += 1;
                }
                rounds
            })
        });
        // In earnest, on this thread: on time, and never early.
        let ending = Done(&done); // also in a panic
        let began = Instant::now();
        let (mut seen, ticker) = (0, Ticker::every(5 * MS).expect("arming"));
        for _ in 0..ROUNDS {
            let began = Instant::now();
            let alarm = after(5 * MS);
            let e = loop {
                if let Err(e) = alarm.check() {
                    break e;
                }
                assert!(began.elapsed() < LATE, "lost");
            };
            assert!(alarm.owns(&e) && e.elapsed() >= 5 * MS && began.elapsed() >= 5 * MS);
            assert!(after(LATE).check().is_err(), "enclosed");
            let sleeping = alarm.sleep(LATE).expect_err("expired");
            assert!(alarm.owns(&sleeping));
            seen += ticker.due();
        }
        seen += ticker.due();
        assert!(u128::from(seen) <= began.elapsed().as_millis() / 5 && seen as usize >= ROUNDS - 1, "{seen}");
        drop(ending);
        for thread in rehearsing {
            assert!(thread.join().expect("no panic") > 0);
        }
    });
}

/// Many at once: each counts its own.
#[test]
fn many_threads_rehearse_at_once() {
    thread::scope(|scope| {
        for checks in 1..9 {
            scope.spawn(move || {
                for _ in 0..10 {
                    let report = stops_everywhere(|_| (0..checks).try_for_each(|_| checkpoint()));
                    assert_eq!(report.checks(), checks);
                }
            });
        }
    });
}

#[test]
fn an_older_alarm_in_earnest() {
    let watchdog = after(LATE);
    // Its checks count, and it encloses the rehearsal.
    assert_eq!(stops_everywhere(|_| (0..3).try_for_each(|_| watchdog.check())).checks(), 3);
    assert_eq!(stops_everywhere(|alarm| alarm.check().and_then(|()| watchdog.check())).checks(), 2);
    let rehearsal = testing::at_check(2);
    watchdog.ring();
    let e = rehearsal.check().expect_err("enclosed");
    assert!(watchdog.owns(&e) && e.cause() == Cause::Rung);
    assert!(watchdog.owns(&checkpoint().expect_err("both: the outer one")));
    drop(rehearsal);
    let said = panic_of(|| drop(testing::each_check(|attempt| drop(attempt.run(Alarm::check)))));
    assert!(said.starts_with("an alarm around the test has expired: was rung after "), "{said}");
    watchdog.restart();
    let older = testing::expired();
    let said = panic_of(|| drop(testing::each_check(|attempt| drop(attempt.run(Alarm::check)))));
    assert!(said.starts_with("an alarm around the test has expired: timed out after "), "{said}");
    drop(older);
    // A wait in a rehearsal ends for it, in real time.
    watchdog.disarm();
    let (mut here, _there) = UnixStream::pair().expect("sockets");
    let began = Instant::now();
    let short = after(20 * MS);
    let rehearsal = testing::never();
    let e = rehearsal.reader(&mut here).read(&mut [0]).expect_err("nothing comes");
    let e = e.get_ref().and_then(|e| e.downcast_ref::<TimedOut>()).expect("inside").clone();
    assert!(short.owns(&e) && began.elapsed() >= 20 * MS);
}

#[test]
fn alarms_of_a_rehearsal_on_other_threads() {
    let report = testing::each_check(|attempt| {
        let outcome = attempt.run(|alarm| {
            let guest = || {
                assert!(checkpoint().is_ok(), "not this thread's");
                alarm.check()?;
                let _entered = alarm.enter();
                checkpoint()?;
                let inner = after(LATE); // in earnest
                inner.check()
            };
            let there = thread::scope(|scope| scope.spawn(guest).join().expect("no panic"));
            there.and_then(|()| checkpoint())
        });
        assert_eq!(outcome.is_err(), attempt.was_stopped());
        assert!(outcome.err().is_none_or(|e| attempt.stop().is_some_and(|stop| stop.owns(&e))));
    });
    assert!(report.divergence().is_none());
    // The check of an alarm in earnest is none of the rehearsal's.
    assert_eq!(report.checks(), 3);
}

#[test]
fn a_worker_is_in_earnest() {
    let checks = |worker: &Worker<Result<(), TimedOut>>| match worker.join() {
        Ok(value) => value.expect("not stopped"),
        Err(e) => panic!("{e}"),
    };
    let rehearsal = testing::never();
    let worker = Worker::spawn(|| (0..1_000).try_for_each(|_| checkpoint())).expect("a thread");
    checks(&worker);
    assert_eq!(rehearsal.checks(), 1, "the join");
    drop(rehearsal);
    let _rehearsal = testing::at_check(1);
    let worker = Worker::spawn(|| while checkpoint().is_ok() {}).expect("a thread");
    assert!(worker.join_timeout(LATE).is_err_and(|e| e.to_string().contains("timed out")), "stopped");
    worker.stop();
}

#[test]
fn a_forked_child_is_in_earnest() {
    let rehearsal = testing::at_check(3);
    let alarm = after(Duration::ZERO);
    let status = support::process::in_child(|| {
        assert!((0..10).all(|_| checkpoint().is_ok() && rehearsal.check().is_ok() && alarm.check().is_ok()));
        assert_eq!((rehearsal.checks(), rehearsal.stop()), (0, None));
        rehearsal.advance(SECOND);
        // It can rehearse for itself, and in earnest.
        let own = testing::at_check(2);
        assert!(checkpoint().is_ok() && rehearsal.check().is_err() && alarm.check().is_err());
        drop(own);
        let began = Instant::now();
        let real = after(MS);
        while real.check().is_ok() {
            assert!(began.elapsed() < LATE);
        }
        assert!(began.elapsed() >= MS);
    });
    assert_eq!(status, 0);
    assert!(alarm.owns(&alarm.check().expect_err("it expired when it was armed")));
    assert!(rehearsal.check().is_ok(), "the second");
    assert!(rehearsal.owns(&rehearsal.check().expect_err("the third")));
}

/// With the system calls forbidden that real alarms need; the filter is this thread's, and ends with it.
#[test]
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
fn the_kernel_is_left_alone() {
    use nix::libc;
    // Somebody is in earnest meanwhile: nothing is done for them either.
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let (armed, ready) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let _alarm = after(LATE);
        armed.send(()).expect("awaited");
        let _ = held.recv();
    });
    ready.recv().expect("armed");
    for call in [libc::SYS_setitimer, libc::SYS_rt_sigaction, libc::SYS_rt_sigprocmask, libc::SYS_ppoll] {
        support::process::forbid(call, libc::EPERM);
    }
    assert!(Alarm::after(SECOND).is_err(), "the filter is in force");
    let on_own = Cell::new(0);
    assert_eq!(stops_everywhere(|_| tries_for_a_second(&on_own)).checks(), 6);
    let rehearsal = testing::never();
    let busy = Alarm::builder().after(SECOND).cpu(SECOND).ring_on(10).abort_after(MS).audit(MS).checks(100);
    let busy = busy.arm().expect("without the kernel");
    let ticker = Ticker::every(MS).expect("without the kernel");
    assert!(busy.sleep(2 * SECOND).is_err());
    assert_eq!(ticker.due(), 1000);
    assert_eq!(busy.blocking(|| Ok(1)).map_err(|e| e.kind()), Err(io::ErrorKind::TimedOut));
    busy.restart();
    assert_eq!(busy.blocking(|| Ok(1)).expect("no wait"), 1);
    rehearsal.ring();
    assert!(busy.check().is_err());
    drop(hold);
}

/// Runs one of the ignored tests of this binary; `under` may start it.
fn run(test: &str, under: Option<Command>) -> Output {
    let exe = std::env::current_exe().expect("this binary");
    let mut command = match under {
        Some(mut command) => {
            command.arg(exe);
            command
        }
        None => Command::new(exe),
    };
    command.args(["--ignored", "--exact", test, "--test-threads=1"]).env("RUST_BACKTRACE", "0");
    command.output().expect("it runs")
}

#[test]
#[ignore = "fails on purpose"]
fn fails_after_the_third_check() {
    testing::each_check(|attempt| {
        let outcome = attempt.run(|alarm| (0..5).try_for_each(|_| alarm.check()));
        assert!(attempt.number() < 3 || outcome.is_ok(), "half the work is done");
    });
}

#[test]
#[ignore = "fails on purpose"]
fn fails_in_the_function() {
    testing::each_check(|attempt| attempt.run(|alarm| assert!((0..2).all(|_| alarm.check().is_ok()))));
}

#[test]
#[ignore = "fails on purpose"]
fn fails_without_having_been_stopped() {
    let rehearsal = testing::never();
    rehearsal.check().expect("never");
    panic!("on purpose");
}

/// What the harness prints for a test that failed.
#[test]
fn a_failure_names_the_check() {
    for (test, says) in [
        ("fails_after_the_third_check", "sigalarm: in attempt 3, stopped at check 3, tests/testing.rs:"),
        ("fails_in_the_function", "sigalarm: in attempt 1, stopped at check 1, tests/testing.rs:"),
        ("fails_without_having_been_stopped", "sigalarm: in a rehearsal, not stopped, after 1 checks"),
    ] {
        let output = run(test, None);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(!output.status.success() && text.contains("1 failed"), "{text}");
        assert_eq!(text.matches("sigalarm: in ").count(), 1, "{text}");
        assert!(text.contains(says), "{text}");
    }
}

#[test]
#[ignore = "for strace"]
fn rehearses_everything() {
    let report = stops_everywhere(|alarm| {
        let _ticker = Ticker::every(MS).expect("arming");
        alarm.sleep(SECOND)?;
        let mut best = Best::lowest();
        best.within(SECOND, |best, alarm| {
            best.offer(1, || 1);
            alarm.check()
        })
        .expect("arming")
    });
    assert_eq!(report.checks(), 3);
}

/// The whole process, as seen by strace: no timer is set, and SIGALRM's disposition and mask are nobody's business.
#[test]
fn no_system_call_says_alarm() {
    let Some(mut strace) = support::tool("strace") else { return };
    strace
        .args(["-f", "-e", "trace=setitimer,timer_create,rt_sigaction,rt_sigprocmask,kill,tgkill,tkill"])
        .arg("--");
    let output = run("rehearses_everything", Some(strace));
    let calls = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{calls}");
    assert!(calls.contains("rt_sigaction("), "it has seen the runtime's own: {calls}");
    let ours = calls
        .lines()
        .filter(|line| ["ALRM", "setitimer", "timer_create", "kill("].iter().any(|word| line.contains(word)));
    assert_eq!(ours.collect::<Vec<_>>(), [""; 0]);
}
