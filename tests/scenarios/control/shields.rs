use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use sigalarm::{Alarm, checkpoint, shielded};

use super::{LATE, MS, after, arm, expiry, in_child};
use crate::support::{Scenario, scenario};

fn checks_of_outer_alarms_are_ok() {
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

fn alarms_armed_inside_work() {
    let outer = after(Duration::ZERO);
    let inner = shielded(|| {
        let inner = after(20 * MS);
        let timed_out = expiry(checkpoint);
        assert!(inner.owns(&timed_out) && timed_out.elapsed() >= 20 * MS);
        assert!(inner.owns(&inner.check().expect_err("its own")));
        assert!(outer.check().is_ok());
        inner
    });
    assert!(outer.owns(&inner.check().expect_err("the outermost again")));
}

fn nested_and_left_by_a_panic() {
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

fn other_threads_are_not_shielded() {
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

/// The alarm was armed before the shield, on another thread.
fn entered_inside_is_shielded() {
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

fn checks_inside_are_not_counted_outside() {
    let outer = arm(Alarm::builder().check_limit(2));
    shielded(|| {
        let inner = arm(Alarm::builder().check_limit(3));
        assert!((0..3).all(|_| checkpoint().is_ok()) && checkpoint().is_err());
        assert!(inner.check().is_err());
    });
    assert!(outer.check().is_ok() && outer.check().is_ok() && outer.check().is_err());
}

fn watchdog_counts_on() {
    let _alarm = arm(Alarm::builder().after(20 * MS).abort_after(20 * MS));
    shielded(|| {
        loop {
            assert!(checkpoint().is_ok());
        }
    });
}

fn forked_inside() {
    let outer = after(Duration::ZERO);
    shielded(|| {
        in_child(|| {
            let own = after(Duration::ZERO);
            assert!(own.check().is_err() && checkpoint().is_err());
        });
        assert!(checkpoint().is_ok());
    });
    assert!(outer.check().is_err());
}

fn shield_and_expiry_meet() {
    for n in 0..2_000 {
        let alarm = after(Duration::from_micros(n % 40));
        shielded(|| (0..20).for_each(|_| assert!(checkpoint().is_ok())));
        assert!(alarm.owns(&expiry(checkpoint)));
    }
    assert!(after(LATE).check().is_ok());
}

pub fn scenarios() -> Vec<Scenario> {
    vec![
        scenario("shielded_checks_of_outer_alarms_are_ok", checks_of_outer_alarms_are_ok),
        scenario("shielded_code_has_alarms_of_its_own", alarms_armed_inside_work),
        scenario("shields_nest_and_end_with_a_panic", nested_and_left_by_a_panic),
        scenario("shield_is_of_one_thread", other_threads_are_not_shielded),
        scenario("alarm_entered_in_a_shield_is_shielded", entered_inside_is_shielded),
        scenario("shielded_checks_are_not_counted_outside", checks_inside_are_not_counted_outside),
        scenario("watchdog_counts_on_in_a_shield", watchdog_counts_on).exits_with(124),
        scenario("forked_in_a_shield", forked_inside),
        scenario("shield_and_expiry_meet", shield_and_expiry_meet),
    ]
}
