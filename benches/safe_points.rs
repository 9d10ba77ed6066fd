//! What a safe point costs with everything in force at once: a progress ticker at 100 Hz, an audit, Ctrl-C, a limit on
//! processor time and a deadline. And what a budget of checks costs.
//!
//! ```text
//! cargo bench --bench safe_points
//! ```
//!
//! It is measured in two ways. With all armed for good, turns are short and the figures steady; the signals interrupt
//! the bare loop as well, and are not in the ratio. In the long turns the guarded loop arms all first and drops it
//! afterwards, and the bare loop runs in a process that nothing interrupts: the signals are in the ratio, and so is
//! more of the noise of a busy machine.

mod paired;

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::hint::black_box;
use std::time::Duration;

use paired::Group;
use sigalarm::{Alarm, Ticker, TimedOut};
use signal_hook::consts::SIGINT;

type Answer = Result<u64, TimedOut>;

/// As many numbers as make a long turn: of some tens of milliseconds, with a few ticks in it.
const HASHED: u64 = 2_000_000;
const DRAWN: u64 = 15_000_000;

/// The workload: the functions differ in their safe point, and all are compiled on their own.
macro_rules! workloads {
    ($name:ident, $alarm:ident, $ticker:ident, $safe_point:expr) => {
        mod $name {
            use super::*;

            /// Numbers through SipHash, a safe point for each.
            #[inline(never)]
            pub fn hash($alarm: &Alarm, $ticker: &Ticker, count: u64) -> Answer {
                let mut hasher = DefaultHasher::new();
                for n in 0..count {
                    $safe_point;
                    feed(&mut hasher, &n);
                }
                Ok(hasher.finish())
            }

            /// A generator of random numbers: a chain of six operations, a safe point for each number.
            #[inline(never)]
            pub fn xorshift($alarm: &Alarm, $ticker: &Ticker, count: u64) -> Answer {
                let mut x = count | 1;
                for _ in 0..count {
                    $safe_point;
                    x ^= x << 13;
                    x ^= x >> 7;
                    x ^= x << 17;
                }
                Ok(x)
            }
        }
    };
}

workloads!(bare, alarm, ticker, {
    let _ = (alarm, ticker);
});
workloads!(check, alarm, ticker, {
    let _ = ticker;
    alarm.check()?
});
workloads!(check_and_due, alarm, ticker, {
    alarm.check()?;
    if ticker.ticks() > 0 {
        show();
    }
});

/// Kept out of line: otherwise LLVM inlines SipHash into some of the loops and not into others, and the difference
/// between two loops is that and not the safe point.
#[inline(never)]
fn feed(hasher: &mut DefaultHasher, n: &u64) {
    n.hash(hasher);
}

/// Where a progress line would be drawn.
#[cold]
#[inline(never)]
fn show() {
    black_box(());
}

/// Everything at once.
fn arm_all() -> (Alarm, Ticker) {
    let hour = Duration::from_secs(3600);
    let alarm =
        Alarm::builder().after(hour).cpu_limit(hour).ring_on(SIGINT).audit(Duration::from_millis(20)).arm();
    (alarm.expect("arming"), Ticker::every(Duration::from_millis(10)).expect("arming"))
}

/// Keeps the answer. Ctrl-C ends this program after all, and not only one turn of it.
fn keep(answer: Answer) {
    if let Err(timed_out) = black_box(answer) {
        eprintln!("{timed_out}");
        std::process::exit(1);
    }
}

fn main() {
    let (alarm, ticker) = arm_all();
    macro_rules! group {
        ($title:expr, $work:ident, $count:expr) => {
            Group::new($title)
                .variant("bare", || keep(bare::$work(&alarm, &ticker, black_box($count))))
                .variant("check", || keep(check::$work(&alarm, &ticker, black_box($count))))
                .variant("check and due", || keep(check_and_due::$work(&alarm, &ticker, black_box($count))))
                .run()
        };
    }
    group!("1,024 numbers through SipHash, all armed", hash, 1_024);
    group!("10,000 rounds of xorshift, all armed", xorshift, 10_000);
    drop((alarm, ticker));

    // For the bare loop there is nothing that rings; these are only there to be handed to it.
    let nothing = || (Alarm::never().expect("arming"), Ticker::every(Duration::MAX).expect("arming"));
    macro_rules! group {
        ($title:expr, $work:ident, $count:expr) => {
            Group::new($title)
                .variant("bare, nothing armed", || {
                    let (alarm, ticker) = nothing();
                    keep(bare::$work(&alarm, &ticker, black_box($count)));
                })
                .variant("check and due, all armed", || {
                    let (alarm, ticker) = arm_all();
                    keep(check_and_due::$work(&alarm, &ticker, black_box($count)));
                })
                .run()
        };
    }
    group!("2,000,000 numbers through SipHash, long turns", hash, HASHED);
    group!("15,000,000 rounds of xorshift, long turns", xorshift, DRAWN);

    // Counting cannot be had at that price: each check goes the long way. One alarm for all turns, for the bare loop
    // does not ask it.
    let alarm = Alarm::builder().check_limit(u64::MAX).arm().expect("arming");
    let (_, ticker) = nothing();
    macro_rules! group {
        ($title:expr, $work:ident, $count:expr) => {
            Group::new($title)
                .variant("bare", || keep(bare::$work(&alarm, &ticker, black_box($count))))
                .variant("check, checks(n) armed", || keep(check::$work(&alarm, &ticker, black_box($count))))
                .run()
        };
    }
    group!("10,000 numbers through SipHash, a budget of checks", hash, 10_000);
    group!("10,000 rounds of xorshift, a budget of checks", xorshift, 10_000);
}
