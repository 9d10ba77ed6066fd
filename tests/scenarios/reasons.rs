//! Signals that ring, limits on processor time and checks, tickers, watchdogs, audits.

use std::io::Read;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::support;
use crate::support::process::{self, counted};
use crate::support::{Outcome, Scenario, scenario};
use nix::libc::{self, SA_RESTART, SIG_IGN, SIGABRT, SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
use nix::sys::signal::{SigHandler, Signal};
use sigalarm::{Alarm, AlarmBuilder, Cause, Ticker, TimedOut, checkpoint};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const LATE: Duration = Duration::from_secs(20);

fn arm(builder: AlarmBuilder) -> Alarm {
    builder.arm().expect("arming")
}

fn expiry(alarm: &Alarm) -> TimedOut {
    let began = Instant::now();
    loop {
        if let Err(e) = alarm.check() {
            return e;
        }
        assert!(began.elapsed() < LATE, "never came");
    }
}

fn spin(time: Duration) {
    let began = Instant::now();
    while began.elapsed() < time {}
}

#[allow(unsafe_code, clippy::undocumented_unsafe_blocks)] // A bare call.
fn handle(signal: Signal, handler: SigHandler) {
    unsafe { nix::sys::signal::signal(signal, handler) }.expect("a handler");
}

fn cpu_time() -> Duration {
    let ts = nix::time::clock_gettime(nix::time::ClockId::CLOCK_PROCESS_CPUTIME_ID).expect("a clock");
    Duration::new(ts.tv_sec() as u64, ts.tv_nsec() as u32)
}

fn signal_rings_the_listening_alarm() {
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2] {
        let alarm = arm(Alarm::builder().ring_on(signal).label("solve"));
        assert!(alarm.check().is_ok());
        process::kill_self(signal);
        let e = alarm.check().expect_err("rung");
        assert!(alarm.owns(&e));
        assert_eq!((e.cause(), e.limit()), (Cause::Signal(signal), None));
        assert!(e.to_string().contains("was interrupted by SIG"), "{e}");
        alarm.restart();
        assert!(alarm.check().is_ok(), "a restart listens again");
        process::kill_self(signal);
        assert!(alarm.check().is_err());
    }
}

fn signal_has_its_default_action_after_the_guard() {
    handle(Signal::SIGUSR1, SigHandler::Handler(process::count));
    let alarm = arm(Alarm::builder().ring_on(SIGUSR1).ring_on(SIGUSR2));
    process::kill_self(SIGUSR1);
    assert!(alarm.check().is_err());
    assert_eq!(counted(), 0, "the first goes no further");
    process::kill_self(SIGUSR1);
    assert_eq!(counted(), 1, "the second goes to the program's own handler");
    drop(alarm);
    process::kill_self(SIGUSR1);
    assert_eq!(counted(), 2, "without a listener every signal is forwarded");
    process::kill_self(SIGUSR2); // the default action ends the process
}

fn second_ctrl_c_kills() {
    let alarm = arm(Alarm::builder().ring_on(SIGINT));
    process::kill_self(SIGINT);
    assert_eq!(expiry(&alarm).cause(), Cause::Signal(SIGINT));
    process::kill_self(SIGINT);
    unreachable!("the second takes the default action");
}

fn second_ctrl_c_kills_without_a_check() {
    let _alarm = arm(Alarm::builder().ring_on(SIGINT));
    process::kill_self(SIGINT);
    process::kill_self(SIGINT);
    unreachable!("the second takes the default action");
}

fn one_shot_handler_runs_at_the_second_signal() {
    process::set_action_for(SIGUSR1, process::counting(), libc::SA_RESETHAND, &[]);
    let alarm = arm(Alarm::builder().ring_on(SIGUSR1));
    process::kill_self(SIGUSR1);
    process::kill_self(SIGUSR1);
    assert!(alarm.check().is_err());
    assert_eq!(counted(), 1);
    drop(alarm);
    assert_eq!(process::action_for(SIGUSR1).sa_sigaction, libc::SIG_DFL, "it has had its one");
}

fn signal_rings_only_the_alarm_that_was_listening() {
    handle(Signal::SIGUSR1, SigHandler::Handler(process::count));
    let alarm = arm(Alarm::builder().ring_on(SIGUSR1));
    process::kill_self(SIGUSR1);
    drop(alarm);
    let alarm = arm(Alarm::builder().ring_on(SIGUSR1));
    assert!(alarm.check().is_ok());
    process::kill_self(SIGUSR1);
    assert!(alarm.check().is_err());
    assert_eq!(counted(), 0);
    drop(arm(Alarm::builder().ring_on(SIGUSR1)));
    process::kill_self(SIGUSR1);
    assert_eq!(counted(), 1);
}

/// The handler forwards to the previous handler.
fn saved_handler_that_is_installed_again_forwards() {
    handle(Signal::SIGUSR1, SigHandler::Handler(process::count));
    let alarm = arm(Alarm::builder().ring_on(SIGUSR1));
    let saved = process::action_for(SIGUSR1);
    drop(alarm);
    process::set_action_for(SIGUSR1, saved.sa_sigaction, saved.sa_flags, &[]);
    process::kill_self(SIGUSR1);
    assert_eq!(counted(), 1);
    let alarm = arm(Alarm::builder().ring_on(SIGUSR1));
    process::kill_self(SIGUSR1);
    process::kill_self(SIGUSR1);
    assert!(alarm.check().is_err());
    assert_eq!(counted(), 2);
}

fn handler_installed_over_ring_on_stays() {
    let alarm = arm(Alarm::builder().ring_on(SIGUSR1));
    process::set_action_for(SIGUSR1, process::counting(), SA_RESTART, &[]);
    let installed = process::action_for(SIGUSR1).sa_sigaction;
    let is_installed = || process::action_for(SIGUSR1).sa_sigaction == installed;
    let waited = alarm.blocking(|| Ok(is_installed()));
    assert!(waited.expect("at once") && is_installed());
    drop(alarm);
    assert!(is_installed());
}

fn signals_of_a_child_go_to_the_previous_handler() {
    handle(Signal::SIGUSR1, SigHandler::Handler(process::count));
    let before = process::action_for(SIGUSR1).sa_sigaction;
    let alarm = arm(Alarm::builder().ring_on(SIGUSR1));
    process::kill_self(SIGUSR1);
    let status = process::in_child(|| {
        assert_eq!(process::action_for(SIGUSR1).sa_sigaction, before);
        process::kill_self(SIGUSR1);
        assert_eq!(counted(), 1);
        let own = arm(Alarm::builder().ring_on(SIGUSR1));
        assert!(own.check().is_ok(), "that one was the parent's");
        process::kill_self(SIGUSR1);
        assert!(own.check().is_err());
        drop(own);
        assert_eq!(process::action_for(SIGUSR1).sa_sigaction, before);
    });
    assert_eq!(status, 0);
    assert!(alarm.check().is_err());
}

fn several_alarms_share_a_signal() {
    let outer = arm(Alarm::builder().ring_on(SIGTERM).label("outer"));
    let inner = arm(Alarm::builder().ring_on(SIGTERM).ring_on(SIGINT));
    process::kill_self(SIGTERM);
    assert!(outer.owns(&inner.check().unwrap_err()));
    drop(outer);
    assert_eq!(inner.check().unwrap_err().cause(), Cause::Signal(SIGTERM));
    inner.restart();
    process::kill_self(SIGTERM);
    assert_eq!(inner.check().unwrap_err().cause(), Cause::Signal(SIGTERM), "it listens on");
    inner.restart();
    process::kill_self(SIGINT);
    assert_eq!(inner.check().unwrap_err().cause(), Cause::Signal(SIGINT));
    // An alarm armed after another was rung has its own first signal.
    let cleanup = arm(Alarm::builder().ring_on(SIGINT));
    inner.disarm();
    process::kill_self(SIGINT);
    assert!(cleanup.check().is_err());
}

fn ignored_signal_stays_ignored() {
    handle(Signal::SIGHUP, SigHandler::SigIgn);
    let alarm = arm(Alarm::builder().ring_on(SIGHUP));
    process::kill_self(SIGHUP);
    assert!(alarm.check().is_ok());
    let bits = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    if let Some(line) = bits.lines().find(|line| line.starts_with("SigIgn")) {
        assert!(line.ends_with('1'), "{line}: SIGHUP is signal 1");
    }
    process::set_action(SIG_IGN, 0, &[]);
}

fn signal_ends_a_wait() {
    for limit in [None, Some(100 * SECOND)] {
        let builder = Alarm::builder().ring_on(SIGINT);
        let alarm = arm(limit.map_or(builder.clone(), |limit| builder.after(limit)));
        std::thread::scope(|s| {
            s.spawn(|| {
                std::thread::sleep(30 * MS);
                process::kill_self(SIGINT);
            });
            let (mut here, _there) = UnixStream::pair().expect("a pair");
            let e = alarm.blocking(|| here.read(&mut [0; 8])).expect_err("nothing comes");
            assert_eq!(e.kind(), std::io::ErrorKind::TimedOut);
        });
        assert!(alarm.elapsed() < LATE);
        alarm.restart();
        std::thread::scope(|s| {
            s.spawn(|| {
                std::thread::sleep(30 * MS);
                process::kill_self(SIGINT);
            });
            assert_eq!(alarm.sleep(LATE).expect_err("rung").cause(), Cause::Signal(SIGINT));
        });
    }
}

/// The signal itself ends the wait: the program has disarmed the timer.
#[cfg(target_os = "linux")]
fn signal_ends_a_wait_without_the_timer() {
    for to_itself in [true, false] {
        let alarm = arm(Alarm::builder().ring_on(SIGUSR1));
        let (handle, waiter) = (AtomicUsize::new(0), AtomicI32::new(0));
        std::thread::scope(|s| {
            s.spawn(|| {
                handle.store(nix::sys::pthread::pthread_self() as usize, Ordering::SeqCst);
                let (mut here, _there) = UnixStream::pair().expect("a pair");
                let e = alarm.blocking(|| {
                    waiter.store(nix::unistd::gettid().as_raw(), Ordering::SeqCst);
                    here.read(&mut [0; 8])
                });
                assert_eq!(e.expect_err("nothing comes").kind(), std::io::ErrorKind::TimedOut);
            });
            // Until it sleeps in its call.
            loop {
                let path = format!("/proc/self/task/{}/syscall", waiter.load(Ordering::SeqCst));
                match std::fs::read_to_string(path) {
                    Ok(call) if call.starts_with(&format!("{} ", libc::SYS_read)) => break,
                    Ok(call) if call.starts_with(&format!("{} ", libc::SYS_recvfrom)) => break,
                    Ok(_) | Err(_) => std::thread::yield_now(),
                }
            }
            process::set_timer(Duration::ZERO, Duration::ZERO);
            if to_itself {
                let thread = handle.load(Ordering::SeqCst) as libc::pthread_t;
                nix::sys::pthread::pthread_kill(thread, Signal::SIGUSR1).expect("it lives");
            } else {
                process::kill_self(SIGUSR1); // handled here: the kernel prefers the main thread
            }
        });
    }
}

fn signals_that_cannot_be_handled_are_refused() {
    for signal in
        [libc::SIGKILL, libc::SIGSTOP, libc::SIGSEGV, libc::SIGALRM, SIGABRT, 0, -1, 64, 999, i32::MAX]
    {
        let e = Alarm::builder().ring_on(signal).arm().expect_err("refused");
        assert_eq!(e.call(), None);
        assert!(e.to_string().contains(&format!("signal {signal} cannot ring it")), "{e}");
        assert_eq!(std::io::Error::from(e).kind(), std::io::ErrorKind::InvalidInput);
    }
    assert!(checkpoint().is_ok());
}

fn cpu_limit_counts_all_threads() {
    for limit in [Duration::ZERO, Duration::from_micros(1), 10 * MS, 100 * MS] {
        let before = cpu_time();
        let alarm = arm(Alarm::builder().cpu_limit(limit));
        let e = expiry(&alarm);
        let used = cpu_time() - before;
        assert_eq!((e.cause(), e.limit()), (Cause::Cpu, Some(limit)));
        assert!(used >= limit && e.elapsed() >= limit, "early: {used:?} of {limit:?}");
        // The process has one thread, so processor time after the limit is spent on checks.
        assert!(used <= limit + (limit / 20).max(20 * MS), "late: {used:?} of {limit:?}");
    }
    let alarm = arm(Alarm::builder().cpu_limit(50 * MS).after(10 * SECOND));
    std::thread::sleep(120 * MS);
    assert!(alarm.check().is_ok());
    let began = Instant::now();
    assert_eq!(expiry(&alarm).cause(), Cause::Cpu);
    assert!(began.elapsed() >= 30 * MS);
    alarm.restart();
    assert!(alarm.check().is_ok(), "a restart gives the whole time again");
}

#[allow(unsafe_code, clippy::undocumented_unsafe_blocks)] // Bare calls.
fn cpu_limit_is_kept_under_load() {
    let busy: Vec<i32> = (0..4)
        .map(|_| match unsafe { libc::fork() } {
            0 => loop {
                std::hint::spin_loop();
            },
            child => child,
        })
        .collect();
    for _ in 0..3 {
        let (before, began) = (cpu_time(), Instant::now());
        let alarm = arm(Alarm::builder().cpu_limit(100 * MS));
        expiry(&alarm);
        let used = cpu_time() - before;
        assert!(used >= 100 * MS, "early: {used:?}");
        assert!(used <= 120 * MS, "late: {used:?} in {:?}", began.elapsed());
    }
    for child in busy {
        unsafe { libc::kill(child, libc::SIGKILL) };
    }
}

fn thread_cpu_limit_counts_one_thread() {
    let alarm = arm(Alarm::builder().thread_cpu_limit(30 * MS));
    std::thread::spawn(|| spin(80 * MS)).join().expect("no panic");
    assert!(alarm.check().is_ok());
    assert_eq!(expiry(&alarm).cause(), Cause::Cpu);
    // An ended thread uses no more time.
    std::thread::spawn(|| std::mem::forget(arm(Alarm::builder().thread_cpu_limit(5 * MS))))
        .join()
        .expect("no panic");
    let other = arm(Alarm::builder().after(30 * MS));
    drop(alarm);
    assert_eq!(expiry(&other).cause(), Cause::Deadline);
}

fn check_limit_counts_checks_of_the_alarm_and_inner_ones() {
    for budget in [0_u64, 1, 7, 1_000] {
        let alarm = arm(Alarm::builder().check_limit(budget));
        for round in 0..2 {
            for n in 0..budget {
                assert!(alarm.check().is_ok(), "check {n} of {budget}, round {round}");
            }
            assert_eq!(alarm.check().unwrap_err().cause(), Cause::Checks);
            assert!(alarm.check().is_err());
            alarm.restart();
        }
    }
    // A check counts for enclosing alarms, not for inner ones.
    let outer = arm(Alarm::builder().check_limit(3));
    let inner = arm(Alarm::builder().check_limit(2));
    assert!(outer.check().is_ok()); // outer: 2 left
    assert!(inner.check().is_ok()); // outer: 1, inner: 1
    assert!(checkpoint().is_ok()); // outer: 0, inner: 0
    assert!(outer.owns(&inner.check().unwrap_err()), "both are used up: the outer one is reported");
    // On another thread that has entered the alarm.
    let alarm = arm(Alarm::builder().check_limit(1));
    drop((inner, outer));
    std::thread::scope(|s| {
        s.spawn(|| {
            assert!(checkpoint().is_ok());
            let _entered = alarm.enter();
            assert!(checkpoint().is_ok());
            assert_eq!(checkpoint().unwrap_err().cause(), Cause::Checks);
        });
    });
}

/// A check on another thread must not clear the flag even briefly.
fn check_limit_counts_every_check_beside_other_threads() {
    const BUDGET: u64 = 20_000;
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let other = arm(Alarm::builder());
                while !done.load(Ordering::Relaxed) {
                    assert!(other.check().is_ok());
                }
            });
        }
        let checked = [(); 5].map(|()| {
            let alarm = arm(Alarm::builder().check_limit(BUDGET));
            (0..2 * BUDGET).take_while(|_| alarm.check().is_ok()).count()
        });
        done.store(true, Ordering::Relaxed);
        assert_eq!(checked, [BUDGET as usize; 5]);
    });
}

fn alarm_expires_for_its_first_reason() {
    let all =
        Alarm::builder().after(SECOND * 30).cpu_limit(20 * SECOND).check_limit(1_000_000_000).ring_on(SIGINT);
    for (builder, cause) in [
        (all.clone().after(5 * MS), Cause::Deadline),
        (all.clone().cpu_limit(5 * MS), Cause::Cpu),
        (all.clone().check_limit(10), Cause::Checks),
    ] {
        assert_eq!(expiry(&arm(builder)).cause(), cause);
    }
    let alarm = arm(all.clone());
    process::kill_self(SIGINT);
    assert_eq!(expiry(&alarm).cause(), Cause::Signal(SIGINT));
    alarm.restart();
    alarm.ring();
    assert_eq!(expiry(&alarm).cause(), Cause::Rung);
    alarm.disarm();
    for _ in 0..1_000 {
        assert!(alarm.check().is_ok());
    }
    process::kill_self(SIGINT);
    assert_eq!(expiry(&alarm).cause(), Cause::Signal(SIGINT), "that is no limit, and still in force");
}

fn hundred_tickers_return_each_period_once() {
    let began = Instant::now();
    let tickers: Vec<(Instant, Ticker, Instant)> = (1..=100_u32)
        .map(|n| {
            let before = Instant::now();
            let ticker =
                Ticker::every(MS * (1 + n * 7 % 50) + Duration::from_nanos(u64::from(n))).expect("arming");
            (before, ticker, Instant::now())
        })
        .collect();
    let mut counts = vec![0_u64; tickers.len()];
    while began.elapsed() < 3 * SECOND {
        for (count, (_, ticker, _)) in counts.iter_mut().zip(&tickers) {
            *count += ticker.ticks();
        }
    }
    // After a pause without calls, the totals follow the clock.
    spin(60 * MS);
    for (count, (before, ticker, after)) in counts.iter_mut().zip(&tickers) {
        let least = after.elapsed().as_nanos() / ticker.period().as_nanos();
        *count += ticker.ticks();
        let most = before.elapsed().as_nanos() / ticker.period().as_nanos();
        let in_range = (least..=most).contains(&u128::from(*count));
        assert!(in_range, "{count} of {least} to {most} at {:?}", ticker.period());
    }
    drop(tickers);
    assert_eq!(process::timer().0, Duration::ZERO);
    assert_eq!(process::action().sa_sigaction, libc::SIG_DFL);
}

fn tickers_and_alarms_do_not_disturb_each_other() {
    let alarm = arm(Alarm::builder().after(100 * MS));
    let ticker = Ticker::every(10 * MS).expect("arming");
    let armed = Instant::now();
    let mut ticks = 0;
    // Rare calls, between checks that handle the same signals.
    let mut n = 0_u64;
    while alarm.check().is_ok() {
        n += 1;
        if n % 1_000 == 0 {
            ticks += ticker.ticks();
        }
    }
    spin(MS);
    let least = armed.elapsed().as_millis() as u64 / 10;
    let last = ticker.ticks();
    ticks += last;
    assert!(ticks >= least, "{ticks} of {least}");
    let most = armed.elapsed().as_millis() as u64 / 10 + 1;
    assert!(
        ticks + ticker.ticks() <= most,
        "each period is returned once: {ticks}, and {last} of them at the end"
    );
    // The ticker also works beside an expired alarm.
    let began = Instant::now();
    let ticker = Ticker::every(MS).expect("arming");
    spin(10 * MS);
    assert!(ticker.ticks() >= 10);
    assert!(u128::from(ticker.ticks()) <= began.elapsed().as_millis());
}

fn tickers_with_extreme_periods_work() {
    let e = Ticker::every(Duration::ZERO).expect_err("refused");
    assert!(e.to_string().contains("longer than zero"));
    let never = Ticker::every(Duration::MAX).expect("arming");
    let often = Ticker::every(Duration::from_nanos(1)).expect("arming");
    spin(MS);
    assert!(often.ticks() >= 1_000_000);
    assert_eq!(never.ticks(), 0);
    let status = process::in_child(|| {
        spin(MS);
        assert_eq!(often.ticks(), 0, "inert");
        let own = Ticker::every(MS).expect("arming");
        spin(3 * MS);
        assert!(own.ticks() >= 3);
    });
    assert_eq!(status, 0);
}

/// The two tickers may share a flag slot.
fn inherited_ticker_hides_no_tick_of_a_child() {
    let inherited = Ticker::every(5 * MS).expect("arming");
    let status = process::in_child(|| {
        let own = Ticker::every(5 * MS).expect("arming");
        let began = Instant::now();
        while own.ticks() == 0 {
            assert!(began.elapsed() < LATE, "never came");
            // The ticker expires here.
            std::thread::sleep(MS);
            assert_eq!(inherited.ticks(), 0);
        }
    });
    assert_eq!(status, 0);
}

fn last_words(outcome: &Outcome, least: Duration) -> Result<(), String> {
    if outcome.took < least || outcome.took > least + LATE {
        return Err(format!("expected the end after {least:?}"));
    }
    let expected = "sigalarm: parse has not answered 60 ms after its limit of 40 ms; ending the process. On its thread: ";
    if outcome.stderr.starts_with(expected) { Ok(()) } else { Err(format!("expected on stderr: {expected}")) }
}

fn ends_with(code: i32) -> impl Fn(&Outcome) -> Result<(), String> {
    move |outcome| {
        if outcome.status.code() != Some(code) {
            return Err(format!("expected exit code {code}"));
        }
        last_words(outcome, 100 * MS)
    }
}

fn dumps_core(outcome: &Outcome) -> Result<(), String> {
    use std::os::unix::process::ExitStatusExt;
    if outcome.status.signal() != Some(SIGABRT) {
        return Err("expected SIGABRT".to_owned());
    }
    last_words(outcome, 100 * MS)
}

fn parse() -> AlarmBuilder {
    Alarm::builder().after(40 * MS).label("parse").abort_after(60 * MS)
}

fn never_checks() {
    let _alarm = arm(parse());
    loop {
        std::hint::spin_loop();
    }
}

fn watchdog_dumps_core() {
    let _ = nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_CORE, 0, 0);
    let _alarm = arm(Alarm::builder().after(40 * MS).label("parse").dump_core_after(60 * MS));
    loop {
        std::hint::spin_loop();
    }
}

/// The program's own timer expires first, once.
fn watchdog_fires_after_a_foreign_timer() {
    process::set_action(process::counting(), SA_RESTART, &[]);
    process::set_timer(20 * MS, Duration::ZERO);
    let _alarm = arm(parse());
    loop {
        std::hint::spin_loop();
    }
}

fn watchdog_ends_a_system_call() {
    let _alarm = arm(parse());
    std::thread::sleep(10 * LATE);
}

fn watchdog_without_grace_ends_at_once() {
    let _alarm = arm(Alarm::builder().after(100 * MS).label("parse").abort_after(Duration::ZERO));
    loop {
        std::hint::spin_loop();
    }
}

/// An enclosing limit ends sooner, so the timer is already set.
fn watchdog_fires_inside_a_limit() {
    let _outer = arm(Alarm::builder().after(30 * MS));
    let _alarm = arm(parse());
    loop {
        std::hint::spin_loop();
    }
}

/// Other alarms have come and gone, and one has a distant deadline.
fn watchdog_fires_among_other_alarms() {
    let first = arm(Alarm::builder().after(100 * SECOND).abort_after(100 * SECOND));
    let alarm = arm(parse());
    let _third = arm(Alarm::builder().after(200 * SECOND).abort_after(SECOND));
    drop(first);
    alarm.restart();
    loop {
        std::hint::spin_loop();
    }
}

fn watchdog_fires_while_another_thread_checks() {
    let _alarm = arm(parse());
    std::thread::spawn(|| drop(expiry(&arm(Alarm::builder().after(45 * MS)))));
    loop {
        std::hint::spin_loop();
    }
}

/// The label is cut at a character boundary.
fn watchdog_cuts_a_long_label() {
    let label = format!("two\nlines{}", "ü".repeat(300));
    let _alarm = arm(Alarm::builder().after(MS).label(label).abort_after(MS));
    loop {
        std::hint::spin_loop();
    }
}

fn ends_with_a_cut_line(outcome: &Outcome) -> Result<(), String> {
    let line = &outcome.stderr;
    let whole = line.starts_with("sigalarm: two\u{fffd}linesüüü")
        && line.contains(
            "üüü has not answered 1 ms after its limit of 1 ms; ending the process. On its thread: two",
        )
        && line.ends_with('\n');
    if outcome.status.code() == Some(124) && whole && (599..=600).contains(&line.len()) {
        Ok(())
    } else {
        Err("expected exit code 124 and a line of 600 bytes".to_owned())
    }
}

/// A watchdog that is disarmed, moved, suspended or inherited does not abort. The suspended process has its own
/// disposition.
fn watchdog_waits_while_suspended() {
    let alarm = arm(Alarm::builder().after(40 * MS).label("parse").abort_after(60 * MS));
    sigalarm::suspended(|| std::thread::sleep(200 * MS));
    assert!(alarm.check().is_err(), "its grace begins anew");
    sigalarm::suspended(|| {
        let _inner = arm(Alarm::builder().after(MS).abort_after(MS));
        alarm.restart();
        std::thread::sleep(100 * MS);
    });
    let began = Instant::now();
    while began.elapsed() < SECOND {}
}

fn watchdog_that_was_moved_does_not_fire() {
    const GRACE: Duration = Duration::from_secs(1);
    let bounded = || arm(Alarm::builder().after(MS).abort_after(GRACE));
    let other = arm(Alarm::builder().after(GRACE * 2));
    let disarmed = bounded();
    disarmed.disarm();
    let extended = bounded();
    extended.extend(1_000 * SECOND);
    drop(bounded());
    // Without a check.
    spin(GRACE * 2);
    drop((disarmed, extended, other));

    let restarted = bounded();
    for _ in 0..4 {
        spin(GRACE / 2);
        restarted.restart();
    }
    drop(restarted);

    let alarm = bounded();
    let child = fork();
    if child == 0 {
        let _own = arm(Alarm::builder().after(MS));
        spin(GRACE * 2);
        support::children::exit_now(0);
    }
    drop(alarm);
    let ended = nix::sys::wait::waitpid(nix::unistd::Pid::from_raw(child), None).expect("a child");
    assert!(matches!(ended, nix::sys::wait::WaitStatus::Exited(_, 0)), "{ended:?}");
}

#[allow(unsafe_code, clippy::undocumented_unsafe_blocks)] // A bare call.
fn fork() -> i32 {
    unsafe { libc::fork() }
}

fn alarm_with_each_reason_expires_inside_a_limit() {
    let outer = arm(Alarm::builder().after(100 * SECOND));
    let inside = || Alarm::builder().after(200 * SECOND);
    let alarm = arm(inside().check_limit(3));
    assert!((0..3).all(|_| alarm.check().is_ok()));
    assert_eq!(alarm.check().expect_err("no check is left").cause(), Cause::Checks);
    drop(alarm);
    let alarm = arm(inside().ring_on(SIGUSR1));
    process::kill_self(SIGUSR1);
    assert_eq!(alarm.check().expect_err("rung").cause(), Cause::Signal(SIGUSR1));
    drop(alarm);
    let alarm = arm(inside().cpu_limit(5 * MS));
    assert_eq!(expiry(&alarm).cause(), Cause::Cpu);
    drop(alarm);
    let alarm = arm(inside().audit(8 * MS));
    spin(40 * MS);
    assert!(alarm.check().is_ok());
    assert!(alarm.longest_gap().is_some());
    drop(alarm);
    assert!(outer.check().is_ok());
    process::set_action_for(SIGUSR2, process::counting(), SA_RESTART, &[]);
    drop(arm(inside().ring_on(SIGUSR2).check_limit(1).abort_after(Duration::ZERO)));
    process::kill_self(SIGUSR2);
    assert_eq!(counted(), 1);
    assert!((0..3).all(|_| outer.check().is_ok()));
}

/// The inner watchdog is due sooner. After its removal no check follows.
fn never_checks_after_an_inner_watchdog(take_away: fn(Alarm)) {
    let _outer = arm(Alarm::builder().after(2 * SECOND).label("outer").abort_after(Duration::ZERO));
    take_away(arm(Alarm::builder().after(1_500 * MS).label("inner").abort_after(Duration::ZERO)));
    spin(LATE);
}

fn is_the_outer_one(outcome: &Outcome) -> Result<(), String> {
    let expected = "sigalarm: outer has not answered 0 s after its limit of 2 s; ending the process. On its thread: outer (";
    match outcome.status.code() {
        Some(124) if outcome.stderr.starts_with(expected) && outcome.took >= 2 * SECOND => Ok(()),
        _ => Err(format!("expected exit code 124, and on stderr: {expected}")),
    }
}

fn checks_and_keeps(alarm: Alarm) {
    alarm.ring();
    assert!(alarm.check().is_err());
    std::mem::forget(alarm);
}

fn foreign_timer_fires_after_a_watchdog_was_removed() {
    process::set_action(process::counting(), SA_RESTART, &[]);
    let outer = arm(Alarm::builder().after(LATE));
    for (n, answers) in [false, true].into_iter().enumerate() {
        let began = Instant::now();
        process::set_timer(1_500 * MS, Duration::ZERO);
        let inner = arm(Alarm::builder().after(1_200 * MS).abort_after(Duration::ZERO));
        if answers {
            inner.ring();
            assert!(inner.check().is_err());
        }
        let kept = answers.then_some(inner);
        while process::counted() == n {
            assert!(began.elapsed() < LATE / 2, "never came");
        }
        assert!(began.elapsed() >= 1_500 * MS, "early");
        drop(kept);
    }
    drop(outer);
    assert_eq!(process::counted(), 2);
}

fn check_cancels_the_watchdog() {
    for n in 0..20 {
        let alarm = arm(Alarm::builder().after(2 * MS).abort_after(SECOND));
        match n % 5 {
            0 => drop(expiry(&alarm)),
            1 => drop(alarm.check()),
            2 => (0..100).for_each(|_| alarm.restart()),
            3 => alarm.disarm(),
            _ => alarm.extend(2 * SECOND),
        }
        match n % 5 {
            2 => drop(expiry(&alarm)),
            1 => continue,
            _ => {}
        }
        spin(20 * MS);
        if n == 10 {
            spin(SECOND + 300 * MS); // checked: long after the grace
        }
    }
    // A check of an inner alarm does not cancel the watchdog of an outer, unexpired one.
    let status = process::in_child(|| {
        let _outer = arm(Alarm::builder().after(SECOND).abort_after(100 * MS));
        drop(expiry(&arm(Alarm::builder().after(MS))));
        spin(LATE);
    });
    assert_eq!(status, 124 << 8, "exit code 124");
    // An inner check that returns the outer alarm's error cancels the outer watchdog too.
    let outer = arm(Alarm::builder().after(2 * MS).abort_after(SECOND));
    let inner = arm(Alarm::builder().after(MS).abort_after(SECOND));
    assert!(expiry(&inner).alarm() <= inner.id());
    spin(MS);
    drop(inner.check());
    spin(SECOND + 100 * MS);
    drop(outer);
    let child = process::in_child(|| spin(10 * MS));
    assert_eq!(child, 0);
}

fn second_ring_does_not_rearm_the_watchdog() {
    let bounded = |limit| arm(Alarm::builder().after(limit).abort_after(SECOND));
    let by_deadline = bounded(MS);
    expiry(&by_deadline);
    by_deadline.ring();
    let by_hand = [bounded(SECOND), bounded(SECOND)];
    by_hand.iter().for_each(Alarm::ring);
    by_hand.iter().for_each(|alarm| drop(expiry(alarm)));
    by_hand[0].ring();
    by_hand[1].extend(MS); // does not undo a ring
    spin(3 * SECOND);
    drop((by_deadline, by_hand));
    let status = process::in_child(|| {
        let alarm = bounded(MS);
        expiry(&alarm);
        alarm.restart();
        spin(LATE);
    });
    assert_eq!(status, 124 << 8, "exit code 124");
}

fn check_of_an_entered_alarm_cancels_the_watchdog() {
    let entered = arm(Alarm::builder().after(MS));
    std::thread::scope(|s| {
        s.spawn(|| {
            let _entered = entered.enter();
            let own = arm(Alarm::builder().after(MS).abort_after(SECOND));
            spin(2 * MS);
            assert!(entered.owns(&expiry(&own)));
            spin(2 * SECOND);
            let other = arm(Alarm::builder().after(MS).abort_after(SECOND));
            spin(2 * MS);
            assert!(entered.owns(&checkpoint().expect_err("all have expired")));
            spin(2 * SECOND);
            drop(other);
        });
    });
}

#[allow(unsafe_code, clippy::undocumented_unsafe_blocks)] // Bare calls.
fn watchdog_ends_with_a_full_standard_error() {
    let (_read, write) = nix::unistd::pipe().expect("a pipe");
    nix::unistd::dup2_stderr(&write).expect("standard error");
    unsafe { libc::fcntl(2, libc::F_SETFL, libc::O_NONBLOCK) };
    while unsafe { libc::write(2, [0_u8; 512].as_ptr().cast(), 512) } > 0 {}
    unsafe { libc::fcntl(2, libc::F_SETFL, 0) };
    never_checks();
}

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

fn signals_and_timers_are_restored() {
    process::set_action(process::counting(), SA_RESTART, &[SIGHUP]);
    let before = process::state();
    let handlers = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        status
            .lines()
            .filter(|l| l.starts_with("Sig") && !l.starts_with("SigQ"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let before_all = handlers();
    for _ in 0..50 {
        let all = Alarm::builder()
            .after(MS)
            .cpu_limit(SECOND)
            .check_limit(5)
            .ring_on(SIGINT)
            .ring_on(SIGTERM)
            .audit(MS);
        let alarm = arm(all.abort_after(SECOND));
        let _ticker = Ticker::every(MS).expect("arming");
        expiry(&alarm);
    }
    assert_eq!(process::state(), before);
    assert_eq!(handlers(), before_all);
}

pub fn scenarios() -> Vec<Scenario> {
    vec![
        scenario("signal_rings_the_listening_alarm", signal_rings_the_listening_alarm),
        scenario(
            "signal_has_its_default_action_after_the_guard",
            signal_has_its_default_action_after_the_guard,
        )
        .dies_of(SIGUSR2),
        scenario("second_ctrl_c_kills", second_ctrl_c_kills).dies_of(SIGINT),
        scenario("second_ctrl_c_kills_without_a_check", second_ctrl_c_kills_without_a_check).dies_of(SIGINT),
        scenario("one_shot_handler_runs_at_the_second_signal", one_shot_handler_runs_at_the_second_signal),
        scenario(
            "signal_rings_only_the_alarm_that_was_listening",
            signal_rings_only_the_alarm_that_was_listening,
        ),
        scenario(
            "saved_handler_that_is_installed_again_forwards",
            saved_handler_that_is_installed_again_forwards,
        ),
        scenario("handler_installed_over_ring_on_stays", handler_installed_over_ring_on_stays),
        scenario(
            "signals_of_a_child_go_to_the_previous_handler",
            signals_of_a_child_go_to_the_previous_handler,
        ),
        #[cfg(target_os = "linux")]
        scenario("signal_ends_a_wait_without_the_timer", signal_ends_a_wait_without_the_timer),
        scenario("several_alarms_share_a_signal", several_alarms_share_a_signal),
        scenario("ignored_signal_stays_ignored", ignored_signal_stays_ignored),
        scenario("signal_ends_a_wait", signal_ends_a_wait),
        scenario("signals_that_cannot_be_handled_are_refused", signals_that_cannot_be_handled_are_refused),
        scenario("cpu_limit_counts_all_threads", cpu_limit_counts_all_threads),
        scenario("cpu_limit_is_kept_under_load", cpu_limit_is_kept_under_load),
        scenario("thread_cpu_limit_counts_one_thread", thread_cpu_limit_counts_one_thread),
        scenario(
            "check_limit_counts_checks_of_the_alarm_and_inner_ones",
            check_limit_counts_checks_of_the_alarm_and_inner_ones,
        ),
        scenario(
            "check_limit_counts_every_check_beside_other_threads",
            check_limit_counts_every_check_beside_other_threads,
        ),
        scenario("alarm_expires_for_its_first_reason", alarm_expires_for_its_first_reason),
        scenario("hundred_tickers_return_each_period_once", hundred_tickers_return_each_period_once),
        scenario(
            "tickers_and_alarms_do_not_disturb_each_other",
            tickers_and_alarms_do_not_disturb_each_other,
        ),
        scenario("tickers_with_extreme_periods_work", tickers_with_extreme_periods_work),
        scenario("inherited_ticker_hides_no_tick_of_a_child", inherited_ticker_hides_no_tick_of_a_child),
        scenario("watchdog_ends_a_loop", never_checks).judged(ends_with(124)),
        scenario("watchdog_dumps_core", watchdog_dumps_core).judged(dumps_core),
        scenario("watchdog_fires_after_a_foreign_timer", watchdog_fires_after_a_foreign_timer)
            .judged(ends_with(124)),
        scenario("watchdog_fires_among_other_alarms", watchdog_fires_among_other_alarms)
            .judged(ends_with(124)),
        scenario("watchdog_fires_while_another_thread_checks", watchdog_fires_while_another_thread_checks)
            .judged(ends_with(124)),
        scenario("watchdog_cuts_a_long_label", watchdog_cuts_a_long_label).judged(ends_with_a_cut_line),
        scenario("watchdog_that_was_moved_does_not_fire", watchdog_that_was_moved_does_not_fire),
        scenario("watchdog_waits_while_suspended", watchdog_waits_while_suspended).judged(ends_with(124)),
        scenario("watchdog_fires_inside_a_limit", watchdog_fires_inside_a_limit).judged(ends_with(124)),
        scenario(
            "alarm_with_each_reason_expires_inside_a_limit",
            alarm_with_each_reason_expires_inside_a_limit,
        ),
        scenario("watchdog_ends_a_system_call", watchdog_ends_a_system_call).judged(ends_with(124)),
        scenario("watchdog_without_grace_ends_at_once", watchdog_without_grace_ends_at_once).exits_with(124),
        scenario("watchdog_fires_after_an_inner_one_was_dropped", || {
            never_checks_after_an_inner_watchdog(drop)
        })
        .judged(is_the_outer_one),
        scenario("watchdog_fires_after_an_inner_one_was_checked", || {
            never_checks_after_an_inner_watchdog(checks_and_keeps);
        })
        .judged(is_the_outer_one),
        scenario(
            "foreign_timer_fires_after_a_watchdog_was_removed",
            foreign_timer_fires_after_a_watchdog_was_removed,
        ),
        scenario("check_cancels_the_watchdog", check_cancels_the_watchdog),
        scenario("second_ring_does_not_rearm_the_watchdog", second_ring_does_not_rearm_the_watchdog),
        scenario(
            "check_of_an_entered_alarm_cancels_the_watchdog",
            check_of_an_entered_alarm_cancels_the_watchdog,
        ),
        scenario("watchdog_ends_with_a_full_standard_error", watchdog_ends_with_a_full_standard_error)
            .exits_with(124),
        scenario("audit_sees_a_stop_as_a_gap", audit_sees_a_stop_as_a_gap),
        scenario(
            "audit_sees_a_stretch_without_checks_among_other_calls",
            audit_sees_a_stretch_without_checks_among_other_calls,
        ),
        scenario("audit_works_on_the_slow_path", audit_works_on_the_slow_path),
        scenario("audit_ignores_an_earlier_signal", audit_ignores_an_earlier_signal),
        scenario("audit_names_the_longest_gap", audit_names_the_longest_gap),
        scenario("signals_and_timers_are_restored", signals_and_timers_are_restored),
    ]
}
