//! The best answer so far: a search that can be stopped at any time.
//!
//!     cargo run --release --example anytime
//!
//! Weights are to be shared out between two pans of a scale so that it tips as little as possible. There are
//! 2^n ways to do it. With few weights the search comes to its end and its answer is the best there is; with
//! many the limit comes first, and the answer is the best so far.

use std::time::Duration;

use sigalarm::{Alarm, ArmError, Best, TimedOut};

fn main() -> Result<(), ArmError> {
    for n in [12, 60] {
        let mut weights = weights(n);
        weights.sort_unstable_by(|a, b| b.cmp(a)); // heavy ones first: good answers come early

        // The limit, the search and its outcome, in one call.
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

/// Puts weight number `at`, and all that follow it, here and there in every way; `tip` is by how much the
/// left pan is heavier so far.
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
        // Copied only if it is better, into the memory of an answer that has been beaten.
        best.offer_cloned(tip.abs(), left);
        return Ok(());
    }
    // The lighter pan first. The first answer is found at once, before any limit can pass.
    for to_the_left in [tip <= 0, tip > 0] {
        left[at] = to_the_left;
        let weight = if to_the_left { weights[at] } else { -weights[at] };
        share_out(weights, at + 1, tip + weight, left, best, alarm)?;
    }
    Ok(())
}

/// Weights of up to a billion, the same in every run.
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
