//! What a check costs: the same loop bare and checked, side by side.
//!
//! ```text
//! cargo bench --bench check
//! ```

mod paired;

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::hint::black_box;
use std::time::{Duration, Instant};

use paired::Group;
use sigalarm::{Alarm, TimedOut, checkpoint};

type Answer = Result<u64, TimedOut>;

/// The workload: every function checks through `check`, and all are compiled on their own.
macro_rules! workloads {
    ($name:ident, $alarm:ident, $check:expr) => {
        mod $name {
            use super::*;

            /// 1,024 numbers through SipHash, a check for each.
            #[inline(never)]
            pub fn hash($alarm: &Alarm, numbers: &[u64]) -> Answer {
                let mut hasher = DefaultHasher::new();
                for n in numbers {
                    $check;
                    feed(&mut hasher, n);
                }
                Ok(hasher.finish())
            }

            /// A generator of random numbers: a chain of six operations, a check for each number.
            #[inline(never)]
            pub fn xorshift($alarm: &Alarm, count: u64) -> Answer {
                let mut x = count | 1;
                for _ in 0..count {
                    $check;
                    x ^= x << 13;
                    x ^= x >> 7;
                    x ^= x << 17;
                }
                Ok(x)
            }

            /// A check at the entry of a recursive function.
            #[inline(never)]
            pub fn fibonacci($alarm: &Alarm, n: u64) -> Answer {
                $check;
                if n < 2 {
                    return Ok(n);
                }
                Ok(fibonacci($alarm, n - 1)? + fibonacci($alarm, n - 2)?)
            }
        }
    };
}

workloads!(bare, alarm, {
    let _ = alarm;
});
workloads!(guard, alarm, alarm.check()?);
workloads!(ambient, alarm, {
    let _ = alarm;
    checkpoint()?
});
workloads!(clock, alarm, {
    let _ = alarm;
    black_box(Instant::now() >= deadline());
});

/// Kept out of line: otherwise LLVM inlines SipHash into some of the loops and not into others, and the difference
/// between two loops is that and not the check.
#[inline(never)]
fn feed(hasher: &mut DefaultHasher, n: &u64) {
    n.hash(hasher);
}

/// What a check by the clock compares with, loaded from memory as it would be.
fn deadline() -> Instant {
    use std::sync::OnceLock;
    static DEADLINE: OnceLock<Instant> = OnceLock::new();
    *DEADLINE.get_or_init(|| Instant::now() + Duration::from_secs(3600))
}

fn main() {
    let alarm = Alarm::after(Duration::from_secs(3600)).expect("arming");
    let numbers: Vec<u64> = (0..1024).collect();
    let alarm = &alarm;

    macro_rules! group {
        ($title:expr, $work:ident, $input:expr) => {
            Group::new($title)
                .variant("bare", || drop(black_box(bare::$work(alarm, black_box($input)))))
                .variant("alarm.check()?", || drop(black_box(guard::$work(alarm, black_box($input)))))
                .variant("checkpoint()?", || drop(black_box(ambient::$work(alarm, black_box($input)))))
                .variant("Instant::now()", || drop(black_box(clock::$work(alarm, black_box($input)))))
                .run()
        };
    }
    group!("1,024 numbers through SipHash", hash, &numbers[..]);
    group!("10,000 rounds of xorshift", xorshift, 10_000);
    group!("fibonacci(18), recursive", fibonacci, 18);
}
