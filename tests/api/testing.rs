//! The test kit. A failing test runs in a second process of this binary, which captures its output.

use std::any::Any;
use std::cell::Cell;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use sigalarm::testing::{self, Attempt, EachCheck};
use sigalarm::thread::Worker;
use sigalarm::{Alarm, Best, Cause, IteratorExt, TimedOut, checkpoint, unwind_if_expired, within};

const MS: Duration = Duration::from_millis(1);
const LATE: Duration = Duration::from_secs(60);

fn after(limit: Duration) -> Alarm {
    Alarm::after(limit).expect("arming")
}

fn panic_of(f: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).expect_err("it should panic");
    let text = |payload: Box<dyn Any + Send>| (*payload.downcast::<&str>().expect("a text")).to_owned();
    payload.downcast::<String>().map_or_else(text, |text| *text)
}

fn stops_everywhere<T>(mut f: impl FnMut(&Alarm) -> Result<T, TimedOut>) -> testing::Report {
    let mut stops = Vec::new();
    let report = testing::each_check(|attempt| match (attempt.run(&mut f), attempt.stop()) {
        (Err(e), Some(stop)) => {
            assert_eq!(stop.check(), attempt.number());
            assert!(stop.owns(&e) && stop.location() == e.location());
            assert!(e.cause() == Cause::Deadline && Some(e.elapsed()) >= e.limit());
            stops.push(stop.location().clone());
        }
        (Ok(_), None) => {}
        (outcome, stop) => panic!("{stop:?}, and is_err() = {}", outcome.is_err()),
    });
    assert!(report.is_complete() && report.divergence().is_none(), "{report}");
    assert_eq!(report.attempts(), report.checks() + 1);
    assert_eq!(report.locations(), stops);
    report
}

#[test]
fn each_check_stops_at_each_check_in_turn() {
    let (a, b) = (line!() + 2, line!() + 3);
    let report = stops_everywhere(|alarm| {
        let check = |n| alarm.check().map(|()| n);
        let checkpoints = |n| (0..n).try_for_each(|_| checkpoint());
        (0..3).try_for_each(|n| check(n).and_then(checkpoints))
    });
    let lines: Vec<u32> = report.locations().iter().map(|location| location.line()).collect();
    assert_eq!(lines, [a, a, b, a, b, b]);
    assert_eq!(Vec::from_iter(report.tally().into_values()), [3, 3]);
    let text = format!("6 checks at 2 locations, 7 attempts\n      3  {}:{a}:", file!());
    assert!(report.to_string().starts_with(&text), "{report}");
    assert_eq!(testing::each_check(|attempt| attempt.run(|_| ())).checks(), 0);
}

#[test]
fn checks_of_adapters_and_waits_are_counted() {
    fn counted<T>(f: impl FnOnce(&Alarm) -> T) -> u64 {
        let alarm = testing::never();
        f(&alarm);
        alarm.checks()
    }
    assert_eq!(counted(Alarm::is_expired), 1);
    assert_eq!(counted(|alarm| (0..5).checked(alarm).count()), 6);
    assert_eq!(counted(|alarm| (0..5).checked_every(2, alarm).count()), 3);
    assert_eq!(counted(|alarm| (0..5).until(alarm).count()), 6);
    assert_eq!(counted(Alarm::unwind_if_expired), 1);
    assert_eq!(counted(|_| Best::<u32, u32>::lowest().within(LATE, |_, alarm| alarm.check())), 1);
    // These calls wait in real time. A signal may add one check.
    assert_eq!(counted(|alarm| alarm.sleep(Duration::ZERO)), 2);
    let began = Instant::now();
    assert!(counted(|alarm| alarm.sleep(10 * MS)) >= 2 && began.elapsed() >= 10 * MS);
    assert_eq!(counted(|alarm| alarm.blocking(|| Ok(()))), 2);
    let (here, mut there) = UnixStream::pair().expect("sockets");
    there.write_all(b"x").expect("room");
    assert!(counted(|alarm| alarm.reader(&here).read_exact(&mut [0]).expect("a byte")) >= 2);
    let worker = Worker::spawn(|| while checkpoint().is_ok() {}).expect("a thread");
    assert!(counted(|_| worker.join_timeout(MS).expect_err("it runs")) >= 1);
    let stopped = testing::expired();
    assert!(stopped.owns(worker.join().expect_err("stopped").timed_out().expect("a time-out")));
    assert!(worker.is_alive(), "its own checkpoints are not stopped");
    worker.stop();
    drop(stopped);
    let unwinding = |alarm: &Alarm| alarm.catch(|| (0..3).for_each(|_| unwind_if_expired()));
    assert_eq!(stops_everywhere(unwinding).checks(), 3);
}

#[test]
fn inner_alarm_is_real_and_does_not_hide_the_test_alarm() {
    let tries = |_: &Alarm| {
        for _ in 0..3 {
            let alarm = after(LATE);
            (0..2).try_for_each(|_| alarm.check()).inspect_err(|e| assert!(!alarm.owns(e)))?;
        }
        within(LATE, |_| within(LATE, |inner| inner.check()).expect("arming")).expect("arming")
    };
    assert_eq!(stops_everywhere(tries).checks(), 7);
    let (_never, inner) = (testing::never(), after(5 * MS));
    let e = (0..).find_map(|_| inner.check().err()).expect("expires");
    assert!(inner.owns(&e) && e.elapsed() >= 5 * MS);
}

#[test]
fn alarm_expires_at_the_nth_check_and_stays_expired() {
    for n in [1, 2, 17, 1_000] {
        let alarm = testing::at_check(n);
        assert_eq!((alarm.remaining(), alarm.limit()), (None, None));
        let ok = (0..2_000).take_while(|_| checkpoint().is_ok()).count() as u64;
        assert_eq!((ok, alarm.checks(), alarm.remaining()), (n - 1, n, Some(Duration::ZERO)));
        let stop = alarm.stop().expect("stopped");
        assert_eq!((stop.check(), stop.later()), (n, 0));
        assert_eq!(stop.to_string(), format!("stopped at check {n}, {}", alarm.locations()[n as usize - 1]));
        let e = after(LATE).check().expect_err("enclosed");
        assert!(alarm.owns(&e) && stop.owns(&e) && Some(e.elapsed()) >= e.limit() && e.limit().is_some());
        assert_eq!(alarm.stop().map(|stop| (stop.check(), stop.later())), Some((n, 1)));
    }
    assert!(panic_of(|| drop(testing::at_check(0))).contains("counted from 1"));
}

#[test]
fn expired_and_never_are_test_alarms() {
    let expired = testing::expired();
    let zero = Some(Duration::ZERO);
    assert_eq!((expired.limit(), expired.remaining(), expired.stop()), (zero, zero, None));
    assert!(expired.owns(&after(LATE).check().expect_err("enclosed")));
    drop(expired);
    let never = testing::never();
    assert!((0..10_000).all(|_| never.check().is_ok()));
    assert_eq!((never.checks(), never.locations().len(), never.stop()), (10_000, 10_000, None));
    never.ring();
    assert!(never.is_expired() && never.stop().is_some_and(|stop| stop.check() == 10_001));
}

#[test]
fn alarm_expires_for_the_cause_of_choice() {
    for cause in [Cause::Signal(2), Cause::Rung, Cause::Checks, Cause::Stopped, Cause::Cpu, Cause::Deadline] {
        let e = testing::at_check(1).cause(cause).check().expect_err("stopped");
        assert_eq!((e.cause(), e.limit().is_some()), (cause, cause == Cause::Deadline));
        assert_eq!(testing::expired().cause(cause).check().expect_err("expired").cause(), cause);
        EachCheck::new().cause(cause).run(|attempt| {
            let outcome = attempt.run(Alarm::check);
            assert_eq!(outcome.err().map(|e| e.cause()), attempt.was_stopped().then_some(cause));
        });
    }
}

#[test]
fn restart_extend_and_disarm_end_the_stop() {
    let alarm = testing::at_check(2);
    alarm.restart();
    assert!(alarm.check().is_ok() && alarm.check().is_err(), "a restart before the stop changes nothing");
    alarm.restart();
    assert!((0..100).all(|_| alarm.check().is_ok()), "it stops once");
    let (began, alarm) = (Instant::now(), testing::at_check(1));
    assert!(alarm.check().is_err());
    alarm.extend(100 * MS);
    assert!(alarm.check().is_ok() || began.elapsed() >= 100 * MS);
    assert!((0..).any(|_| alarm.is_expired()) && began.elapsed() >= 100 * MS, "it expires by the clock");
    drop(alarm);
    let report = testing::each_check(|attempt| {
        let outcome = attempt.run(|alarm| {
            alarm.check()?;
            alarm.disarm(); // no further stop
            assert!((0..3).all(|_| alarm.check().is_ok()));
            alarm.restart();
            alarm.check()
        });
        assert_eq!(outcome.is_err(), matches!(attempt.number(), 1 | 5));
        assert_eq!(attempt.was_stopped(), outcome.is_err());
    });
    assert_eq!((report.attempts(), report.checks()), (6, 5));
}

#[test]
fn options_bound_the_attempts() {
    let mut stops = Vec::new();
    let checks = |attempt: &mut Attempt, n: u64| {
        let _ = attempt.run(|alarm| (0..n).try_for_each(|_| alarm.check()));
        attempt.stop().map(|stop| stop.check())
    };
    let report = EachCheck::new().every(10).run(|attempt| stops.push(checks(attempt, 31)));
    assert_eq!(stops, [Some(1), Some(11), Some(21), Some(31), None]);
    assert_eq!((report.checks(), report.is_complete()), (31, true));
    let report = EachCheck::new().at_most(7).run(|attempt| assert!(checks(attempt, 100).is_some()));
    assert!(!report.is_complete());
    assert!(report.to_string().starts_with("7 checks at 1 location, 7 attempts, not complete"), "{report}");
    let said = panic_of(|| drop(testing::each_check(|attempt| assert!(checks(attempt, u64::MAX).is_some()))));
    assert!(said.contains("stopped 2000 times, last at check 2000"), "{said}");
    assert!(panic_of(|| drop(testing::each_check(|_| ()))).contains("call `run` on the attempt"));
    let twice = |attempt: &mut Attempt| assert_eq!(checks(attempt, 1), checks(attempt, 1));
    assert!(panic_of(|| drop(testing::each_check(twice))).contains("once"));
}

#[test]
fn ignored_stop_panics() {
    struct ChecksOnDrop<'a>(&'a Cell<usize>);
    impl Drop for ChecksOnDrop<'_> {
        fn drop(&mut self) {
            self.0.set((0..100).filter(|_| checkpoint().is_err()).count());
        }
    }
    let line = line!() + 1;
    let ignores = |alarm: &Alarm| while alarm.check().is_err() {};
    let said = panic_of(|| drop(testing::each_check(|attempt| attempt.run(ignores))));
    let location = format!("still checking, at tests/api/testing.rs:{line}:");
    assert!(said.starts_with("the function ignores the stop") && said.contains(&location), "{said}");
    let alarm = testing::at_check(2).patience(3);
    assert!(alarm.check().is_ok() && (0..4).all(|_| alarm.check().is_err()));
    let on_thread = || panic_of(|| drop(alarm.check()));
    assert!(thread::scope(|scope| scope.spawn(on_thread).join().expect("a text")).contains("still checking"));
    assert_eq!(alarm.stop().map(|stop| (stop.check(), stop.later())), Some((2, 4)));
    drop(alarm);
    let erring = Cell::new(0);
    let ignores_and_checks = |alarm: &Alarm| {
        let _checks = ChecksOnDrop(&erring);
        ignores(alarm);
    };
    let each = EachCheck::new().patience(9);
    let said = panic_of(|| drop(each.run(|attempt| attempt.run(ignores_and_checks))));
    assert!(said.contains("still checking"), "{said}");
    assert_eq!(erring.get(), 100, "no second panic");
}

#[test]
fn runs_that_differ_are_reported() {
    let two_ways = |attempt: &mut Attempt| {
        let other = attempt.number() >= 4;
        let way = |alarm: &Alarm, n| if other && n == 2 { checkpoint() } else { alarm.check() };
        let _ = attempt.run(|alarm| (0..5).try_for_each(|n| way(alarm, n)));
    };
    let report = testing::each_check(two_ways);
    let divergence = report.divergence().expect("two ways");
    assert_eq!((divergence.attempt, divergence.check), (4, 3));
    let (expected, found) = (&divergence.expected, divergence.found.as_ref().expect("another location"));
    assert!(found.line() == expected.line() && found.column() < expected.column());
    let text = format!("differs: check 3 was at {expected} before, and then at {found}");
    assert!(report.to_string().ends_with(&text), "{report}");
    let report = testing::each_check(|attempt| {
        let checks = 20 - 3 * attempt.number();
        let _ = attempt.run(|alarm| (0..checks).try_for_each(|_| alarm.check()));
    });
    assert!(report.is_complete() && report.to_string().ends_with("then was not made"), "{report}");
    // Checks after the stop are not compared.
    let growing = |attempt: &mut Attempt| {
        let later = attempt.number();
        let leave = |alarm: &Alarm| (0..later).for_each(|_| drop(alarm.check()));
        let _ = attempt.run(|alarm| (0..5).try_for_each(|_| alarm.check()).inspect_err(|_| leave(alarm)));
    };
    assert!(testing::each_check(growing).divergence().is_none());
}

#[test]
fn test_alarms_nest_inside_older_alarms() {
    let (outer, inner) = (testing::at_check(4), testing::at_check(2));
    assert!(inner.check().is_ok());
    assert!(inner.owns(&inner.check().expect_err("its second")));
    assert!(outer.check().is_ok(), "an older alarm is not stopped by a younger one");
    assert!(outer.owns(&inner.check().expect_err("the fourth of the outer one")));
    drop(outer);
    assert!(inner.owns(&inner.check().expect_err("it stays expired")));
    drop(inner);
    let older = after(LATE);
    assert_eq!(stops_everywhere(|alarm| older.check().and_then(|()| alarm.check())).checks(), 1);
    let alarm = testing::at_check(2);
    older.ring();
    assert!(older.owns(&alarm.check().expect_err("enclosed")));
    assert_eq!(alarm.stop(), None);
    drop(alarm);
    let said = panic_of(|| drop(testing::each_check(|attempt| drop(attempt.run(Alarm::check)))));
    assert!(said.starts_with("an alarm around the test has expired: was cancelled after "), "{said}");
}

#[test]
fn checks_of_other_threads_count_through_the_alarm() {
    let report = stops_everywhere(|alarm| {
        let entered = || {
            assert!(checkpoint().is_ok(), "not this thread's");
            alarm.check()?;
            let _entered = alarm.enter();
            checkpoint()?;
            after(LATE).check()
        };
        thread::scope(|scope| scope.spawn(entered).join().expect("no panic")).and_then(|()| checkpoint())
    });
    assert_eq!(report.checks(), 4);
}

#[test]
fn forked_child_starts_without_the_test_alarm() {
    let alarm = testing::at_check(2);
    let status = crate::process::in_child(|| {
        assert!((0..10).all(|_| checkpoint().is_ok() && alarm.check().is_ok()));
        assert_eq!((alarm.checks(), alarm.stop()), (0, None));
        let own = testing::at_check(2);
        assert!(checkpoint().is_ok() && own.check().is_err() && alarm.check().is_ok());
    });
    assert_eq!(status, 0);
    assert!(alarm.check().is_ok() && alarm.owns(&alarm.check().expect_err("the second")));
}

#[test]
fn parallel_tests_and_real_alarms_do_not_disturb_each_other() {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for checks in 5..9 {
            let done = &done;
            let stops = move || stops_everywhere(|_| (0..checks).try_for_each(|_| checkpoint()));
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    assert_eq!(stops().checks(), checks)
                }
            });
        }
        let on_time = catch_unwind(|| {
            for alarm in (0..40).map(|_| after(5 * MS)) {
                let e = (0..).find_map(|_| alarm.check().err()).expect("it expires");
                assert!(alarm.owns(&e) && e.elapsed() >= 5 * MS && e.elapsed() < LATE);
            }
        });
        done.store(true, Ordering::Relaxed);
        assert!(on_time.is_ok());
    });
}

/// A seccomp filter on this thread forbids the system calls that real alarms need.
#[test]
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
fn test_alarm_needs_no_timer_no_handler_and_no_mask() {
    use nix::libc::{self, SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_setitimer, SYS_timer_create};
    let calls = [SYS_setitimer, SYS_timer_create, SYS_rt_sigaction, SYS_rt_sigprocmask];
    calls.iter().for_each(|&call| crate::process::forbid(call, libc::EPERM));
    assert!(Alarm::after(LATE).is_err(), "the filter is in force");
    assert_eq!(stops_everywhere(|alarm| (0..5).try_for_each(|_| alarm.check())).checks(), 5);
    let alarm = testing::expired();
    assert!(checkpoint().is_err());
    alarm.extend(LATE);
    assert!(alarm.check().is_ok());
    let rung = Alarm::never().expect("without the kernel");
    rung.ring();
    assert!(rung.owns(&checkpoint().expect_err("rung")));
}

fn find(parents: &[usize], n: usize) -> Result<usize, TimedOut> {
    checkpoint()?;
    if parents[n] == n { Ok(n) } else { find(parents, parents[n]) }
}

fn unite(parents: &mut [usize], sets: &mut usize, a: usize, b: usize, fault: bool) -> Result<(), TimedOut> {
    let (a, b) = (find(parents, a)?, find(parents, b)?);
    parents[if fault { a } else { b }] = b;
    checkpoint()?; // the check in unite
    parents[a] = b;
    *sets -= usize::from(a != b);
    Ok(())
}

fn sift_down(heap: &mut [u32], at: usize, fault: bool) -> Result<(), TimedOut> {
    let (value, children) = (heap[at], 2 * at + 1..heap.len().min(2 * at + 3));
    let largest = children.max_by_key(|&child| heap[child]);
    let Some(child) = largest.filter(|&child| heap[child] > value) else { return Ok(()) };
    heap[at] = if fault { heap[child] } else { value };
    checkpoint()?; // the check in sift_down
    (heap[at], heap[child]) = (heap[child], value);
    sift_down(heap, child, fault)
}

fn heapsort(items: &mut [u32], fault: bool) -> Result<(), TimedOut> {
    (0..items.len() / 2).rev().try_for_each(|at| checkpoint().and_then(|()| sift_down(items, at, fault)))?;
    (1..items.len()).rev().try_for_each(|end| {
        items.swap(0, end);
        sift_down(&mut items[..end], 0, fault)
    })
}

fn transfer(accounts: &mut [i64; 3], fault: bool) -> Result<(), TimedOut> {
    accounts.iter().try_for_each(|_| checkpoint())?;
    accounts[0] -= if fault { 5 } else { 0 };
    checkpoint()?; // the check in transfer
    accounts[0] -= if fault { 0 } else { 5 };
    accounts[2] += 5;
    Ok(())
}

fn stop_and_inspect(function: &str, fault: bool) -> testing::Report {
    testing::each_check(|attempt| match function {
        "unite" => {
            let (mut parents, mut sets) = ([0, 1, 2, 3, 4, 5], 6);
            let mut unite = |&(a, b)| unite(&mut parents, &mut sets, a, b, fault);
            let _ = attempt.run(|_| [(0, 0), (2, 3), (3, 4), (2, 5)].iter().try_for_each(&mut unite));
            assert_eq!(sets, (0..6).filter(|&n| parents[n] == n).count(), "as many sets as roots");
        }
        "sift_down" => {
            let mut items = [1, 5, 3, 8, 2, 9, 4];
            assert!(attempt.run(|_| heapsort(&mut items, fault)).is_err() || items.is_sorted());
            items.sort_unstable();
            assert_eq!(items, [1, 2, 3, 4, 5, 8, 9], "a permutation");
        }
        _ => {
            let mut accounts = [10, 20, 30];
            let _ = attempt.run(|_| transfer(&mut accounts, fault));
            assert_eq!(accounts.iter().sum::<i64>(), 60, "no money is lost");
        }
    })
}

#[test]
#[ignore = "fails on purpose"]
fn fails() {
    let function = std::env::var("FAULT_IN").expect("a function");
    if function == "none" {
        panic!("{:?}", testing::never().check());
    }
    stop_and_inspect(&function, true);
}

#[test]
fn planted_fault_is_named_by_check_and_line() {
    let output = |function: &str| {
        let mut command = Command::new(std::env::current_exe().expect("this binary"));
        command.args(["--ignored", "--exact", "testing::fails"]).env("FAULT_IN", function);
        String::from_utf8_lossy(&command.output().expect("it runs").stdout).into_owned()
    };
    for (function, check) in [("unite", 6), ("sift_down", 2), ("transfer", 4)] {
        assert!(stop_and_inspect(function, false).checks() >= 4, "without the fault it passes");
        let marked = |line: &str| line.ends_with(&format!("// the check in {function}"));
        let line = include_str!("testing.rs").lines().position(marked).expect("a mark") + 1;
        let text = output(function);
        let says =
            format!("sigalarm: in attempt {check}, stopped at check {check}, tests/api/testing.rs:{line}:");
        assert!(text.contains(&says) && text.matches("sigalarm: ").count() == 1, "{text}");
    }
    assert!(output("none").contains("sigalarm: not stopped, checks: 1"));
}
