//! Signals, timers and handlers of the program.

use super::*;

scenarios! {

fn foreign_timer_is_delivered_once() {
    machine().set_action(Disposition::PROGRAM);
    set_foreign_timer(US * (1 + choose(40)));
    let threads: Vec<Thread> = (0..choose(3)).map(|_| spawn(|| arm_and_drop(1, 40))).collect();
    arm_and_drop(3, 20);
    join(threads);
    until_foreign_timer_has_expired();
    assert_restored(Disposition::PROGRAM);
    assert_eq!(program_signals(), [Source::Interval]);
}

fn foreign_timer_set_over_an_alarm_is_delivered_once() {
    machine().set_action(Disposition::PROGRAM);
    let began = machine().now;
    let alarm = after(US * 2_000);
    // Limits. The library does not recognise a value near its own, a timer whose signal is handled after its own deadline,
    // and a value that it reads after a long preemption.
    let is_set = machine().now - began < 400_000;
    let remaining = [500, 2_500][choose(2) as usize] + choose(300);
    let expiry = machine().now + u64::from(remaining) * 1_000;
    if is_set {
        set_foreign_timer(US * remaining);
    }
    if choose(2) == 0 {
        let _ = alarm.check();
    }
    let asked = machine().now;
    drop(alarm);
    let end = if remaining < 2_000 { began + 2_000_000 } else { expiry };
    let knows = is_set && machine().now - asked < 100_000 && asked + 100_000 < end;
    until_foreign_timer_has_expired();
    assert_restored(Disposition::PROGRAM);
    assert!(!knows || program_signals().len() == 1, "{:?}", program_signals());
}

/// Limit: the kernel drops a `kill` while the interval timer's signal is pending.
fn foreign_signal_reaches_the_previous_handler_once() {
    machine().set_action(Disposition::PROGRAM);
    let source = [Source::Kill, Source::Timer(FOREIGN, 77)][choose(2) as usize];
    let foreign = machine::send_from_outside(source);
    let threads: Vec<Thread> = (0..choose(2)).map(|_| spawn(|| arm_and_drop(1, 20))).collect();
    arm_and_drop(2, 20);
    join(threads);
    let _ = foreign.join();
    assert_restored(Disposition::PROGRAM);
    let is_signal_dropped = machine().is_signal_dropped;
    assert!(program_signals() == [source] || (is_signal_dropped && program_signals().is_empty()), "{:?}", program_signals());
}

fn kill_while_the_handler_is_installed() {
    machine().set_action(Disposition::PROGRAM);
    machine::change_mask(true);
    machine().kills_at_installation = true;
    let is_over = AtomicBool::new(false);
    let thread = spawn(|| {
        machine::change_mask(false);
        while !is_over.load(Ordering::Relaxed) {
            pause();
        }
    });
    drop(without_deadline());
    machine::change_mask(false);
    is_over.store(true, Ordering::Relaxed);
    thread.join();
    assert_restored(Disposition::PROGRAM);
    assert_eq!(program_signals(), [Source::Kill]);
}

/// Limit: the kernel drops a `kill` while a signal is pending.
fn kill_takes_the_default_action_while_guards_are_armed_and_dropped() {
    machine().terminations = Some(0);
    let kill = machine::send_from_outside(Source::Kill);
    let thread = spawn(|| arm_and_drop(2, 20));
    arm_and_drop(2, 20);
    thread.join();
    let _ = kill.join();
    wait_for_handlers();
    let terminations = machine().terminations;
    let is_signal_dropped = machine().is_signal_dropped;
    assert!(terminations == Some(1) || (is_signal_dropped && terminations == Some(0)), "{terminations:?}");
}

/// Limit: a handler call forwards to no handler if it begins in front of the other handler and ends behind it.
fn kills_while_installed_in_front_of_another_handler() {
    let _outer = without_deadline();
    machine().set_action(Disposition::PROGRAM);
    beside_idle_thread(|| {
        let kill = machine::send_from_outside(Source::Kill);
        let alarm = without_deadline();
        for _ in 0..3 {
            alarm.blocking(|| Ok(())).expect("no deadline");
        }
        let _ = kill.join();
    });
    wait_for_handlers();
    assert_eq!(machine().action, Disposition::PROGRAM, "the disposition");
    assert!(program_signals().len() <= 1, "{:?}", program_signals());
}

fn handler_over_the_librarys_forwards() {
    machine().set_action(Disposition::PROGRAM);
    let alarm = after(US * (1 + choose(20)));
    machine().install_over(Function::Over);
    let kill = machine::send_from_outside(Source::Kill);
    let thread = spawn(|| arm_and_drop(1, 20));
    drop(alarm);
    arm_and_drop(2, 20);
    thread.join();
    let _ = kill.join();
    wait_for_handlers();
    assert_eq!(machine().action.function, Function::Over);
    assert!(program_signals() == [Source::Kill] || machine().is_signal_dropped, "{:?}", program_signals());
}

fn handler_over_the_librarys_raises_again() {
    let alarm = after(US * (1 + choose(20)));
    machine().install_over(Function::OverByRaise);
    let thread = (choose(2) == 0).then(|| spawn(|| arm_and_drop(1, 20)));
    until_expired(&alarm);
    drop(alarm);
    join(thread);
    wait_for_handlers();
}

/// A raised signal does not say which timer has expired, so only the clock shows the expiry.
fn raised_signal_while_another_thread_clears_flag_is_not_lost() {
    let alarm = after(US * (5 + choose(20)));
    machine().install_over(Function::OverByRaise);
    let thread = spawn(|| {
        while alarm.check().is_ok() && !machine().is_idle() {
            runtime::recheck();
        }
    });
    until_expired(&alarm);
    thread.join();
    drop(alarm);
    wait_for_handlers();
}

/// Limits: the kernel drops a `kill` while a signal is pending, and, before 6.13, a `raise` while a timer's signal is.
fn signal_that_the_program_blocks_stays_pending() {
    machine().set_action(Disposition::PROGRAM);
    machine::change_mask(true);
    let source = [Source::Kill, Source::Timer(FOREIGN, 77), Source::Raise][choose(3) as usize];
    let foreign = (source != Source::Raise).then(|| machine::send_from_outside(source));
    let thread = (choose(2) == 0).then(|| {
        spawn(|| {
            arm_and_drop(1, 20);
            assert!(machine().is_blocked(machine::me()));
        })
    });
    for _ in 0..2 {
        let alarm = after(US * choose(20));
        if choose(2) == 0 {
            until_expired(&alarm);
        }
        if source == Source::Raise {
            machine().send_to(machine::me(), source);
        }
    }
    join(thread);
    foreign.map(|foreign| foreign.join());
    wait_for_handlers();
    assert_eq!(program_signals(), [], "it was blocked");
    machine::change_mask(false);
    assert_restored(Disposition::PROGRAM);
    let discards_pending = machine().discards_pending;
    let may_be_lost = machine().is_signal_dropped && !(source == Source::Raise && discards_pending);
    assert!(program_signals() == [source] || (may_be_lost && program_signals().is_empty()), "{:?}", program_signals());
}

}
