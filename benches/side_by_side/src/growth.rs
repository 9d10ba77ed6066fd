//! What grows with the number of live alarms, and with the number of threads that check; and what does not.

use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use cancel_this::{Cancelled, is_cancelled};
use sigalarm::{Alarm, checkpoint};
use tokio_util::sync::CancellationToken;

use crate::figures::Curve;
use crate::paired::{median, take_turns};
use crate::plan::Plan;

const MINUTE: Duration = Duration::from_secs(60);

fn after(limit: Duration) -> Alarm {
    Alarm::after(limit).expect("arming")
}

/// Nanoseconds an operation, with 1 to 100,000 alarms alive.
pub fn alarms(plan: &Plan) -> Vec<Curve> {
    let names = [
        "`check()`",
        "arm + drop, the latest deadline",
        "arm + drop, in the middle",
        "`restart()`",
        "`check()` that answers, nothing due",
        "arm, expire, `check()` that errs, drop",
        "filling up: arm, each",
        "emptying: drop, each",
    ];
    let mut curves = names.map(|name| Curve { name: name.to_owned(), points: Vec::new() });
    for alive in [1_u64, 10, 100, 1_000, 10_000, 100_000] {
        eprintln!("  {alive} alarms alive");
        // How long it takes to get there and back.
        let (mut arming, mut dropping) = (Vec::new(), Vec::new());
        for _ in 0..plan.rounds((300_000 / alive as usize).clamp(15, 300)) {
            let mut alarms = Vec::with_capacity(alive as usize);
            // Already one: the first has the system calls to make.
            let outermost = after(MINUTE / 2);
            let began = Instant::now();
            alarms.extend((0..alive).map(|n| after(MINUTE + Duration::from_nanos(scattered(n)))));
            arming.push(began.elapsed().as_secs_f64() / alive as f64);
            let began = Instant::now();
            drop(alarms);
            dropping.push(began.elapsed().as_secs_f64() / alive as f64);
            drop(outermost);
        }

        let alarms: Vec<Alarm> =
            (0..alive).map(|n| after(MINUTE + Duration::from_nanos(scattered(n)))).collect();
        let some = &alarms[alarms.len() / 2];
        let mut quiet: [&mut dyn FnMut(); 5] = [
            &mut || some.check().expect("a minute"),
            &mut || drop(after(2 * MINUTE)),
            &mut || drop(after(MINUTE + Duration::from_micros(500))),
            &mut || some.restart(),
            &mut || {
                let alarm = after(Duration::ZERO);
                assert!(alarm.check().is_err());
            },
        ];
        let rounds = plan.rounds(200);
        let quiet = take_turns(&mut quiet, rounds, Duration::from_micros(200));
        // An expired alarm keeps the flag set: every check takes the slow path, and finds nothing for the other alarms.
        let expired = after(Duration::ZERO);
        let answered =
            take_turns(&mut [&mut || some.check().expect("a minute")], rounds, Duration::from_micros(200));
        drop(expired);
        drop(alarms);

        let [check, latest, middle, restart, expire] = <[Vec<f64>; 5]>::try_from(quiet).expect("five");
        let answer = answered.into_iter().next().expect("one");
        let figures = [check, latest, middle, restart, answer, expire, arming, dropping];
        for (curve, times) in curves.iter_mut().zip(figures) {
            curve.points.push((alive as f64, median(times) * 1e9));
        }
    }
    curves.into()
}

/// Deadlines in no order, within a millisecond.
fn scattered(n: u64) -> u64 {
    n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 1_000_000
}

/// Checks a thread makes before it looks at the time.
const BATCH: u64 = 2_000;

/// Millions of checks a second by all threads together, a step of xorshift between two.
pub fn threads(plan: &Plan) -> Vec<Curve> {
    let alarm = after(60 * MINUTE);
    let alarm = &alarm;
    let token = &CancellationToken::new();
    let names = [
        "no check",
        "`alarm.check()`",
        "`checkpoint()`, entered",
        "cancel-this",
        "tokio `CancellationToken`",
        "`alarm.check()` that answers each time",
    ];
    let mut curves = names.map(|name| Curve { name: name.to_owned(), points: Vec::new() });
    let result: Result<(), Cancelled> = cancel_this::on_timeout(60 * MINUTE, || {
        for count in [1, 2, 4, 8, 16, 32, 64] {
            eprintln!("  {count} threads");
            let triggers = &cancel_this::active_triggers();
            let mut rates = vec![Vec::new(); names.len()];
            for _ in 0..plan.rounds(15) {
                rates[0].push(rate(count, &|| turns(|| true)));
                rates[1].push(rate(count, &|| turns(|| alarm.check().is_ok())));
                rates[2].push(rate(count, &|| {
                    let _entered = alarm.enter();
                    turns(|| checkpoint().is_ok())
                }));
                rates[3].push(rate(count, &|| {
                    let all: Result<u64, Cancelled> =
                        cancel_this::on_trigger(triggers.clone(), || Ok(turns(|| is_cancelled!().is_ok())));
                    all.expect("an hour has not passed")
                }));
                rates[4].push(rate(count, &|| turns(|| !token.is_cancelled())));
                // While an expired alarm lives the flag is set, and every check takes the slow path.
                let expired = after(Duration::ZERO);
                rates[5].push(rate(count, &|| turns(|| alarm.check().is_ok())));
                drop(expired);
            }
            for (curve, rates) in curves.iter_mut().zip(rates) {
                curve.points.push((f64::from(count), median(rates) / 1e6));
            }
        }
        Ok(())
    });
    result.expect("an hour has not passed");
    curves.into()
}

/// How many a second, by so many threads together, from the first that begins to the last that ends.
fn rate(count: u32, work: &(dyn Fn() -> u64 + Sync)) -> f64 {
    let start = &Barrier::new(count as usize);
    let timed = move || {
        start.wait();
        let began = Instant::now();
        let made = work();
        (began, made, Instant::now())
    };
    let all: Vec<(Instant, u64, Instant)> = thread::scope(|scope| {
        let threads: Vec<_> = (0..count).map(|_| scope.spawn(timed)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    let began = all.iter().map(|(began, ..)| *began).min().expect("a thread");
    let ended = all.iter().map(|(.., ended)| *ended).max().expect("a thread");
    let made: u64 = all.iter().map(|(_, made, _)| made).sum();
    made as f64 / (ended - began).as_secs_f64()
}

/// A thread's share: steps of xorshift for some milliseconds, each asking first.
#[inline(always)]
fn turns(ask: impl Fn() -> bool) -> u64 {
    let end = Instant::now() + Duration::from_millis(8);
    let (mut x, mut made) = (1_u64, 0);
    while Instant::now() < end {
        for _ in 0..BATCH {
            assert!(ask());
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
        }
        made += BATCH;
    }
    black_box(x);
    made
}
