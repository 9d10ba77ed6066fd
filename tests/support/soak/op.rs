//! Operations, and random sequences of them.
//!
//! An operation names an alarm by a number modulo the count. So every part of a sequence is a sequence.

use std::time::Duration;

use super::rng::Rng;

#[derive(Clone, Debug)]
pub enum Op {
    After {
        limit: Duration,
        label: bool,
    },
    At {
        ahead: Duration,
    },
    InThePast,
    Never,
    Checks(u64),
    Cpu(Duration),
    OnSignal,
    Ticker(Duration),
    Drop(usize),
    DropTicker(usize),
    /// Drops all, in this order. Then the state must be restored.
    DropAll(usize),
    Forget(usize),
    Restart(usize),
    Extend(usize, Duration),
    Ring(usize),
    Disarm(usize),
    Check(usize),
    IsExpired(usize),
    Checkpoint,
    Ask(usize),
    /// Checks until it errs, if that is soon.
    Await(usize),
    Due(usize),
    Spin(Duration),
    Sleep(usize, Duration),
    /// Sends SIGALRM to the process, so often.
    Kill(usize),
    /// Sends SIGALRM to this thread.
    KillThread(usize),
    /// Sends SIGUSR1, so often.
    User(usize),
    /// Sets the program's timer; zero disarms it.
    SetTimer {
        value: Duration,
        period: Duration,
    },
    SetAction(usize),
    Block,
    Unblock,
    /// Blocks SIGALRM briefly while guards are armed.
    ShutOut(Duration),
    Suspended(Duration),
    Thread {
        which: usize,
        limit: Duration,
        ring: bool,
    },
    Fork(Duration),
}

const LENGTH: usize = 400;

pub fn sequence(seed: u64) -> Vec<Op> {
    let mut rng = Rng::new(seed);
    let drops = 6 + rng.below(30);
    let forgets = rng.below(8) == 0;
    let mut ops: Vec<Op> = (0..LENGTH).map(|_| any(&mut rng, drops)).collect();
    if forgets {
        let place = LENGTH - 1 - rng.below(LENGTH / 4);
        ops[place] = Op::Forget(rng.below(100));
    }
    ops
}

type Kind = fn(&mut Rng, usize) -> Op;

fn any(rng: &mut Rng, drops: usize) -> Op {
    let which = rng.below(1_000);
    let kinds: [(usize, Kind); 34] = [
        (180, |rng, _| Op::After { limit: limit(rng), label: rng.below(3) == 0 }),
        (40, |rng, _| Op::At { ahead: limit(rng).min(Duration::from_secs(3_600)) }),
        (5, |_, _| Op::InThePast),
        (20, |_, _| Op::Never),
        (20, |rng, _| Op::Checks(rng.below(12) as u64)),
        (15, |rng, _| Op::Cpu(us(rng, 300))),
        (20, |_, _| Op::OnSignal),
        (25, |rng, _| Op::Ticker(us(rng, 400) + Duration::from_micros(20))),
        (drops * 10, |_, n| Op::Drop(n)),
        (20, |_, n| Op::DropTicker(n)),
        (25, |_, n| Op::DropAll(n)),
        (50, |_, n| Op::Restart(n)),
        (40, |rng, n| Op::Extend(n, if rng.below(40) == 0 { Duration::MAX } else { us(rng, 300) })),
        (25, |_, n| Op::Ring(n)),
        (25, |_, n| Op::Disarm(n)),
        (150, |_, n| Op::Check(n)),
        (30, |_, n| Op::IsExpired(n)),
        (60, |_, _| Op::Checkpoint),
        (40, |_, n| Op::Ask(n)),
        (60, |_, n| Op::Await(n)),
        (40, |_, n| Op::Due(n)),
        (70, |rng, _| Op::Spin(us(rng, 80))),
        (12, |rng, n| Op::Sleep(n, us(rng, 200))),
        (30, |rng, _| Op::Kill(1 + rng.below(4))),
        (15, |rng, _| Op::KillThread(1 + rng.below(4))),
        (20, |rng, _| Op::User(1 + rng.below(3))),
        (25, |rng, _| timer(rng)),
        (20, |rng, _| Op::SetAction(rng.below(4))),
        (12, |_, _| Op::Block),
        (20, |_, _| Op::Unblock),
        (8, |rng, _| Op::ShutOut(us(rng, 60))),
        (10, |rng, _| Op::Suspended(us(rng, 60))),
        (6, |rng, n| Op::Thread { which: n, limit: us(rng, 60), ring: rng.below(3) == 0 }),
        (4, |rng, _| Op::Fork(us(rng, 60))),
    ];
    let total: usize = kinds.iter().map(|(weight, _)| weight).sum();
    let mut place = rng.below(total);
    for (weight, kind) in kinds {
        if place < weight {
            return kind(rng, which);
        }
        place -= weight;
    }
    Op::Checkpoint
}

fn us(rng: &mut Rng, most: usize) -> Duration {
    Duration::from_nanos(rng.below(most * 1_000) as u64)
}

fn limit(rng: &mut Rng) -> Duration {
    match rng.below(12) {
        0 => Duration::ZERO,
        1 => Duration::from_nanos(rng.below(2_000) as u64),
        2 | 3 => us(rng, 10),
        4..=7 => us(rng, 200),
        8 => us(rng, 2_000),
        9 => us(rng, 20_000),
        10 => Duration::from_secs(10 + rng.below(1_000) as u64),
        _ => [Duration::MAX, Duration::from_secs(1 << 40), Duration::from_nanos(999_999_500)][rng.below(3)],
    }
}

fn timer(rng: &mut Rng) -> Op {
    let us = |rng: &mut Rng, most| Duration::from_micros(1 + rng.below(most) as u64);
    match rng.below(6) {
        0 => Op::SetTimer { value: Duration::ZERO, period: Duration::ZERO },
        1 => Op::SetTimer { value: us(rng, 3_000), period: Duration::from_millis(2) + us(rng, 3_000) },
        2 => Op::SetTimer { value: Duration::from_secs(100), period: Duration::ZERO },
        _ => Op::SetTimer { value: us(rng, 1_000), period: Duration::ZERO },
    }
}
