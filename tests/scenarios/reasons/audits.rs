//! Audits: the longest gap between checks.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sigalarm::{Alarm, Ticker, checkpoint};

use super::{LATE, MS, SECOND, arm, expiry, spin};
use crate::support::{Scenario, scenario};

/// The timer expired while the process was stopped.
fn audit_sees_a_stop_as_a_gap() {
    let alarm = arm(Alarm::builder().audit(8 * MS));
    let script = "kill -STOP $PPID; sleep .5; kill -CONT $PPID";
    // The shell may be quick and stop this process during the spawn.
    let began = Instant::now();
    let mut stopper = std::process::Command::new("sh").args(["-c", script]).spawn().expect("a shell");
    let mut last = began;
    loop {
        let now = Instant::now();
        if now - last > 400 * MS {
            break;
        }
        assert!(now - began < LATE, "it was not stopped");
        last = now;
        checkpoint().expect("it has no limit");
    }
    checkpoint().expect("it has no limit");
    let gap = alarm.longest_gap().expect("it was stopped for half a second");
    assert!(gap.length() > 200 * MS, "{gap}");
    stopper.wait().expect("it ends");
}

fn audit_names_the_longest_gap() {
    let alarm = arm(Alarm::builder().audit(10 * MS));
    let began = Instant::now();
    while began.elapsed() < 100 * MS {
        alarm.check().expect("no limit");
    }
    let held_up = alarm.longest_gap().map_or(Duration::ZERO, |gap| gap.length());
    spin(4 * held_up + 400 * MS);
    let line = line!() + 1;
    alarm.check().expect("no limit");
    let gap = alarm.longest_gap().expect("a long time without a check");
    // On a busy machine the signal may be late, and the measured gap shorter.
    assert!(gap.length() > held_up && gap.length() >= 20 * MS && gap.length() < LATE, "{gap}");
    assert_eq!((gap.location().file(), gap.location().line()), (file!(), line), "{gap}");
    spin(30 * MS);
    checkpoint().expect("no limit");
    assert_eq!(alarm.longest_gap().expect("as before").location().line(), line, "the longest, not the last");
    assert!(arm(Alarm::builder()).longest_gap().is_none());
    drop(arm(Alarm::builder().audit(Duration::ZERO)));
    drop(arm(Alarm::builder().audit(Duration::MAX)));
}

/// A ticker's calls, a restart and other alarms program the timer, and are not checks.
fn audit_sees_a_stretch_without_checks_among_other_calls() {
    let outer = arm(Alarm::builder().after(1_000 * SECOND));
    let ticker = Ticker::every(5 * MS).expect("arming");
    let asks = || _ = ticker.ticks();
    let restarts = || outer.restart();
    let arms = || drop(arm(Alarm::builder().after(MS)));
    for (n, step) in [&asks as &dyn Fn(), &restarts, &arms].into_iter().enumerate() {
        let alarm = arm(Alarm::builder().audit(40 * MS));
        let began = Instant::now();
        while began.elapsed() < 500 * MS {
            step();
        }
        let stretch = began.elapsed();
        alarm.check().expect("no limit");
        let gap = alarm.longest_gap().expect("long enough");
        assert!(gap.length() + 200 * MS >= stretch, "{n}: {gap}, and it was {stretch:?}");
        assert!(gap.length() <= alarm.elapsed(), "{n}: {gap}");
    }
}

fn audit_is_not_ended_by_checks_of_another_thread() {
    let alarm = arm(Alarm::builder().audit(20 * MS));
    alarm.check().expect("no limit");
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let own = arm(Alarm::builder().after(1_000 * SECOND));
            while !is_over.load(Ordering::Relaxed) {
                let short = arm(Alarm::builder().after(MS));
                while short.check().is_ok() {}
                drop(short);
                own.check().expect("no time-out");
            }
        });
        spin(300 * MS);
        is_over.store(true, Ordering::Relaxed);
    });
    alarm.check().expect("no limit");
    let gap = alarm.longest_gap().expect("a long one");
    assert!(gap.length() >= 295 * MS, "{gap}");
}

/// With a check limit or an expired alarm the flag stays set.
fn audit_works_on_the_slow_path() {
    let audited = || Alarm::builder().audit(20 * MS);
    for (n, alarm) in [arm(audited()), arm(audited().check_limit(1_000_000))].into_iter().enumerate() {
        let _expired = arm(Alarm::builder().after(n as u32 * SECOND));
        for _ in 0..3 {
            alarm.check().expect("it has no limit");
        }
        spin(60 * MS);
        alarm.check().expect("it has no limit");
        let gap = alarm.longest_gap().expect("a long one");
        assert!(gap.length() >= 60 * MS && gap.length() <= alarm.elapsed(), "{n}: {gap}");
    }
    // The flag was set before, and no check has cleared it.
    let _outer = arm(Alarm::builder().after(LATE));
    drop(expiry(&arm(Alarm::builder().after(MS))));
    let alarm = arm(audited());
    spin(60 * MS);
    alarm.check().expect("it has no limit");
    assert!(alarm.longest_gap().expect("a long one").length() >= 60 * MS);
}

/// A signal from before the arming does not start a gap.
fn audit_ignores_an_earlier_signal() {
    for unanswered in [false, true] {
        let other = arm(Alarm::builder().after(MS));
        spin(2 * MS);
        if !unanswered {
            expiry(&other);
        }
        std::thread::sleep(300 * MS);
        // With a check limit every check takes the slow path.
        let alarm = arm(Alarm::builder().audit(20 * MS).check_limit(10));
        let _ = alarm.check();
        if let Some(gap) = alarm.longest_gap() {
            assert!(gap.length() <= alarm.elapsed(), "{gap} of {:?}", alarm.elapsed());
        }
    }
}

pub fn scenarios() -> Vec<Scenario> {
    vec![
        scenario("audit_sees_a_stop_as_a_gap", audit_sees_a_stop_as_a_gap),
        scenario(
            "audit_sees_a_stretch_without_checks_among_other_calls",
            audit_sees_a_stretch_without_checks_among_other_calls,
        ),
        scenario(
            "audit_is_not_ended_by_checks_of_another_thread",
            audit_is_not_ended_by_checks_of_another_thread,
        ),
        scenario("audit_works_on_the_slow_path", audit_works_on_the_slow_path),
        scenario("audit_ignores_an_earlier_signal", audit_ignores_an_earlier_signal),
        scenario("audit_names_the_longest_gap", audit_names_the_longest_gap),
    ]
}
