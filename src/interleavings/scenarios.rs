//! Scenarios of threads, and the properties that must hold.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use nix::libc::SIGINT;

use super::explore;
use crate::os::clock;
use crate::os::disposition::{Disposition, Function};
use crate::os::machine::{self, FOREIGN, Source, Thread, calm, choose, machine, pause, spawn};
use crate::os::memory;
use crate::os::setting::Setting;
use crate::{Alarm, Cause, TimedOut, checkpoint, runtime};

const US: Duration = Duration::from_micros(1);

fn join(threads: impl IntoIterator<Item = Thread>) {
    threads.into_iter().for_each(Thread::join);
}

fn after(limit: Duration) -> Alarm {
    Alarm::after(limit).expect("arming")
}

/// Needs the handler but no deadline.
fn without_deadline() -> Alarm {
    Alarm::builder().abort_after(US).arm().expect("arming")
}

/// Checks until the alarm expires. The expiry must be neither early nor lost, and must persist.
fn until_expired(alarm: &Alarm) -> TimedOut {
    let timed_out = until_error(|| alarm.check(), || alarm.remaining());
    let apart = Duration::from_nanos(machine().skew);
    assert!(timed_out.limit().is_none_or(|limit| timed_out.elapsed() + apart >= limit), "early");
    for _ in 0..2 {
        pause();
        assert!(alarm.check().is_err(), "it was expired a moment ago");
    }
    timed_out
}

fn until_error(
    check: impl Fn() -> Result<(), TimedOut>,
    remaining: impl Fn() -> Option<Duration>,
) -> TimedOut {
    let mut lost = 0;
    loop {
        if let Err(e) = check() {
            return e;
        }
        let is_overdue = remaining().is_some_and(|left| left.is_zero());
        // The flag is clear and no signal will set it. A thread may be about to set it, so this must hold 100 times.
        let is_silent = !runtime::is_flag_set() && memory::is_empty() && machine().is_silent();
        lost = if is_overdue && is_silent { lost + 1 } else { 0 };
        assert!(lost < 100, "the alarm is lost");
        pause();
    }
}

/// Arms and drops alarms before, at and after their deadlines.
fn come_and_go(times: u32, longest: u32) {
    for _ in 0..times {
        let alarm = after(US * choose(longest));
        if choose(2) == 0 {
            until_expired(&alarm);
        }
    }
}

/// Runs `f` while another thread handles signals.
fn beside_idle_thread(f: impl FnOnce()) {
    let is_over = AtomicBool::new(false);
    let thread = spawn(|| {
        while !is_over.load(Ordering::Relaxed) {
            pause();
        }
    });
    f();
    is_over.store(true, Ordering::Relaxed);
    thread.join();
}

/// Asserts that the process is in its initial state.
fn restored(found: Disposition) {
    calm();
    let mut machine = machine();
    assert_eq!(machine.action, found, "the disposition");
    assert_eq!(machine.read_interval(), Setting::DISARMED, "the interval timer");
    assert!(!machine.is_blocked(machine::me()), "the mask");
    machine.assert_no_timer_left();
}

/// Installs the default action, which would end the process, or the recording handler.
fn some_disposition() -> Disposition {
    let disposition = [Disposition::DEFAULT, Disposition::PROGRAM][choose(2) as usize];
    machine().act(disposition);
    disposition
}

fn program_got() -> Vec<Source> {
    machine().program_got.clone()
}

fn set_foreign_timer(remaining: Duration) {
    machine().set_interval(Setting { remaining, interval: Duration::ZERO });
}

fn until_foreign_timer_has_expired() {
    while machine().is_interval_set() {
        pause();
    }
    calm();
}

macro_rules! scenarios {
    ($($(#[$doc:meta])* fn $name:ident() $body:block)*) => {
        $($(#[$doc])* #[test] fn $name() { explore(stringify!($name), || $body); })*
    };
}

scenarios! {

/// A check clears the flag, for another alarm or spuriously, while a deadline's signal arrives.
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
    restored(Disposition::DEFAULT);
}

fn signal_while_another_thread_clears_flag_is_not_lost() {
    let alarm = after(US * (25 + choose(30)));
    let thread = spawn(|| {
        while alarm.check().is_ok() && !machine().is_silent() {
            runtime::recheck();
            pause();
        }
        until_expired(&alarm);
    });
    thread.join();
    drop(alarm);
    restored(Disposition::DEFAULT);
}

/// The alarms are dropped in either order around their deadlines, also with skewed processor clocks.
fn nested_alarms_on_three_threads() {
    machine().skew = [0, 900][choose(2) as usize];
    let found = some_disposition();
    let threads = [1, 2].map(|n| spawn(move || nested(n)));
    nested(0);
    join(threads);
    restored(found);
    assert_eq!(program_got(), []);
}

fn drops_around_expiry_leave_no_signal() {
    let found = some_disposition();
    come_and_go(4, 12);
    restored(found);
    assert_eq!(program_got(), []);
}

/// The last drop completes before or after the handler.
fn last_drop_while_another_thread_has_dequeued_the_expiry() {
    let found = some_disposition();
    let alarm = after(US * (1 + choose(30)));
    beside_idle_thread(|| {
        for _ in 0..choose(60) {
            pause();
        }
        drop(alarm);
        if choose(2) == 0 {
            drop(after(US * choose(10)));
        }
        restored(found);
    });
    assert_eq!(program_got(), []);
    restored(found);
}

/// The threads have private timers, and the interval timer is disarmed.
fn threads_started_under_an_interval_timer() {
    let found = some_disposition();
    let alarm = after(US * (1 + choose(40)));
    let threads = [0, 1].map(|_| spawn(|| come_and_go(2, 20)));
    if choose(2) == 0 {
        until_expired(&alarm);
        alarm.restart();
    }
    drop(alarm);
    come_and_go(1, 20);
    join(threads);
    come_and_go(1, 20);
    restored(found);
    assert_eq!(program_got(), []);
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
    restored(Disposition::DEFAULT);
}

/// The forgotten alarm still expires on the other thread.
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
    // The forgotten alarm keeps the handler installed, but no timer.
    come_and_go(1, 10);
    calm();
    machine().assert_no_timer_left();
}

fn blocked_threads_wake_at_the_deadline() {
    let alarm = after(US * (1 + choose(30)));
    let threads = [spawn(|| block(&alarm)), spawn(|| block(&alarm))];
    if choose(2) == 0 {
        until_expired(&alarm);
    }
    join(threads);
    drop(alarm);
    restored(Disposition::DEFAULT);
}

fn blocked_thread_beside_alarms_that_come_and_go() {
    let thread = spawn(|| block(&after(US * (1 + choose(20)))));
    come_and_go(2, 20);
    thread.join();
    restored(Disposition::DEFAULT);
}

/// Limit: before Linux 6.13, the signal of another thread's disarmed timer can reach the restored disposition. A temporary
/// SIG_IGN, which discards it, killed a process on Linux 6.18.
fn suspended_while_threads_are_blocked() {
    machine().discards = true;
    let alarm = after(US * (1 + choose(30)));
    let threads = [spawn(|| block(&alarm)), spawn(|| block(&alarm))];
    (0..choose(40)).for_each(|_| pause());
    crate::suspended(|| {
        assert_eq!(machine().action, Disposition::DEFAULT);
        pause();
    });
    until_expired(&alarm);
    join(threads);
    drop(alarm);
    restored(Disposition::DEFAULT);
}

/// The blocked thread may be leaving, ending or suspended.
fn ring_wakes_a_blocked_thread_while_it_leaves() {
    let alarm = without_deadline();
    let threads = [spawn(|| block(&alarm)), spawn(|| block_for_a_moment(&alarm))];
    (0..choose(40)).for_each(|_| pause());
    let discards = machine().discards;
    if discards && choose(2) == 0 {
        crate::suspended(pause);
    }
    alarm.ring();
    join(threads);
    drop(alarm);
    restored(Disposition::DEFAULT);
}

/// `ring_on` wakes the thread from the handler, without the lock.
fn ring_on_wakes_a_blocked_thread_while_it_leaves() {
    let alarm = Alarm::builder().ring_on(SIGINT).arm().expect("arming");
    let ctrl_c = machine::send_from_outside(Source::CtrlC);
    let threads = [spawn(|| block(&alarm)), spawn(|| block_for_a_moment(&alarm))];
    let discards = machine().discards;
    if discards && choose(2) == 0 {
        crate::suspended(|| (0..choose(40)).for_each(|_| pause()));
    }
    join(threads);
    let _ = ctrl_c.join();
    assert_eq!(until_error(|| alarm.check(), || None).cause(), Cause::Signal(SIGINT));
    drop(alarm);
    restored(Disposition::DEFAULT);
}

fn blocking_call_that_blocks_sigalrm() {
    let alarm = after(US * (1 + choose(20)));
    let thread = spawn(|| {
        let _ = alarm.blocking(|| {
            machine::change_mask(true);
            Ok(())
        });
    });
    until_expired(&alarm);
    thread.join();
    drop(alarm);
    restored(Disposition::DEFAULT);
}

/// The handler or a ring sets the flag during the drop. The flag is never early, and no reference remains.
fn flag_is_set_while_the_alarm_is_dropped() {
    let flag = Arc::new(AtomicBool::new(false));
    let limit = US * choose(20);
    // A SIGINT after the drop takes the default action.
    machine().deaths = Some(0);
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
    assert_eq!(Arc::strong_count(&flag), 1, "something keeps it");
    thread.map(|thread| thread.join());
    ctrl_c.map(|ctrl_c| ctrl_c.join());
    calm();
}

fn watchdog_is_answered_while_its_grace_starts() {
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
    restored(Disposition::DEFAULT);
}

fn foreign_timer_is_delivered_once() {
    machine().act(Disposition::PROGRAM);
    set_foreign_timer(US * (1 + choose(40)));
    let threads: Vec<Thread> = (0..choose(3)).map(|_| spawn(|| come_and_go(1, 40))).collect();
    come_and_go(3, 20);
    join(threads);
    until_foreign_timer_has_expired();
    restored(Disposition::PROGRAM);
    assert_eq!(program_got(), [Source::Interval]);
}

fn foreign_timer_set_over_an_alarm_is_delivered_once() {
    machine().act(Disposition::PROGRAM);
    let began = machine().now;
    let alarm = after(US * 2_000);
    // Limits. The library mistakes a value near its own for its own. It also misses a timer whose signal is handled after its
    // own deadline, or whose setting it reads after a long preemption.
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
    restored(Disposition::PROGRAM);
    assert!(!knows || program_got().len() == 1, "{:?}", program_got());
}

/// Limit: the kernel drops a `kill` next to the interval timer's pending signal.
fn foreign_signal_reaches_the_previous_handler_once() {
    machine().act(Disposition::PROGRAM);
    let source = [Source::Kill, Source::Timer(FOREIGN, 77)][choose(2) as usize];
    let foreign = machine::send_from_outside(source);
    let threads: Vec<Thread> = (0..choose(2)).map(|_| spawn(|| come_and_go(1, 20))).collect();
    come_and_go(2, 20);
    join(threads);
    let _ = foreign.join();
    restored(Disposition::PROGRAM);
    let is_lost = machine().is_lost;
    assert!(program_got() == [source] || (is_lost && program_got().is_empty()), "{:?}", program_got());
}

fn kill_while_the_handler_is_installed() {
    machine().act(Disposition::PROGRAM);
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
    restored(Disposition::PROGRAM);
    assert_eq!(program_got(), [Source::Kill]);
}

/// Limit: the kernel drops a `kill` next to a pending signal.
fn kill_takes_the_default_action_while_guards_come_and_go() {
    machine().deaths = Some(0);
    let kill = machine::send_from_outside(Source::Kill);
    let thread = spawn(|| come_and_go(2, 20));
    come_and_go(2, 20);
    thread.join();
    let _ = kill.join();
    calm();
    let deaths = machine().deaths;
    let is_lost = machine().is_lost;
    assert!(deaths == Some(1) || (is_lost && deaths == Some(0)), "{deaths:?}");
}

/// The program's handler gets the `kill` at most once, and the process survives. Limit: a handler call that starts in front
/// of the other handler and ends behind it forwards to no handler.
fn kills_while_installed_in_front_of_another_handler() {
    let _outer = without_deadline();
    machine().act(Disposition::PROGRAM);
    beside_idle_thread(|| {
        let kill = machine::send_from_outside(Source::Kill);
        let alarm = without_deadline();
        for _ in 0..3 {
            alarm.blocking(|| Ok(())).expect("no deadline");
        }
        let _ = kill.join();
    });
    calm();
    assert_eq!(machine().action, Disposition::PROGRAM, "the disposition");
    assert!(program_got().len() <= 1, "{:?}", program_got());
}

/// The previous handler gets each `kill` once.
fn handler_over_the_librarys_that_calls_it() {
    machine().act(Disposition::PROGRAM);
    let alarm = after(US * (1 + choose(20)));
    machine().install_over(Function::Over);
    let kill = machine::send_from_outside(Source::Kill);
    let thread = spawn(|| come_and_go(1, 20));
    drop(alarm);
    come_and_go(2, 20);
    thread.join();
    let _ = kill.join();
    calm();
    assert_eq!(machine().action.function, Function::Over);
    assert!(program_got() == [Source::Kill] || machine().is_lost, "{:?}", program_got());
}

fn handler_over_the_librarys_that_raises() {
    let alarm = after(US * (1 + choose(20)));
    machine().install_over(Function::OverByRaise);
    let thread = (choose(2) == 0).then(|| spawn(|| come_and_go(1, 20)));
    until_expired(&alarm);
    drop(alarm);
    join(thread);
    calm();
}

/// Limits: a `kill` is dropped next to another signal. Before Linux 6.13, a `raise` is dropped next to the signal of an
/// expired timer.
fn signal_that_the_program_blocks_stays_pending() {
    machine().act(Disposition::PROGRAM);
    machine::change_mask(true);
    let source = [Source::Kill, Source::Timer(FOREIGN, 77), Source::Raise][choose(3) as usize];
    let foreign = (source != Source::Raise).then(|| machine::send_from_outside(source));
    let thread = (choose(2) == 0).then(|| {
        spawn(|| {
            come_and_go(1, 20);
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
    calm();
    assert_eq!(program_got(), [], "it was blocked");
    machine::change_mask(false);
    restored(Disposition::PROGRAM);
    let discards = machine().discards;
    let may_be_lost = machine().is_lost && !(source == Source::Raise && discards);
    assert!(program_got() == [source] || (may_be_lost && program_got().is_empty()), "{:?}", program_got());
}

fn ring_by_another_thread_is_seen_at_once() {
    let alarm = without_deadline();
    let is_rung = AtomicBool::new(false);
    let check = || loop {
        let already = is_rung.load(Ordering::Relaxed);
        match alarm.check() {
            Ok(()) => assert!(!already, "it has been rung"),
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
        spawn(|| come_and_go(1, 5)),
    ];
    check();
    join(threads);
    drop(alarm);
    restored(Disposition::DEFAULT);
}

fn restarts_beside_checks_and_drops() {
    let alarm = after(US * 10);
    let threads = [
        spawn(|| {
            for _ in 0..3 {
                alarm.restart();
                pause();
            }
        }),
        spawn(|| come_and_go(2, 15)),
    ];
    until_error(|| alarm.check(), || alarm.remaining());
    join(threads);
    until_expired(&alarm);
    drop(alarm);
    restored(Disposition::DEFAULT);
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

/// A call that blocks until a signal, repeated until the alarm expires.
fn block(alarm: &Alarm) {
    let e = alarm.blocking(|| -> io::Result<()> {
        machine::block_until_signal();
        Err(io::ErrorKind::Interrupted.into())
    });
    assert_eq!(e.unwrap_err().kind(), io::ErrorKind::TimedOut);
}

/// A call that blocks briefly.
fn block_for_a_moment(alarm: &Alarm) {
    let _ = alarm.blocking(|| {
        (0..choose(20)).for_each(|_| pause());
        Ok(())
    });
}
