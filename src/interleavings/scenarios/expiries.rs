use super::*;

scenarios! {

fn signal_while_flag_is_cleared_is_not_lost() {
    let _threads = [40 + choose(40), 10].map(|limit| spawn(move || drop(until_expired(&after(US * limit)))));
    let alarm = after(US * 25);
    until_expired(&alarm);
    alarm.restart();
    runtime::recheck();
    until_expired(&alarm);
}

fn signal_while_another_thread_clears_flag_is_not_lost() {
    let alarm = after(US * (25 + choose(30)));
    let _thread = spawn(|| {
        check_and_recheck(&alarm);
        until_expired(&alarm);
    });
}

fn nested_alarms_on_three_threads() {
    machine().skew = pick([0, 900]);
    install_any();
    let _threads = [1, 2].map(|n| spawn(move || nested(n)));
    nested(0);
}

fn drops_around_expiry_leave_no_signal() {
    install_any();
    arm_and_drop(4, 12);
}

fn last_drop_while_another_thread_has_dequeued_the_expiry() {
    install_any();
    let alarm = after(US * (1 + choose(30)));
    beside_idle_thread(|| {
        pause_up_to(60);
        drop(alarm);
        if chance(2) {
            drop(after(US * choose(10)));
        }
        assert_restored();
    });
}

fn threads_started_under_an_interval_timer() {
    install_any();
    let alarm = after(US * (1 + choose(40)));
    let threads = [0, 1].map(|_| spawn(|| arm_and_drop(2, 20)));
    if chance(2) {
        until_expired(&alarm);
        alarm.restart();
    }
    drop(alarm);
    arm_and_drop(1, 20);
    drop(threads);
    arm_and_drop(1, 20);
}

fn thread_ends_with_a_signal_pending() {
    for pauses in 0..2 {
        drop(spawn(move || {
            let alarm = after(US * 3);
            (0..pauses).for_each(|_| pause());
            let _ = alarm.check();
        }));
        drop(after(US * 1_000));
    }
}

/// The forgotten alarm keeps the handler installed, so no final disposition is asserted.
fn thread_ends_with_a_forgotten_alarm_that_another_has_entered() {
    machine().found = None;
    let forgotten: OnceLock<&Alarm> = OnceLock::new();
    let thread = spawn(|| {
        let _ = forgotten.set(&*Box::leak(Box::new(after(US * (1 + choose(40))))));
        pause_up_to(20);
    });
    pause_until(|| forgotten.get().is_some());
    let alarm = forgotten.get().expect("an alarm");
    let entered = alarm.enter();
    let timed_out = until_error(checkpoint, || alarm.remaining());
    assert!(alarm.owns(&timed_out));
    drop(thread);
    assert!(checkpoint().is_err());
    drop(entered);
    arm_and_drop(1, 10);
}

fn flag_is_set_while_the_alarm_is_dropped() {
    let flag = Arc::new(AtomicBool::new(false));
    let limit = US * choose(20);
    // A SIGINT after the drop takes the default action.
    machine().terminations = Some(0);
    let began = clock::now();
    let alarm = Alarm::builder().after(limit).ring_on(SIGINT).flag(flag.clone()).arm().expect("arming");
    let sends_ctrl_c = chance(2);
    if sends_ctrl_c {
        machine::send_from_outside(Source::CtrlC);
    }
    let handle = alarm.handle();
    let _thread = chance(2).then(|| spawn(move || drop(handle.check())));
    if chance(2) {
        pause_until(|| flag.load(Ordering::SeqCst));
        assert!(sends_ctrl_c || clock::now().since(began) >= limit, "early");
    } else {
        pause_up_to(20);
    }
    drop(alarm);
    assert_eq!(Arc::strong_count(&flag), 1, "a reference remains");
}

fn flags_are_set_while_other_threads_check_and_restart_and_suspend() {
    let [first, second] = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
    let flagged = |flag: &Arc<AtomicBool>| Alarm::builder().after(US * choose(30)).flag(flag.clone());
    let outer = flagged(&first).abort_after(Duration::from_secs(5)).arm().expect("arming");
    let inner = flagged(&second).arm().expect("arming");
    let (handle, is_restarted) = (inner.handle(), AtomicBool::new(false));
    let check = move || for _ in 0..choose(4) {
        runtime::recheck();
        let _ = handle.check();
    };
    let restart = || {
        if chance(2) {
            pause_until(|| first.load(Ordering::SeqCst));
            first.store(false, Ordering::SeqCst);
            outer.restart();
        }
        is_restarted.store(true, Ordering::SeqCst);
    };
    let suspend = || for _ in 0..choose(2) {
        crate::suspended(|| pause_up_to(10));
    };
    let threads = [spawn(check), spawn(restart), spawn(suspend)];
    pause_until(|| [&is_restarted, &first, &second].iter().all(|flag| flag.load(Ordering::SeqCst)));
    until_expired(&outer);
    until_expired(&inner);
    drop(threads);
}

fn check_disarms_a_watchdog_while_its_grace_starts() {
    let grace = Duration::from_secs(5);
    let alarm = Alarm::builder().after(US * (1 + choose(20))).abort_after(grace).arm().expect("arming");
    let thread = spawn(|| {
        let _entered = alarm.enter();
        until_error(checkpoint, || None);
    });
    until_expired(&alarm);
    if chance(2) {
        alarm.restart();
        until_expired(&alarm);
    }
    drop(thread);
    machine().advance(20_000_000_000);
    (0..20).for_each(|_| pause());
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
    let ring = || {
        alarm.ring();
        is_rung.store(true, Ordering::Relaxed);
    };
    let _threads = [spawn(ring), spawn(check), spawn(|| arm_and_drop(1, 5))];
    check();
}

fn restarts_during_checks_and_drops() {
    let alarm = after(US * 10);
    let restart = || for _ in 0..3 {
        alarm.restart();
        pause();
    };
    let threads = [spawn(restart), spawn(|| arm_and_drop(2, 15))];
    until_error(|| alarm.check(), || alarm.remaining());
    drop(threads);
    until_expired(&alarm);
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
