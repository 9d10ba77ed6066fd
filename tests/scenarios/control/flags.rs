use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::*;
use nix::libc::{SIGALRM, SIGUSR1};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{Signal, raise};
use sigalarm::{Alarm, AlarmBuilder, checkpoint, suspended};

fn new_flag() -> Arc<AtomicBool> {
    Arc::new(AtomicBool::new(false))
}

fn flagged(limit: Duration, flag: &Arc<AtomicBool>) -> AlarmBuilder {
    Alarm::builder().after(limit).flag(flag.clone())
}

fn is_set(flag: &AtomicBool) -> bool {
    flag.load(Ordering::SeqCst)
}

fn flag_is_set_at_the_deadline_without_a_check() {
    for n in rounds(1_000) {
        let limit = Duration::from_micros(n * 7);
        let flag = new_flag();
        let began = Instant::now();
        let alarm = arm(flagged(limit, &flag));
        spin_until(|| is_set(&flag));
        assert!(began.elapsed() >= limit, "early");
        assert!(alarm.elapsed() >= limit, "early by its own clock");
        drop(alarm);
        assert!(is_set(&flag), "the drop leaves it as it is");
        assert_eq!(Arc::strong_count(&flag), 1, "nothing keeps it");
    }
}

fn flag_is_not_set_by_a_drop_in_time() {
    for _ in rounds(2_000) {
        let flag = new_flag();
        drop(arm(flagged(LATE, &flag)));
        assert!(!is_set(&flag) && Arc::strong_count(&flag) == 1);
    }
}

fn flags_are_set_on_many_threads_and_nested() {
    let threads: Vec<_> = (0..4)
        .map(|n: u32| {
            thread::spawn(move || {
                for m in 0..100 {
                    let (outer, inner) = (new_flag(), new_flag());
                    let began = Instant::now();
                    let _outer = arm(flagged(2 * MS, &outer));
                    let _inner = arm(flagged(Duration::from_micros(u64::from(n + m) * 10), &inner));
                    spin_until(|| is_set(&inner));
                    spin_until(|| is_set(&outer));
                    assert!(began.elapsed() >= 2 * MS, "early");
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
}

fn flag_is_set_by_a_ring_and_by_checks() {
    let flag = new_flag();
    let alarm = arm(flagged(LATE, &flag));
    alarm.ring();
    assert!(is_set(&flag));
    drop(alarm);
    let flag = new_flag();
    let alarm = arm(Alarm::builder().flag(flag.clone()));
    assert!(!is_set(&flag));
    alarm.handle().ring();
    assert!(is_set(&flag));
    drop(alarm);
    let flag = new_flag();
    let alarm = arm(Alarm::builder().check_limit(1).flag(flag.clone()));
    assert!(alarm.check().is_ok() && !is_set(&flag));
    assert!(alarm.check().is_err() && is_set(&flag));
}

fn flag_is_set_by_a_signal_without_a_check() {
    let [listening, other] = [new_flag(), new_flag()];
    let alarm = arm(Alarm::builder().ring_on(SIGUSR1).flag(listening.clone()));
    let _other = arm(flagged(LATE, &other));
    raise(Signal::SIGUSR1).expect("a signal");
    assert!(is_set(&listening) && !is_set(&other));
    assert!(alarm.check().is_err());
}

fn flag_moves_with_the_deadline() {
    let flag = new_flag();
    let alarm = arm(flagged(30 * MS, &flag));
    let mut restarted = Instant::now();
    for _ in 0..5 {
        thread::sleep(10 * MS);
        restarted = Instant::now();
        alarm.restart();
    }
    // On a loaded machine the restart may come too late.
    let was_set = is_set(&flag);
    spin_until(|| is_set(&flag));
    assert!(was_set || restarted.elapsed() >= 30 * MS, "early");

    let flag = new_flag();
    let alarm = arm(flagged(SECOND, &flag));
    alarm.disarm();
    thread::sleep(1_100 * MS);
    assert!(!is_set(&flag), "disarmed");
    let restarted = Instant::now();
    alarm.restart();
    alarm.extend(SECOND / 2);
    spin_until(|| is_set(&flag));
    assert!(restarted.elapsed() >= SECOND * 3 / 2, "early");
}

fn flag_is_set_again_after_a_restart() {
    let flag = new_flag();
    let alarm = arm(flagged(MS, &flag));
    for _ in 0..100 {
        spin_until(|| is_set(&flag));
        assert!(alarm.elapsed() >= MS, "early");
        flag.store(false, Ordering::SeqCst);
        alarm.restart();
    }
}

/// Signals arrive while alarms with flags come and go.
fn flag_outlives_the_handlers() {
    process::set_action_for(SIGUSR1, process::counting(), 0, &[]);
    let stop = AtomicBool::new(false);
    let this = nix::unistd::getpid();
    let keeper = arm(Alarm::builder().ring_on(SIGUSR1));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                nix::sys::signal::kill(this, Signal::SIGUSR1).expect("it is this process");
                thread::sleep(Duration::from_micros(20));
            }
        });
        for n in rounds(3_000) {
            keeper.restart();
            let flag = new_flag();
            let alarm = arm(flagged(Duration::from_micros(n % 50), &flag).ring_on(SIGUSR1));
            spin_until(|| is_set(&flag));
            drop(alarm);
            assert_eq!(Arc::strong_count(&flag), 1);
        }
        assert!(process::counted() > 0, "what no alarm takes reaches the previous handler");
        stop.store(true, Ordering::Relaxed);
    });
}

fn flag_waits_while_suspended() {
    let flag = new_flag();
    let _alarm = arm(flagged(20 * MS, &flag));
    suspended(|| {
        thread::sleep(40 * MS);
    });
    spin_until(|| is_set(&flag));
    let flag = new_flag();
    let _alarm = arm(flagged(SECOND, &flag));
    suspended(|| thread::sleep(MS));
    assert!(!is_set(&flag));
}

fn flag_is_not_set_by_a_forked_child() {
    let flag = new_flag();
    let alarm = arm(flagged(300 * MS, &flag));
    process::passes_in_child(|| {
        thread::sleep(400 * MS);
        assert!(!is_set(&flag), "the parent's alarm");
        let own = new_flag();
        let _own = arm(flagged(MS, &own));
        spin_until(|| is_set(&own));
    });
    spin_until(|| is_set(&flag));
    drop(alarm);
}

/// The library has unblocked SIGALRM, and blocks it again at a foreign signal. The thread's timer then has no effect.
fn flag_is_an_error_where_sigalrm_is_blocked_again() {
    process::count_signals();
    process::block(SIGALRM);
    let outer = after(LATE);
    raise(Signal::SIGALRM).expect("raise");
    let refused = flagged(LATE, &new_flag()).arm().expect_err("no timer");
    assert_eq!(io::Error::from(refused).kind(), ErrorKind::Unsupported);
    assert!(outer.check().is_ok() && Alarm::builder().after(LATE).abort_after(LATE).arm().is_err());
    drop(outer);
    process::unblock(SIGALRM);
    assert_eq!(process::counted(), 1);
}

/// The flags of a thread share the thread's timer, of which a user has a bounded number.
fn ten_thousand_flags_need_one_timer() {
    let flag = new_flag();
    let mut alarms = vec![flagged(LATE, &flag).arm().expect("the first takes a timer")];
    setrlimit(Resource::RLIMIT_SIGPENDING, 0, 0).expect("no more timers");
    let mut fastest_up_to = |count: usize| {
        let mut fastest = Duration::MAX;
        while alarms.len() < count {
            let began = Instant::now();
            alarms.push(flagged(LATE, &flag).arm().expect("no timer is needed"));
            fastest = fastest.min(began.elapsed());
        }
        fastest
    };
    let few = fastest_up_to(10);
    fastest_up_to(9_000);
    let many = fastest_up_to(10_000);
    println!("arming one beside 10: {few:?}, beside 10,000: {many:?}");
    assert!(many <= 3 * few, "{few:?}, then {many:?}");
    let soon = new_flag();
    let last = flagged(20 * MS, &soon).arm().expect("no timer is needed");
    spin_until(|| is_set(&soon));
    assert!(!is_set(&flag) && last.check().is_err());
    let refused =
        thread::spawn(|| flagged(LATE, &new_flag()).arm().expect_err("no timer for another thread"));
    assert_eq!(refused.join().expect("no panic").call(), Some("timer_create"));
    drop(last);
    assert!(checkpoint().is_ok());
    drop(alarms);
    assert_eq!(Arc::strong_count(&flag), 1);
}

pub fn scenarios() -> Vec<Scenario> {
    scenarios![
        flag_is_set_at_the_deadline_without_a_check,
        flag_is_not_set_by_a_drop_in_time,
        flags_are_set_on_many_threads_and_nested,
        flag_is_set_by_a_ring_and_by_checks,
        flag_is_set_by_a_signal_without_a_check,
        flag_moves_with_the_deadline,
        flag_is_set_again_after_a_restart,
        flag_outlives_the_handlers,
        flag_waits_while_suspended,
        flag_is_not_set_by_a_forked_child,
        flag_is_an_error_where_sigalrm_is_blocked_again,
        ten_thousand_flags_need_one_timer,
    ]
}
