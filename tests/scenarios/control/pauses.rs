use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::*;
use sigalarm::{Alarm, Cause, checkpoint, paused};

fn deadlines_move_by_a_pause() {
    let outer = after(SECOND);
    let inner = after(SECOND);
    let began = Instant::now();
    paused(|| {
        thread::sleep(1_100 * MS);
        assert!(checkpoint().is_ok() && inner.check().is_ok());
        assert!(outer.remaining().is_some_and(|left| left > Duration::ZERO) && outer.deadline().is_none());
    });
    let timed_out = expiry_by(checkpoint);
    assert!(outer.owns(&timed_out));
    assert!(timed_out.elapsed() >= SECOND, "early by its own time");
    assert!(began.elapsed() >= 2_100 * MS, "early");
    assert_eq!(timed_out.limit(), Some(SECOND));
}

fn expired_stays_expired_in_a_pause() {
    let alarm = after(Duration::ZERO);
    paused(|| assert!(alarm.check().is_err()));
    assert!(alarm.check().is_err());
    let alarm = after(MS);
    thread::sleep(2 * MS);
    paused(|| assert!(alarm.check().is_err(), "it had passed before"));
}

fn paused_alarm_leaves_the_others() {
    let outer = after(30 * MS);
    let inner = after(10 * SECOND);
    inner.paused(|| {
        assert!(outer.owns(&expiry(&inner)));
    });
    drop(outer);
    assert!(inner.check().is_ok());
    let elsewhere = after(SECOND);
    thread::scope(|scope| {
        scope.spawn(|| elsewhere.paused(|| thread::sleep(1_100 * MS))).join().expect("no panic");
    });
    assert!(elsewhere.elapsed() < 1_100 * MS, "paused from another thread");
}

fn paused_alarm_has_no_deadline_on_other_threads() {
    let alarm = after(SECOND);
    let (handle, is_over) = (alarm.handle(), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            let _entered = handle.enter();
            while !is_over.load(Ordering::SeqCst) {
                assert!(checkpoint().is_ok() && alarm.check().is_ok());
            }
        });
        // The thread blocks, and wakes at the deadline that follows the pause.
        let blocked = scope.spawn(|| alarm.sleep(60 * SECOND));
        paused(|| {
            thread::sleep(1_200 * MS);
            is_over.store(true, Ordering::SeqCst);
        });
        let timed_out = blocked.join().expect("no panic").expect_err("the deadline");
        assert!(timed_out.elapsed() >= SECOND);
    });
}

fn alarm_armed_in_a_pause_counts() {
    let alarm = paused(|| {
        let alarm = after(20 * MS);
        assert!(alarm.owns(&expiry_by(checkpoint)));
        alarm
    });
    assert!(alarm.check().is_err());
}

fn alarm_is_paused_until_the_last_of_two_pauses_ends() {
    let alarm = after(2 * SECOND);
    let [is_paused, has_ended] = [const { AtomicBool::new(false) }; 2];
    thread::scope(|scope| {
        let other = || {
            alarm.paused(|| {
                is_paused.store(true, Ordering::SeqCst);
                spin_until(|| has_ended.load(Ordering::SeqCst));
                thread::sleep(2 * SECOND + 100 * MS);
                assert!(!alarm.is_expired(), "expired in a pause");
            });
        };
        alarm.paused(|| {
            scope.spawn(other);
            spin_until(|| is_paused.load(Ordering::SeqCst));
        });
        has_ended.store(true, Ordering::SeqCst);
    });
    expires(&alarm, 2 * SECOND);
}

fn audit_excludes_a_pause_with_checks() {
    let began = Instant::now();
    let alarm = arm(Alarm::builder().audit(200 * MS));
    checkpoint().expect("no limit");
    paused(|| {
        thread::sleep(1_500 * MS);
        checkpoint().expect("no limit");
    });
    let gap = alarm.longest_gap().map_or(Duration::ZERO, |gap| gap.length());
    assert!(gap + 1_500 * MS <= began.elapsed(), "{gap:?}");
}

fn pause_of_one_alarm_ends_with_a_panic() {
    let alarm = after(50 * MS);
    assert!(catch_unwind(AssertUnwindSafe(|| alarm.paused(|| panic!("in a pause")))).is_err());
    expires(&alarm, 50 * MS);
}

fn pauses_nest_and_end_with_a_panic() {
    let alarm = after(SECOND);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        paused(|| {
            paused(|| thread::sleep(600 * MS));
            thread::sleep(600 * MS);
            panic!("on purpose");
        })
    }));
    assert!(panicked.is_err());
    assert!(alarm.check().is_ok() && alarm.deadline().is_some(), "time counts again, and has not");
    assert!(expiry_by(checkpoint).elapsed() >= SECOND);
}

fn alarm_is_changed_in_a_pause() {
    let alarm = after(300 * MS);
    let again = paused(|| {
        thread::sleep(50 * MS);
        alarm.restart();
        thread::sleep(350 * MS);
        alarm.extend(100 * MS);
        assert!(alarm.check().is_ok());
        Instant::now()
    });
    let timed_out = expiry_by(checkpoint);
    assert!(again.elapsed() >= 400 * MS && timed_out.elapsed() >= 400 * MS);
    assert_eq!(timed_out.limit(), Some(400 * MS));
    drop(alarm);

    let alarm = after(SECOND);
    paused(|| alarm.ring());
    assert_eq!(alarm.check().expect_err("rung").cause(), Cause::Rung);
    drop(alarm);
    let alarm = after(SECOND);
    paused(|| drop(alarm));
    assert!(checkpoint().is_ok());
}

fn watchdog_and_flag_move_by_a_pause() {
    let flag = Arc::new(AtomicBool::new(false));
    let _alarm =
        arm(Alarm::builder().after(300 * MS).abort_after(100 * MS).flag(flag.clone()).label("parse"));
    paused(|| {
        thread::sleep(SECOND);
        assert!(!flag.load(Ordering::SeqCst));
    });
    hang();
}

/// The function does not check after the pause.
fn watchdog_waits_for_an_alarm_that_was_rung_in_a_pause() {
    let alarm = arm(Alarm::builder().after(100 * MS).abort_after(100 * MS));
    paused(|| _ = alarm.handle().ring());
    spin(LATE);
}

fn audit_sees_no_gap_in_a_pause() {
    let alarm = arm(Alarm::builder().audit(300 * MS));
    let began = Instant::now();
    while began.elapsed() < 20 * MS {
        assert!(checkpoint().is_ok());
    }
    paused(|| thread::sleep(SECOND));
    let began = Instant::now();
    while began.elapsed() < 20 * MS {
        assert!(checkpoint().is_ok());
    }
    // On a loaded machine the thread may be preempted, but not for the whole pause.
    assert!(alarm.longest_gap().is_none_or(|gap| gap.length() < 900 * MS), "{:?}", alarm.longest_gap());
}

fn processor_time_is_not_moved_by_a_pause() {
    let alarm = arm(Alarm::builder().cpu_limit(50 * MS));
    paused(|| {
        let began = Instant::now();
        while alarm.check().is_ok() {
            assert!(began.elapsed() < 60 * SECOND);
        }
    });
    assert_eq!(alarm.check().expect_err("it is used up").cause(), Cause::Cpu);
}

fn child_forked_in_a_pause_starts_clean() {
    let alarm = after(SECOND);
    paused(|| {
        process::passes_in_child(|| {
            let own = after(Duration::ZERO);
            assert!(own.check().is_err());
        });
    });
    assert!(alarm.deadline().is_some());
}

fn pause_that_meets_an_expiry_loses_nothing() {
    for n in rounds(2_000) {
        let limit = Duration::from_micros(n % 60);
        let alarm = after(limit);
        paused(|| (0..10).for_each(|_| _ = checkpoint()));
        let timed_out = expiry_by(checkpoint);
        assert!(alarm.owns(&timed_out) && timed_out.elapsed() >= limit, "early: {timed_out}");
    }
}

pub fn scenarios() -> Vec<Scenario> {
    scenarios![
        deadlines_move_by_a_pause,
        expired_stays_expired_in_a_pause,
        paused_alarm_leaves_the_others,
        paused_alarm_has_no_deadline_on_other_threads,
        alarm_armed_in_a_pause_counts,
        pauses_nest_and_end_with_a_panic,
        pause_of_one_alarm_ends_with_a_panic,
        alarm_is_paused_until_the_last_of_two_pauses_ends,
        audit_excludes_a_pause_with_checks,
        alarm_is_changed_in_a_pause,
        watchdog_and_flag_move_by_a_pause.exits_with(124).takes(1_400 * MS),
        watchdog_waits_for_an_alarm_that_was_rung_in_a_pause.exits_with(124).takes(200 * MS),
        audit_sees_no_gap_in_a_pause,
        processor_time_is_not_moved_by_a_pause,
        child_forked_in_a_pause_starts_clean,
        pause_that_meets_an_expiry_loses_nothing,
    ]
}
