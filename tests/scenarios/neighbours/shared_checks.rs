//! Two copies of the library, A and B, over one `sigalarm-core`. Every `checkpoint()` checks both.

use std::time::{Duration, Instant};

use crate::support::process::state;
use crate::support::*;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};
use sigalarm::{Alarm, AlarmId, TimedOut, checkpoint, testing};
use sigalarm_core::implementer::flag;
use sigalarm_second_copy as b;

fn after_b(limit: Duration) -> b::Alarm {
    b::Alarm::after(limit).expect("arming")
}

/// Errors of inner alarms may come first.
fn until_error_of(id: AlarmId, check: impl Fn() -> Result<(), TimedOut>) -> TimedOut {
    let began = Instant::now();
    let timed_out = loop {
        match check() {
            Err(timed_out) if timed_out.alarm() == id => break timed_out,
            Err(timed_out) => assert!(timed_out.alarm() > id, "{id} is outside, and not seen: {timed_out}"),
            Ok(()) => {}
        }
        assert!(began.elapsed() < LATE, "{id} is never seen");
    };
    assert!(timed_out.elapsed() >= timed_out.limit().expect("a limit"), "early: {timed_out}");
    timed_out
}

fn expired(check: Result<(), TimedOut>) -> Option<AlarmId> {
    check.err().map(|timed_out| timed_out.alarm())
}

fn inner_limits_of_either_copy_are_seen() {
    let before = state();
    for _ in 0..50 {
        {
            let (outer, inner) = (after(100 * SECOND), after_b(MS));
            let timed_out = until_error_of(inner.id(), checkpoint);
            assert!(inner.owns(&timed_out) && !outer.owns(&timed_out));
            let outer = after_b(100 * SECOND);
            let innermost = after(2 * MS);
            assert_eq!(expired(b::checkpoint()), Some(inner.id()));
            drop(inner);
            until_error_of(innermost.id(), b::checkpoint);
            assert_eq!(expired(outer.check()), None);
        }
        assert_eq!(expired(checkpoint()), None);
        assert_eq!(state(), before);
    }
}

fn outer_limit_of_the_other_copy_is_named_when_it_expires() {
    for _ in 0..50 {
        let (outer, inner) = (after_b(5 * MS), after(MS));
        until_error_of(outer.id(), checkpoint);
        assert_eq!(expired(inner.check()), Some(outer.id()), "it encloses the inner one");
        drop(outer);
        // The signal of the earlier deadline may come later: each copy has its own timer.
        until_error_of(inner.id(), b::checkpoint);
        assert_eq!(expired(inner.check()), Some(inner.id()));
    }
}

fn check_of_an_alarm_ignores_inner_ones() {
    let outer = after(100 * SECOND);
    let inner = after_b(Duration::ZERO);
    assert_eq!(expired(checkpoint()), Some(inner.id()));
    assert_eq!(expired(outer.check()), None);
    let innermost = after(100 * SECOND);
    assert_eq!(expired(innermost.check()), Some(inner.id()));
    drop(inner);
    assert_eq!((expired(innermost.check()), expired(checkpoint())), (None, None));
}

fn interleaved_alarms_expire_in_every_order_of_drops() {
    enum Guard {
        A(Alarm),
        B(b::Alarm),
    }
    impl Guard {
        fn id(&self) -> AlarmId {
            match self {
                Guard::A(alarm) => alarm.id(),
                Guard::B(alarm) => alarm.id(),
            }
        }

        fn check(&self) -> Result<(), TimedOut> {
            match self {
                Guard::A(alarm) => alarm.check(),
                Guard::B(alarm) => alarm.check(),
            }
        }
    }
    for order in [[0, 0, 0, 0], [3, 2, 1, 0], [1, 1, 1, 0], [2, 0, 1, 0], [0, 2, 0, 0], [1, 2, 0, 0]] {
        let zero = Duration::ZERO;
        let mut guards = vec![
            Guard::A(after(zero)),
            Guard::B(after_b(zero)),
            Guard::A(after(zero)),
            Guard::B(after_b(zero)),
        ];
        assert!(guards.windows(2).all(|two| two[0].id() < two[1].id()), "one counter");
        for dropped in order {
            let outermost = guards.first().map(Guard::id);
            assert_eq!((expired(checkpoint()), expired(b::checkpoint())), (outermost, outermost));
            for guard in &guards {
                assert_eq!(expired(guard.check()), outermost);
            }
            drop(guards.remove(dropped));
        }
        assert_eq!(expired(checkpoint()), None);
    }
}

fn random_guards_agree_with_a_list() {
    struct Random(u64);
    impl Random {
        fn below(&mut self, bound: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 % bound as u64) as usize
        }
    }
    let play = |seed: u64| {
        let mut random = Random(seed);
        let mut of_a: Vec<(Alarm, bool)> = vec![];
        let mut of_b: Vec<(b::Alarm, bool)> = vec![];
        for _ in 0..5_000 {
            match random.below(7) {
                0 if of_a.len() < 6 => of_a.push((never(), false)),
                1 if of_b.len() < 6 => of_b.push((b::Alarm::never().expect("arming"), false)),
                2 if of_a.len() < 6 => of_a.push((after(Duration::ZERO), true)),
                3 if !of_a.is_empty() => drop(of_a.remove(random.below(of_a.len()))),
                4 if !of_b.is_empty() => drop(of_b.remove(random.below(of_b.len()))),
                5 if !of_a.is_empty() => {
                    let at = random.below(of_a.len());
                    of_a[at].0.ring();
                    of_a[at].1 = true;
                }
                6 if !of_b.is_empty() => {
                    let at = random.below(of_b.len());
                    of_b[at].0.ring();
                    of_b[at].1 = true;
                }
                _ => {}
            }
            let all = of_a.iter().map(|(alarm, expired)| (alarm.id(), *expired));
            let all = all.chain(of_b.iter().map(|(alarm, expired)| (alarm.id(), *expired)));
            let outermost_of = |innermost: AlarmId| {
                all.clone().filter(|(id, expired)| *expired && *id <= innermost).map(|(id, _)| id).min()
            };
            let of_thread = all.clone().map(|(id, _)| id).max().and_then(outermost_of);
            assert_eq!(expired(checkpoint()), of_thread);
            for (alarm, _) in &of_a {
                assert_eq!(expired(alarm.check()), outermost_of(alarm.id()));
            }
            for (alarm, _) in &of_b {
                assert_eq!(expired(alarm.check()), outermost_of(alarm.id()));
            }
        }
    };
    std::thread::scope(|s| {
        s.spawn(|| play(0x9e37_79b9_7f4a_7c15));
        play(0x2545_f491_4f6c_dd1d);
    });
}

/// Each copy clears only its own bit of the flag.
fn guards_of_one_copy_leave_the_flag_of_the_other() {
    let outer = after_b(Duration::ZERO);
    std::thread::scope(|s| {
        s.spawn(|| {
            for n in 0..20_000 {
                let alarm = after(US * (n % 50));
                assert!(alarm.check().is_ok() || alarm.elapsed() >= US * (n % 50), "early");
            }
        });
        for _ in 0..20_000 {
            assert_eq!(expired(checkpoint()), Some(outer.id()));
            drop(after(Duration::ZERO));
        }
    });
}

fn limits_of_one_copy_end_waits_of_the_other() {
    // A copy repeats its signal for its own waits only.
    let outer = after_b(2 * SECOND);
    let inner = after(100 * SECOND);
    let began = Instant::now();
    // The signal of A's timer interrupts the wait, and the following check asks both copies.
    let e = inner.blocking(|| {
        let time = nix::libc::timespec { tv_sec: 60, tv_nsec: 0 };
        // SAFETY: the pointer to the time is valid, and a null remainder is allowed.
        match unsafe { nix::libc::nanosleep(&time, std::ptr::null_mut()) } {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        }
    });
    assert!(began.elapsed() >= SECOND && began.elapsed() < LATE);
    let e = e.expect_err("the sleep was to last a minute");
    assert!(outer.owns(TimedOut::find_in(&e).expect("a time-out")));
}

fn test_kit_counts_checks_of_either_name() {
    let work = |alarm: &b::Alarm| -> Result<(), b::TimedOut> {
        checkpoint()?;
        b::checkpoint()?;
        alarm.check()
    };
    let report = testing::each_check(|attempt| {
        let outcome = attempt.run(|_| work(&b::Alarm::never().expect("arming")));
        assert_eq!(outcome.is_err(), attempt.was_stopped());
        if let (Err(timed_out), Some(stop)) = (&outcome, attempt.stop()) {
            assert!(stop.owns(timed_out));
        }
    });
    assert_eq!(report.checks(), 3);
    assert!(report.locations().iter().all(|location| location.file() == file!()));
}

fn forked_child_starts_clean_of_both() {
    let (a, b) = (after(Duration::ZERO), after_b(Duration::ZERO));
    assert_eq!(expired(checkpoint()), Some(a.id()));
    // SAFETY: the process has one thread.
    match unsafe { fork() }.expect("fork") {
        ForkResult::Child => {
            let is_clean =
                flag().bits() == 0 && checkpoint().is_ok() && a.check().is_ok() && b.check().is_ok();
            let inner = (after_b(Duration::ZERO), after(Duration::ZERO));
            let is_armed = expired(checkpoint()) == Some(inner.0.id());
            let is_apart = inner.0.id().to_string()[1..].parse::<u64>().is_ok_and(|id| id > 1 << 40);
            std::process::exit(i32::from(!(is_clean && is_armed && is_apart)));
        }
        ForkResult::Parent { child } => {
            let end = waitpid(child, None).expect("waitpid");
            assert!(matches!(end, WaitStatus::Exited(_, 0)), "{end:?}");
        }
    }
    assert_eq!(expired(checkpoint()), Some(a.id()), "the parent's are as they were");
    drop(a);
    assert_eq!(expired(checkpoint()), Some(b.id()));
}

pub fn scenarios() -> Vec<Scenario> {
    scenarios![
        inner_limits_of_either_copy_are_seen,
        outer_limit_of_the_other_copy_is_named_when_it_expires,
        check_of_an_alarm_ignores_inner_ones,
        interleaved_alarms_expire_in_every_order_of_drops,
        random_guards_agree_with_a_list,
        guards_of_one_copy_leave_the_flag_of_the_other,
        limits_of_one_copy_end_waits_of_the_other,
        test_kit_counts_checks_of_either_name,
        forked_child_starts_clean_of_both,
    ]
}
