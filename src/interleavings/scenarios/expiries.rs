//! Expiries, drops, restarts and rings.

use super::*;

scenarios! {

/// The signal arrives while a check clears the flag, spuriously or for another alarm.
fn signal_while_flag_is_cleared_is_not_lost() {
    let threads = [40 + choose(40), 10].map(|limit| {
        spawn(move || {
            until_expired(&after(US * limit));
        })
    });
    let alarm = after(US * 25);
    until_expired(&alarm);
    alarm.restart();
    runtime::recheck();
    until_expired(&alarm);
    drop(alarm);
    join(threads);
    assert_restored(Disposition::DEFAULT);
}

fn signal_while_another_thread_clears_flag_is_not_lost() {
    let alarm = after(US * (25 + choose(30)));
    let thread = spawn(|| {
        while alarm.check().is_ok() && !machine().is_idle() {
            runtime::recheck();
            pause();
        }
        until_expired(&alarm);
    });
    thread.join();
    drop(alarm);
    assert_restored(Disposition::DEFAULT);
}

/// The alarms are dropped in either order around their deadlines, also with skewed clocks.
fn nested_alarms_on_three_threads() {
    machine().skew = [0, 900][choose(2) as usize];
    let found = install_random_disposition();
    let threads = [1, 2].map(|n| spawn(move || nested(n)));
    nested(0);
    join(threads);
    assert_restored(found);
    assert_eq!(program_signals(), []);
}

fn drops_around_expiry_leave_no_signal() {
    let found = install_random_disposition();
    arm_and_drop(4, 12);
    assert_restored(found);
    assert_eq!(program_signals(), []);
}

/// The drop completes before or after the handler.
fn last_drop_while_another_thread_has_dequeued_the_expiry() {
    let found = install_random_disposition();
    let alarm = after(US * (1 + choose(30)));
    beside_idle_thread(|| {
        for _ in 0..choose(60) {
            pause();
        }
        drop(alarm);
        if choose(2) == 0 {
            drop(after(US * choose(10)));
        }
        assert_restored(found);
    });
    assert_eq!(program_signals(), []);
    assert_restored(found);
}

/// The threads have private timers.
fn threads_started_under_an_interval_timer() {
    let found = install_random_disposition();
    let alarm = after(US * (1 + choose(40)));
    let threads = [0, 1].map(|_| spawn(|| arm_and_drop(2, 20)));
    if choose(2) == 0 {
        until_expired(&alarm);
        alarm.restart();
    }
    drop(alarm);
    arm_and_drop(1, 20);
    join(threads);
    arm_and_drop(1, 20);
    assert_restored(found);
    assert_eq!(program_signals(), []);
}

fn thread_ends_with_a_signal_pending() {
    for pauses in 0..2 {
        let thread = spawn(move || {
            let alarm = after(US * 3);
            (0..pauses).for_each(|_| pause());
            let _ = alarm.check();
        });
        thread.join();
        drop(after(US * 1_000));
    }
    assert_restored(Disposition::DEFAULT);
}

fn thread_ends_with_a_forgotten_alarm_that_another_has_entered() {
    let forgotten: OnceLock<&Alarm> = OnceLock::new();
    let thread = spawn(|| {
        let _ = forgotten.set(&*Box::leak(Box::new(after(US * (1 + choose(40))))));
        (0..choose(20)).for_each(|_| pause());
    });
    let alarm = loop {
        match forgotten.get() {
            Some(alarm) => break alarm,
            None => pause(),
        }
    };
    let entered = alarm.enter();
    let timed_out = until_error(checkpoint, || alarm.remaining());
    assert!(alarm.owns(&timed_out));
    thread.join();
    assert!(checkpoint().is_err());
    drop(entered);
    // The alarm keeps the handler installed, but no timer.
    arm_and_drop(1, 10);
    wait_for_handlers();
    machine().assert_no_timer_left();
}

/// The handler or a ring sets the flag during the drop.
fn flag_is_set_while_the_alarm_is_dropped() {
    let flag = Arc::new(AtomicBool::new(false));
    let limit = US * choose(20);
    // A later SIGINT takes the default action.
    machine().terminations = Some(0);
    let began = clock::now();
    let alarm = Alarm::builder().after(limit).ring_on(SIGINT).flag(flag.clone()).arm().expect("arming");
    let ctrl_c = (choose(2) == 0).then(|| machine::send_from_outside(Source::CtrlC));
    let handle = alarm.handle();
    let thread = (choose(2) == 0).then(|| spawn(move || drop(handle.check())));
    if choose(2) == 0 {
        while !flag.load(Ordering::SeqCst) {
            pause();
        }
        assert!(ctrl_c.is_some() || clock::now().since(began) >= limit, "early");
    } else {
        (0..choose(20)).for_each(|_| pause());
    }
    drop(alarm);
    assert_eq!(Arc::strong_count(&flag), 1, "a reference remains");
    thread.map(|thread| thread.join());
    ctrl_c.map(|ctrl_c| ctrl_c.join());
    wait_for_handlers();
}

fn check_disarms_a_watchdog_while_its_grace_starts() {
    let grace = Duration::from_secs(5);
    let alarm = Alarm::builder().after(US * (1 + choose(20))).abort_after(grace).arm().expect("arming");
    let thread = spawn(|| {
        let _entered = alarm.enter();
        until_error(checkpoint, || None);
    });
    until_expired(&alarm);
    if choose(2) == 0 {
        alarm.restart();
        until_expired(&alarm);
    }
    thread.join();
    machine().advance(20_000_000_000);
    (0..20).for_each(|_| pause());
    drop(alarm);
    assert_restored(Disposition::DEFAULT);
}

fn ring_by_another_thread_is_seen_at_once() {
    let alarm = without_deadline();
    let is_rung = AtomicBool::new(false);
    let check = || loop {
        let already = is_rung.load(Ordering::Relaxed);
        match alarm.check() {
            Ok(()) => assert!(!already, "the alarm was rung"),
            Err(e) => break assert_eq!(e.cause(), Cause::Rung),
        }
        pause();
    };
    let threads = [
        spawn(|| {
            alarm.ring();
            is_rung.store(true, Ordering::Relaxed);
        }),
        spawn(check),
        spawn(|| arm_and_drop(1, 5)),
    ];
    check();
    join(threads);
    drop(alarm);
    assert_restored(Disposition::DEFAULT);
}

fn restarts_during_checks_and_drops() {
    let alarm = after(US * 10);
    let threads = [
        spawn(|| {
            for _ in 0..3 {
                alarm.restart();
                pause();
            }
        }),
        spawn(|| arm_and_drop(2, 15)),
    ];
    until_error(|| alarm.check(), || alarm.remaining());
    join(threads);
    until_expired(&alarm);
    drop(alarm);
    assert_restored(Disposition::DEFAULT);
}

}

fn nested(n: u32) {
    for turn in 0..2 {
        let outer = after(US * (5 + 7 * ((n + turn) % 3)));
        let inner = after(US * ((n * 2 + turn) % 4) * 3);
        if turn == 0 {
            until_expired(&inner);
        } else {
            let _ = inner.check();
        }
        drop(outer);
    }
}
