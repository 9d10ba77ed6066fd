use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use crate::support::*;
use sigalarm::{Alarm, checkpoint, shielded};

fn shielded_checks_of_outer_alarms_are_ok() {
    let outer = after(Duration::ZERO);
    let handle = outer.handle();
    assert!(checkpoint().is_err());
    shielded(|| {
        for _ in 0..3 {
            assert!(checkpoint().is_ok() && outer.check().is_ok() && handle.check().is_ok());
        }
        outer.blocking(|| Ok(())).expect("no limit in here");
        outer.sleep(MS).expect("no limit in here");
    });
    assert!(checkpoint().is_err() && outer.check().is_err() && handle.check().is_err());
}

fn alarm_armed_in_a_shield_expires() {
    let outer = after(Duration::ZERO);
    let inner = shielded(|| {
        let inner = after(20 * MS);
        let timed_out = expiry_by(checkpoint);
        assert!(inner.owns(&timed_out) && timed_out.elapsed() >= 20 * MS);
        assert!(inner.owns(&inner.check().expect_err("its own")));
        assert!(outer.check().is_ok());
        inner
    });
    assert!(outer.owns(&inner.check().expect_err("the outermost again")));
}

fn shields_nest_and_end_with_a_panic() {
    let outer = after(Duration::ZERO);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        shielded(|| {
            let inner = after(Duration::ZERO);
            assert!(inner.check().is_err());
            shielded(|| assert!(inner.check().is_ok() && checkpoint().is_ok()));
            assert!(inner.owns(&checkpoint().expect_err("the inner shield is gone")));
            assert!(outer.check().is_ok(), "the outer one is not");
            panic!("on purpose");
        })
    }));
    assert!(panicked.is_err());
    assert!(outer.owns(&checkpoint().expect_err("and now it is")));
}

fn shield_is_of_one_thread() {
    let outer = after(Duration::ZERO);
    shielded(|| {
        assert!(outer.check().is_ok());
        thread::scope(|scope| {
            scope.spawn(|| {
                assert!(outer.check().is_err());
                let _entered = outer.enter();
                assert!(checkpoint().is_err());
                shielded(|| assert!(checkpoint().is_ok() && outer.check().is_ok()));
            });
        });
    });
}

fn alarm_entered_in_a_shield_is_shielded() {
    let alarm = after(Duration::ZERO);
    let handle = alarm.handle();
    thread::spawn(move || {
        shielded(|| {
            let _entered = handle.enter();
            assert!(checkpoint().is_ok() && handle.check().is_ok());
        });
        let _entered = handle.enter();
        assert!(checkpoint().is_err());
    })
    .join()
    .expect("no panic");
}

fn shielded_checks_are_not_counted_outside() {
    let outer = arm(Alarm::builder().check_limit(2));
    shielded(|| {
        let inner = arm(Alarm::builder().check_limit(3));
        assert!((0..3).all(|_| checkpoint().is_ok()) && checkpoint().is_err());
        assert!(inner.check().is_err());
    });
    assert!(outer.check().is_ok() && outer.check().is_ok() && outer.check().is_err());
}

fn watchdog_counts_on_in_a_shield() {
    let _alarm = arm(Alarm::builder().after(20 * MS).abort_after(20 * MS));
    shielded(|| {
        loop {
            assert!(checkpoint().is_ok());
        }
    });
}

fn child_forked_in_a_shield_starts_clean() {
    let outer = after(Duration::ZERO);
    shielded(|| {
        process::passes_in_child(|| {
            let own = after(Duration::ZERO);
            assert!(own.check().is_err() && checkpoint().is_err());
        });
        assert!(checkpoint().is_ok());
    });
    assert!(outer.check().is_err());
}

fn shield_that_meets_an_expiry_loses_nothing() {
    for n in rounds(2_000) {
        let alarm = after(Duration::from_micros(n % 40));
        shielded(|| (0..20).for_each(|_| assert!(checkpoint().is_ok())));
        assert!(alarm.owns(&expiry_by(checkpoint)));
    }
    assert!(after(LATE).check().is_ok());
}

pub fn scenarios() -> Vec<Scenario> {
    scenarios![
        shielded_checks_of_outer_alarms_are_ok,
        alarm_armed_in_a_shield_expires,
        shields_nest_and_end_with_a_panic,
        shield_is_of_one_thread,
        alarm_entered_in_a_shield_is_shielded,
        shielded_checks_are_not_counted_outside,
        watchdog_counts_on_in_a_shield.exits_with(124),
        child_forked_in_a_shield_starts_clean,
        shield_that_meets_an_expiry_loses_nothing,
    ]
}
