use super::*;

scenarios! {

fn foreign_timer_is_delivered_once() {
    install(Disposition::PROGRAM);
    set_foreign_timer(US * (1 + choose(40)));
    let threads: Vec<_> = (0..choose(3)).map(|_| spawn(|| arm_and_drop(1, 40))).collect();
    arm_and_drop(3, 20);
    drop(threads);
    pause_until(|| !machine().is_interval_set());
    assert_delivered_once(Source::Interval, |_| false);
}

fn foreign_timer_set_over_an_alarm_is_delivered_once() {
    install(Disposition::PROGRAM);
    let began = machine().now;
    let alarm = after(US * 2_000);
    // Limits: the library does not recognise a foreign value near its own, one that expires after the alarm, or one that it reads
    // after a long preemption.
    let is_set = machine().now - began < 400_000;
    let remaining = pick([500, 2_500]) + choose(300);
    let expiry = machine().now + u64::from(remaining) * 1_000;
    if is_set {
        set_foreign_timer(US * remaining);
    }
    if chance(2) {
        let _ = alarm.check();
    }
    let asked = machine().now;
    drop(alarm);
    let end = if remaining < 2_000 { began + 2_000_000 } else { expiry };
    let knows = is_set && machine().now - asked < 100_000 && asked + 100_000 < end;
    pause_until(|| !machine().is_interval_set());
    let got = program_signals();
    assert!(!knows || got.len() == 1, "{got:?}");
}

/// Limit: the kernel drops a `kill` while another SIGALRM is pending.
fn foreign_signal_reaches_the_previous_handler_once() {
    install(Disposition::PROGRAM);
    let source = pick([Source::Kill, Source::Timer(FOREIGN, 77)]);
    machine::send_from_outside(source);
    let threads: Vec<_> = (0..choose(2)).map(|_| spawn(|| arm_and_drop(1, 20))).collect();
    arm_and_drop(2, 20);
    drop(threads);
    assert_delivered_once(source, |machine| machine.is_signal_dropped);
}

fn kill_while_the_handler_is_installed() {
    install(Disposition::PROGRAM);
    machine::change_mask(true);
    machine().kills_at_installation = true;
    beside_idle_thread(|| {
        drop(without_deadline());
        machine::change_mask(false);
    });
    assert_delivered_once(Source::Kill, |_| false);
}

fn kill_takes_the_default_action_while_guards_are_armed_and_dropped() {
    machine().terminations = Some(0);
    machine::send_from_outside(Source::Kill);
    let thread = spawn(|| arm_and_drop(2, 20));
    arm_and_drop(2, 20);
    drop(thread);
    wait_for_handlers();
    let terminations = machine().terminations;
    let is_dropped = machine().is_signal_dropped && terminations == Some(0);
    assert!(terminations == Some(1) || is_dropped, "{terminations:?}");
}

/// Limit: the library's handler forwards nothing if the other handler is installed over it while it runs.
fn kills_while_installed_in_front_of_another_handler() {
    let _outer = without_deadline();
    install(Disposition::PROGRAM);
    beside_idle_thread(|| {
        machine::send_from_outside(Source::Kill);
        let alarm = without_deadline();
        for _ in 0..3 {
            alarm.blocking(|| Ok(())).expect("no deadline");
        }
        wait_for_handlers();
    });
    assert_delivered_once(Source::Kill, |_| true);
    assert_restored();
}

fn handler_over_the_librarys_forwards() {
    install(Disposition::PROGRAM);
    let alarm = after(US * (1 + choose(20)));
    machine().install_over(Function::Over);
    machine().found = Some(Disposition { function: Function::Over, ..Disposition::PROGRAM });
    machine::send_from_outside(Source::Kill);
    let thread = spawn(|| arm_and_drop(1, 20));
    drop(alarm);
    arm_and_drop(2, 20);
    drop(thread);
    assert_delivered_once(Source::Kill, |machine| machine.is_signal_dropped);
}

fn handler_over_the_librarys_raises_again() {
    let alarm = after(US * (1 + choose(20)));
    machine().install_over(Function::OverByRaise);
    machine().found = None;
    let _thread = chance(2).then(|| spawn(|| arm_and_drop(1, 20)));
    until_expired(&alarm);
}

/// A raised signal names no timer, so only the clock shows the expiry.
fn raised_signal_while_another_thread_clears_flag_is_not_lost() {
    let alarm = after(US * (5 + choose(20)));
    machine().install_over(Function::OverByRaise);
    machine().found = None;
    let _thread = spawn(|| check_and_recheck(&alarm));
    until_expired(&alarm);
}

/// Limit: before Linux 6.13, the kernel also drops a `raise` while a timer's signal is pending.
fn signal_that_the_program_blocks_stays_pending() {
    install(Disposition::PROGRAM);
    machine::change_mask(true);
    let source = pick([Source::Kill, Source::Timer(FOREIGN, 77), Source::Raise]);
    if source != Source::Raise {
        machine::send_from_outside(source);
    }
    let thread = chance(2).then(|| spawn(|| {
        arm_and_drop(1, 20);
        assert!(machine().task(machine::me()).blocked);
    }));
    for _ in 0..2 {
        let alarm = after(US * choose(20));
        if chance(2) {
            until_expired(&alarm);
        }
        if source == Source::Raise {
            machine().send_to(machine::me(), source);
        }
    }
    drop(thread);
    assert_eq!(program_signals(), [], "it was blocked");
    machine::change_mask(false);
    wait_for_handlers();
    assert_delivered_once(source, |machine| {
        machine.is_signal_dropped && !(source == Source::Raise && machine.discards_pending)
    });
}

}
