//! A limit on a sort, whose comparator cannot return a `Result`.
//!
//!     cargo run --release --example unwind_sort
//!
//! At the limit the comparator unwinds through `sort_by` to the `catch`.

use std::time::Duration;

use sigalarm::{Alarm, ArmError, unwind_if_expired};

/// Counts the steps of a Collatz sequence. The check needs no guard.
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
        // 999,983 is a prime, so this shuffles the numbers.
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
            // The order is unspecified, but `sort_by` loses no number when a comparator unwinds.
            Err(timed_out) => {
                println!("{count} numbers: {timed_out}, after {comparisons} comparisons");
                assert_eq!(sum, numbers.iter().sum(), "no number is lost and none is there twice");
            }
        }
    }
    Ok(())
}
