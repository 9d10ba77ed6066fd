//! The cost of a safe point with a ticker at 100 Hz, an audit, Ctrl-C, a processor limit and a deadline all armed; and
//! of a limit on checks.
//!
//! ```text
//! cargo bench --bench safe_points
//! ```
//!
//! Short turns with everything armed have steady figures, but the signals interrupt the bare loop too. Long turns arm
//! everything for the checked loop only, so their ratio includes the signals.

mod paired;

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::hint::black_box;
use std::time::Duration;

use paired::Group;
use sigalarm::{Alarm, Ticker, TimedOut};
use signal_hook::consts::SIGINT;

type Answer = Result<u64, TimedOut>;

const HASHED: u64 = 2_000_000;
const DRAWN: u64 = 15_000_000;

macro_rules! workloads {
    ($name:ident, $alarm:ident, $ticker:ident, $safe_point:expr) => {
        mod $name {
            use super::*;

            #[inline(never)]
            pub fn hash($alarm: &Alarm, $ticker: &Ticker, count: u64) -> Answer {
                let mut hasher = DefaultHasher::new();
                for n in 0..count {
                    $safe_point;
                    feed(&mut hasher, &n);
                }
                Ok(hasher.finish())
            }

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

/// Not inlined, because LLVM would inline SipHash into some of the loops only.
#[inline(never)]
fn feed(hasher: &mut DefaultHasher, n: &u64) {
    n.hash(hasher);
}

#[cold]
#[inline(never)]
fn show() {
    black_box(());
}

fn arm_all() -> (Alarm, Ticker) {
    let hour = Duration::from_secs(3600);
    let alarm =
        Alarm::builder().after(hour).cpu_limit(hour).ring_on(SIGINT).audit(Duration::from_millis(20)).arm();
    (alarm.expect("arming"), Ticker::every(Duration::from_millis(10)).expect("arming"))
}

/// Consumes the result. Ctrl-C ends the whole program.
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

    // With a limit on checks each check takes the slow path.
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
