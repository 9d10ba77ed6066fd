//! Foreign timers and handlers beside armed guards.

use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::{Duration, Instant};

use crate::support::process::counted;
use crate::support::*;
use nix::libc::{self, SA_RESTART, SA_SIGINFO, SIG_IGN, SIGALRM};

/// The foreign timer expires first, last, and in between. The guarded code never checks.
fn foreign_timer_is_on_time_without_checks() {
    process::count_signals();
    for (n, limit) in
        [SECOND, 60 * MS, 30 * MS, MS, Duration::from_micros(1), Duration::ZERO].into_iter().enumerate()
    {
        let began = Instant::now();
        process::once(50 * MS);
        let alarm = after(limit);
        let inner = after(limit / 2);
        spin_until(|| counted() > n);
        assert!(began.elapsed() >= 50 * MS, "early");
        while began.elapsed() < 80 * MS {}
        assert_eq!(counted(), n + 1);
        drop(inner);
        drop(alarm);
        assert_eq!(process::timer(), (Duration::ZERO, Duration::ZERO), "it has rung and is over");
    }
}

fn foreign_timer_is_on_time_while_a_call_blocks() {
    process::count_signals();
    process::once(30 * MS);
    let _alarm = after(10 * MS);
    let (mut reader, writer) = std::os::unix::net::UnixStream::pair().expect("a pair");
    std::thread::scope(|s| {
        s.spawn(|| {
            std::thread::sleep(100 * MS);
            drop(writer);
        });
        assert_eq!(std::io::Read::read(&mut reader, &mut [0; 8]).expect("no EINTR"), 0);
    });
    spin_until(|| counted() == 1);
}

fn periodic_timer_goes_on_under_a_guard() {
    process::set_action(process::counting_info(), SA_SIGINFO | SA_RESTART, &[]);
    let began = Instant::now();
    process::set_timer(20 * MS, 20 * MS);
    let alarm = after(50 * MS);
    spin_until(|| counted() >= 10);
    // Signals may be late or merge, but none is early.
    assert!(began.elapsed() >= 200 * MS);
    assert!(alarm.check().is_err());
    spin_until(|| counted() >= 15);
    drop(alarm);
    let (left, interval) = process::timer();
    assert!(interval == 20 * MS && left <= 20 * MS);
    let so_far = counted();
    spin_until(|| counted() > so_far);
    assert_eq!(process::LAST_CODE.load(Ordering::SeqCst), 0x80, "SI_KERNEL, as from the timer");
}

fn periodic_timer_keeps_its_rate_under_many_guards() {
    process::count_signals();
    let began = Instant::now();
    process::set_timer(5 * MS, 5 * MS);
    let mut n = 0_u64;
    // Periods in which this thread ran. Signals of other periods may merge.
    let (mut periods, mut last) = (0, 0);
    while began.elapsed() < 500 * MS {
        let period = began.elapsed().as_millis() / 5;
        periods += usize::from(period != last);
        last = period;
        let limit = Duration::from_micros(n % 300);
        let alarm = after(limit);
        let inner = after(limit * 3);
        while alarm.check().is_ok() {}
        assert!(alarm.elapsed() >= limit);
        drop(inner);
        n += 1;
    }
    let rung = counted();
    // Each guard may round the phase up by microseconds.
    let most = began.elapsed().as_millis() as usize / 5 + 1;
    assert!((periods / 2..=most).contains(&rung), "{rung} rings in {periods} periods, of {most}");
    assert_eq!(process::timer().1, 5 * MS);
}

fn foreign_timer_that_is_ignored_stays_ignored() {
    process::set_action(SIG_IGN, 0, &[]);
    process::once(10 * MS);
    let alarm = after(30 * MS);
    while alarm.check().is_ok() {}
    assert!(alarm.elapsed() >= 30 * MS);
}

fn default_kills_a_spinning_process() {
    process::once(50 * MS);
    let _outer = after(20 * SECOND);
    let _alarm = after(10 * MS);
    loop {
        std::hint::spin_loop();
    }
}

fn default_kills_a_checking_process() {
    process::once(50 * MS);
    loop {
        let alarm = after(Duration::from_micros(100));
        while alarm.check().is_ok() {}
    }
}

fn default_kills_a_blocked_process() {
    process::once(50 * MS);
    let _alarm = after(10 * MS);
    std::thread::sleep(20 * SECOND);
}

fn killed_at(least: Duration) -> impl Fn(&Outcome) -> Result<(), String> {
    use std::os::unix::process::ExitStatusExt;
    move |outcome| match outcome.status.signal() {
        Some(SIGALRM) if outcome.took >= least && outcome.took < least + LATE => Ok(()),
        _ => Err(format!("expected death by SIGALRM after {least:?}")),
    }
}

/// `perl -e 'alarm 1; exec @ARGV' TOOL` kills TOOL under any guard.
fn perl(inner: &mut Command) -> Command {
    under("perl", &["-e", "alarm 1; exec { $ARGV[0] } @ARGV or die"])(inner)
}

fn spins_forever() {
    let _alarm = after(30 * SECOND);
    loop {
        std::hint::spin_loop();
    }
}

fn checks_forever() {
    loop {
        let alarm = after(5 * MS);
        while alarm.check().is_ok() {}
    }
}

fn sleeps_forever() {
    let alarm = after(30 * SECOND);
    let _ = alarm.sleep(60 * SECOND);
    unreachable!("killed before");
}

fn alarm_expires_after_the_program_disarms_the_timer() {
    let alarm = after(20 * MS);
    process::disarm();
    drop(after(MS)); // an earlier deadline: setting the timer returns the old value
    while alarm.check().is_ok() {
        assert!(alarm.elapsed() < LATE, "lost");
    }
    assert!(alarm.elapsed() >= 20 * MS);
}

fn timer_set_over_a_guard_is_delivered() {
    process::count_signals();
    let alarm = after(SECOND / 2);
    let began = Instant::now();
    process::once(SECOND);
    let inner = after(MS); // notices the foreign timer
    while inner.check().is_ok() {}
    while alarm.check().is_ok() {
        assert!(began.elapsed() < LATE, "the alarm's expiry is lost");
    }
    assert!(counted() == 0 || began.elapsed() >= SECOND, "the foreign timer is early");
    spin_until(|| counted() == 1);
    assert!(began.elapsed() >= SECOND, "the foreign timer is early");
}

fn timer_set_over_a_guard_is_restored() {
    process::count_signals();
    let alarm = after(10 * SECOND);
    let began = Instant::now();
    process::set_timer(100 * SECOND, 20 * SECOND);
    drop(alarm);
    let (left, interval) = process::timer();
    assert!(left <= 100 * SECOND && interval == 20 * SECOND, "{left:?}, {interval:?}");
    assert!(left + began.elapsed() > 99 * SECOND, "{left:?}, {interval:?}");
}

/// The deadline has passed without a signal, and the restart need not program the timer.
fn timer_set_over_a_guard_is_seen_by_a_restart() {
    process::count_signals();
    let alarm = after(10 * MS);
    let began = Instant::now();
    process::once(100 * SECOND);
    while began.elapsed() < 20 * MS {}
    alarm.restart();
    while alarm.check().is_ok() {
        assert!(alarm.elapsed() < LATE, "the alarm's expiry is lost");
    }
    assert!(alarm.elapsed() >= 10 * MS);
    drop(alarm);
    let foreign = process::timer().0 + began.elapsed();
    assert!(foreign.abs_diff(100 * SECOND) < SECOND, "the foreign timer is lost: {foreign:?}");
}

/// The foreign timer expires before the guard's deadline.
fn short_timer_set_over_a_guard_is_forwarded_at_the_next_check() {
    process::count_signals();
    let alarm = after(SECOND);
    // After a preemption the two expiries cannot be distinguished.
    process::once(5 * MS);
    spin_until(|| {
        let _ = alarm.check();
        counted() == 1
    });
    while alarm.check().is_ok() {
        assert!(alarm.elapsed() < LATE, "the alarm's expiry is lost");
    }
    assert!(alarm.elapsed() >= SECOND);
    assert_eq!(counted(), 1);
}

/// The stopped timer does not prove that the guard's timer expired.
fn short_timer_set_over_a_guard_is_forwarded_after_both_deadlines() {
    process::count_signals();
    let mut rounds = 0;
    while rounds < 3 {
        let before = counted();
        let began = Instant::now();
        let alarm = after(600 * MS);
        process::once(50 * MS);
        // After a preemption the two expiries cannot be distinguished.
        let mut held_up = began.elapsed() > 100 * MS;
        let mut last = began;
        while began.elapsed() < 700 * MS {
            let now = Instant::now();
            held_up |= now - last > 400 * MS;
            last = now;
        }
        assert!(alarm.check().is_err());
        if !held_up {
            spin_until(|| counted() == before + 1);
            rounds += 1;
        }
        drop(alarm);
        assert!(counted() <= before + 1, "it was forwarded twice");
    }
}

fn foreign_timer_disarmed_under_a_guard_stays_disarmed(checks: bool, threads: bool) {
    process::once(SECOND / 2);
    let alarm = after(10 * SECOND);
    process::disarm();
    let long = if threads { 1_100 * MS } else { 600 * MS };
    std::thread::scope(|scope| {
        if threads {
            scope.spawn(|| std::thread::sleep(long * 2));
        }
        let began = Instant::now();
        while began.elapsed() < long {
            assert!(!checks || alarm.check().is_ok());
        }
        // The default action would end the process.
        drop(alarm);
        assert_eq!(process::timer(), (Duration::ZERO, Duration::ZERO));
        spin(20 * MS);
    });
}

static REARMED: AtomicI32 = AtomicI32::new(0);

extern "C" fn set_timer_again(_: libc::c_int) {
    if REARMED.fetch_add(1, Ordering::SeqCst) < 5 {
        process::once(10 * MS);
    }
}

fn handler_that_sets_its_timer_again_runs_each_time() {
    process::set_action(process::handler(set_timer_again), SA_RESTART, &[]);
    process::once(10 * MS);
    let alarm = after(300 * MS);
    while alarm.check().is_ok() {
        assert!(alarm.elapsed() < LATE, "the alarm's expiry is lost");
    }
    assert!(alarm.elapsed() >= 300 * MS);
    drop(alarm);
    // On a loaded machine the last ones may be late.
    spin_until(|| REARMED.load(Ordering::SeqCst) == 6);
}

fn handler_without_sa_restart_still_interrupts_calls() {
    process::set_action(process::counting(), 0, &[]);
    // Periodic, since the first expiry may precede the call.
    process::set_timer(30 * MS, 30 * MS);
    let _alarm = after(SECOND);
    let (mut reader, _writer) = std::os::unix::net::UnixStream::pair().expect("a pair");
    let e = std::io::Read::read(&mut reader, &mut [0; 8]).expect_err("EINTR");
    assert_eq!(e.kind(), std::io::ErrorKind::Interrupted);
    assert!(counted() >= 1);
}

fn timer_set_without_a_deadline_is_foreign() {
    process::count_signals();
    for alarm in [never(), after(Duration::ZERO)] {
        let before = counted();
        process::once(20 * MS);
        spin_until(|| {
            let _ = alarm.check();
            counted() > before
        });
        spin_until(|| process::timer().0.is_zero());
        assert_eq!(counted(), before + 1);
    }
}

/// The timer is foreign from its first expiry on. Signals that are late may merge.
fn timer_set_after_an_expiry_is_foreign() {
    process::count_signals();
    for period in [Duration::ZERO, 100 * MS].repeat(3) {
        let before = counted();
        let alarm = after(MS);
        expiry(&alarm);
        let began = Instant::now();
        process::set_timer(100 * MS, period);
        spin_until(|| {
            assert!(alarm.check().is_err());
            let came = counted() - before;
            assert!(began.elapsed() >= 100 * MS * came as u32, "early");
            came > usize::from(!period.is_zero())
        });
        if period.is_zero() {
            spin(140 * MS);
            assert_eq!(counted(), before + 1);
        }
        drop(alarm);
        process::disarm();
    }
}

fn guard_with_sigalrm_blocked_withholds_no_signal_from_other_threads() {
    process::count_signals();
    let (sender, is_armed) = std::sync::mpsc::channel();
    let worker = std::thread::spawn(move || {
        process::block(SIGALRM);
        let alarm = after(60 * SECOND);
        sender.send(()).expect("main listens");
        std::thread::park_timeout(LATE);
        drop(alarm);
    });
    is_armed.recv().expect("the worker is armed");
    process::kill_self(SIGALRM);
    spin_until(|| counted() == 1);
    worker.thread().unpark();
    worker.join().expect("no panic");
    assert_eq!(counted(), 1);
}

/// The drop discards the library's pending signals; later ones are the program's.
fn expire_with_sigalrm_blocked(rounds: usize) {
    for _ in 0..rounds {
        let before = counted();
        let alarm = after(MS);
        process::block(SIGALRM);
        let began = Instant::now();
        while began.elapsed() < 50 * MS {}
        drop(alarm);
        assert!(!process::is_pending(SIGALRM), "a signal of the library's is pending");
        process::once(MS);
        spin_until(|| process::is_pending(SIGALRM));
        drop(after(SECOND));
        process::unblock(SIGALRM);
        assert_eq!(counted(), before + 1);
    }
}

/// The library's expiry repeats until a check, and the signals merge.
fn blocked_expiries_that_merge_leave_the_foreign_signal() {
    process::count_signals();
    for _ in 0..3 {
        process::once(100 * SECOND);
        expire_with_sigalrm_blocked(1);
    }
}

fn expiries_blocked_on_all_threads_leave_the_foreign_signal() {
    process::count_signals();
    process::block(SIGALRM);
    std::thread::spawn(|| std::thread::sleep(100 * SECOND));
    process::unblock(SIGALRM);
    expire_with_sigalrm_blocked(3);
}

fn foreign_timer_does_not_drift_under_guards() {
    process::count_signals();
    let began = Instant::now();
    process::once(500 * MS);
    let latest = began.elapsed() + 500 * MS + 2 * US; // The kernel rounds up to microseconds.
    while counted() == 0 {
        drop(after(SECOND));
        let now = began.elapsed();
        let (left, _) = process::timer();
        // A timer that has just expired may read as one microsecond.
        assert!(left <= US || now + left <= latest, "{left:?} are left after {now:?}");
        assert!(now < LATE, "never came");
    }
    assert!(began.elapsed() >= 500 * MS, "early");
}

/// A guard takes over or restores the timer at each moment of its last microseconds.
fn foreign_timer_is_delivered_once_when_guards_meet_its_expiry() {
    process::count_signals();
    let (mut done, mut too_many) = (0, 0);
    for round in rounds(2_000) {
        let before = counted();
        let began = Instant::now();
        let limit = US * (300 + round as u32 % 97);
        process::once(limit);
        while counted() == before {
            drop(after(SECOND));
            assert!(began.elapsed() < LATE, "never came, in round {round}");
        }
        assert!(began.elapsed() >= limit, "early");
        drop(after(SECOND));
        too_many += counted() - before - 1;
        done += 1;
    }
    assert!(too_many <= done / 100, "{too_many} too many, of {done}");
}

/// An expiry cannot be distinguished from one pending on the other thread, so a doubtful round is not counted.
fn foreign_timer_is_delivered_once_when_guards_meet_its_expiry_beside_a_thread() {
    process::count_signals();
    let over = AtomicBool::new(false);
    std::thread::scope(|s| {
        s.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                std::thread::sleep(MS);
            }
        });
        let (mut done, mut lost) = (0, 0);
        for round in rounds(1_000) {
            let before = counted();
            let began = Instant::now();
            process::once(US * (100 + round as u32 % 97));
            while counted() == before && began.elapsed() < 2 * SECOND {
                drop(after(SECOND));
            }
            lost += usize::from(counted() == before);
            done += 1;
        }
        over.store(true, Ordering::Relaxed);
        // For a preempted thread it may stay in doubt.
        assert!(lost <= done / 100, "{lost} lost, of {done}");
    });
}

fn periodic_timer_that_expires_at_a_takeover_is_delivered_once() {
    process::count_signals();
    for n in rounds(2_000) {
        let before = counted();
        let began = Instant::now();
        process::set_timer(US * (1 + n as u32 % 24), 100 * MS);
        let alarm = after(50 * MS);
        while began.elapsed() < 80 * US {}
        let _ = alarm.check();
        drop(alarm);
        process::disarm();
        // A preempted thread has seen more than one.
        if began.elapsed() < 50 * MS {
            assert_eq!(counted() - before, 1, "{n}");
        }
    }
}

/// Once it has seen a foreign timer, the library leaves the interval timer alone. So each round has a process.
fn timer_set_just_before_a_deadline_is_foreign(limit: Duration) {
    process::count_signals();
    let round = || {
        // In a new child the first arms take page faults between the clock and the timer.
        for _ in 0..20 {
            drop(after(SECOND));
        }
        let alarm = after(3 * MS);
        let (left, _) = process::timer();
        // For a preempted thread the timer may be nearly over. Such a round is skipped.
        let Some(earlier) = left.checked_sub(Duration::from_micros(100)).filter(|time| !time.is_zero())
        else {
            std::process::exit(0);
        };
        process::once(earlier);
        drop(after(limit)); // notices the foreign timer
        if alarm.elapsed() > 2 * MS {
            std::process::exit(0);
        }
        spin_until(|| alarm.elapsed() > 8 * MS);
        std::process::exit(if counted() > 0 && alarm.check().is_err() { 2 } else { 1 });
    };
    let codes: Vec<i32> = (0..60).map(|_| process::in_child(round) >> 8).collect();
    let number_of = |code| codes.iter().filter(|&&c| c == code).count();
    let (known, unknown) = (number_of(2), number_of(1));
    assert_eq!(known + unknown + number_of(0), 60, "{codes:?}");
    // A preemption while the timer is set makes its deadline uncertain.
    assert!(known >= unknown, "{known} of {}", known + unknown);
}

fn new_timer_close_to_a_restored_one_is_kept() {
    process::count_signals();
    for n in 0..50 {
        let before = counted();
        process::once(20 * MS);
        drop(after(SECOND));
        let (left, _) = process::timer();
        let new = left + US * (20 + n);
        let began = Instant::now();
        if process::once(new).is_zero() {
            continue; // For a preempted thread the first one has expired.
        }
        let alarm = after(SECOND);
        spin_until(|| counted() > before);
        assert!(began.elapsed() >= new, "early by {:?}", new - began.elapsed());
        drop(alarm);
    }
}

pub fn scenarios() -> Vec<Scenario> {
    scenarios![
        foreign_timer_is_on_time_without_checks,
        foreign_timer_is_on_time_while_a_call_blocks,
        periodic_timer_goes_on_under_a_guard,
        periodic_timer_keeps_its_rate_under_many_guards,
        foreign_timer_that_is_ignored_stays_ignored,
        default_kills_a_spinning_process.judged(killed_at(50 * MS)),
        default_kills_a_checking_process.judged(killed_at(50 * MS)),
        default_kills_a_blocked_process.judged(killed_at(50 * MS)),
        perls_alarm_kills_a_spinning_tool.launched(perl).judged(killed_at(SECOND)) = spins_forever,
        perls_alarm_kills_a_checking_tool.launched(perl).judged(killed_at(SECOND)) = checks_forever,
        perls_alarm_kills_a_sleeping_tool.launched(perl).judged(killed_at(SECOND)) = sleeps_forever,
        alarm_expires_after_the_program_disarms_the_timer,
        timer_set_over_a_guard_is_delivered,
        timer_set_over_a_guard_is_restored,
        timer_set_over_a_guard_is_seen_by_a_restart,
        disarmed_foreign_timer_stays_disarmed =
            || foreign_timer_disarmed_under_a_guard_stays_disarmed(false, false),
        disarmed_foreign_timer_stays_disarmed_under_checks =
            || foreign_timer_disarmed_under_a_guard_stays_disarmed(true, false),
        disarmed_foreign_timer_stays_disarmed_beside_a_thread =
            || foreign_timer_disarmed_under_a_guard_stays_disarmed(false, true),
        short_timer_set_over_a_guard_is_forwarded_at_the_next_check,
        short_timer_set_over_a_guard_is_forwarded_after_both_deadlines,
        handler_that_sets_its_timer_again_runs_each_time,
        handler_without_sa_restart_still_interrupts_calls,
        timer_set_without_a_deadline_is_foreign,
        timer_set_after_an_expiry_is_foreign,
        guard_with_sigalrm_blocked_withholds_no_signal_from_other_threads,
        blocked_expiries_that_merge_leave_the_foreign_signal,
        expiries_blocked_on_all_threads_leave_the_foreign_signal,
        foreign_timer_does_not_drift_under_guards,
        foreign_timer_is_delivered_once_when_guards_meet_its_expiry,
        foreign_timer_is_delivered_once_when_guards_meet_its_expiry_beside_a_thread,
        periodic_timer_that_expires_at_a_takeover_is_delivered_once,
        timer_set_just_before_a_deadline_is_foreign = || timer_set_just_before_a_deadline_is_foreign(MS),
        timer_set_just_before_an_expiry_is_foreign =
            || timer_set_just_before_a_deadline_is_foreign(Duration::from_micros(1)),
        new_timer_close_to_a_restored_one_is_kept,
    ]
}
