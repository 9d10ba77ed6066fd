//! A limit on a sort: the comparator unwinds, for it has no other way out.
//!
//!     cargo run --release --example unwind_sort
//!
//! Numbers are sorted by how many steps the Collatz walk takes from them to 1. The walk is taken anew in each
//! comparison, and `sort_by` wants an `Ordering` from its comparator: there is no room for a `Result`. So the
//! comparator unwinds when the limit has passed, through `sort_by` and out to the `catch`.

use std::time::Duration;

use sigalarm::{Alarm, ArmError, unwind_if_expired};

/// The check stands in the innermost loop. It needs no guard at hand, and costs nothing without a limit.
fn walk(mut n: u64) -> u32 {
    let mut steps = 0;
    while n != 1 {
        unwind_if_expired();
        n = if n % 2 == 0 { n / 2 } else { 3 * n + 1 };
        steps += 1;
    }
    steps
}

fn main() -> Result<(), ArmError> {
    for count in [1_000, 1_000_000] {
        // Shuffled, more or less: 999,983 is a prime.
        let mut numbers: Vec<u64> = (1..=count).map(|n| n * 999_983 % (count + 1)).collect();
        let sum: u64 = numbers.iter().sum();
        let mut comparisons = 0_u64;

        let alarm = Alarm::builder().after(Duration::from_millis(200)).label("sort").arm()?;
        let sorted = alarm.catch(|| {
            numbers.sort_by(|a, b| {
                comparisons += 1;
                walk(*a).cmp(&walk(*b))
            });
        });
        drop(alarm);

        match sorted {
            Ok(()) => println!(
                "{count} numbers sorted with {comparisons} comparisons; the longest walk starts at {}",
                numbers[numbers.len() - 1],
            ),
            // Somewhere between the old order and the new, but whole: `sort_by` is made for that.
            Err(timed_out) => {
                println!("{count} numbers: {timed_out}, after {comparisons} comparisons");
                assert_eq!(sum, numbers.iter().sum(), "no number is lost and none is there twice");
            }
        }
    }
    Ok(())
}
