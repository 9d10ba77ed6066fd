//! The best answer so far: a search that can be stopped at any time.
//!
//!     cargo run --release --example anytime
//!
//! The search distributes weights over the two pans of a scale so that they balance best. It ends by itself with 12
//! weights; with 60 the limit stops it.

use std::time::Duration;

use sigalarm::{Alarm, ArmError, Best, TimedOut};

fn main() -> Result<(), ArmError> {
    for n in [12, 60] {
        let mut weights = weights(n);
        weights.sort_unstable_by(|a, b| b.cmp(a)); // heavy weights first, so that good answers come early

        let mut best = Best::lowest();
        let ended = best.within(Duration::from_millis(300), |best, alarm| {
            let mut left = vec![false; n];
            share_out(&weights, 0, 0, &mut left, best, alarm)
        })?;

        let how = match ended {
            Ok(()) => "and there is no better way".to_owned(),
            Err(timed_out) => format!("the best so far ({timed_out})"),
        };
        if let (Some(tip), Some(left)) = (best.score(), best.answer()) {
            let left = left.iter().filter(|left| **left).count();
            println!("{n} weights: {left} on the left, {} on the right", n - left);
            println!("  tips by {tip} after {} improvements, {how}", best.improvements());
        }
    }
    Ok(())
}

/// Tries both pans for `weights[at..]`. `tip` is the weight on the left minus that on the right.
fn share_out(
    weights: &[i64],
    at: usize,
    tip: i64,
    left: &mut [bool],
    best: &mut Best<Vec<bool>, i64>,
    alarm: &Alarm,
) -> Result<(), TimedOut> {
    alarm.check()?;
    if at == weights.len() {
        // Copies only a better answer, into the memory of the previous one.
        best.offer_cloned(tip.abs(), left);
        return Ok(());
    }
    // The search tries the lighter pan first, because good answers then come early.
    for to_the_left in [tip <= 0, tip > 0] {
        left[at] = to_the_left;
        let weight = if to_the_left { weights[at] } else { -weights[at] };
        share_out(weights, at + 1, tip + weight, left, best, alarm)?;
    }
    Ok(())
}

fn weights(n: usize) -> Vec<i64> {
    let mut x = 88_172_645_463_325_252_u64;
    let next = || {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        (x % 1_000_000_000) as i64
    };
    std::iter::repeat_with(next).take(n).collect()
}
