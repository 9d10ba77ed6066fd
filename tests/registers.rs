//! What a loop works with is the same after a check that has heard the bell, wherever the compiler keeps it: in general
//! registers, in those of floating point and of vectors, in more than there are of either.
//!
//! The bell is kept rung by an alarm that has expired and that nobody asks, so that every check comes to a call.

#![allow(unsafe_code)] // Some of it is compiled for AVX2.

use std::convert::Infallible;
use std::hint::black_box;
use std::time::Duration;

use sigalarm::{Alarm, Ticker, TimedOut, checkpoint};

const TURNS: u64 = 2_000;

/// An alarm to ask, while the bell is kept rung by another.
fn under_a_rung_bell<T>(work: impl FnOnce(&Alarm) -> T) -> T {
    let outer = Alarm::after(Duration::from_secs(100)).expect("arming");
    let inner = Alarm::after(Duration::ZERO).expect("arming");
    assert!(inner.is_expired());
    work(&outer)
}

/// The same work, three times: asking nothing, an alarm, and a ticker.
macro_rules! works {
    ($($name:ident($($argument:ident: $Argument:ty),*) -> $Value:ty $(, $feature:meta)?: |$ask:ident| $body:block)*) => {$(
        mod $name {
            use super::*;

            macro_rules! work {
                ($function:ident($asked:ident: $Asked:ty) -> $Error:ty, $question:expr) => {
                    #[inline(never)]
                    $(#[$feature])?
                    #[allow(unused_unsafe, clippy::missing_safety_doc)]
                    pub unsafe fn $function($asked: &$Asked, $($argument: $Argument),*) -> Result<$Value, $Error> {
                        macro_rules! $ask { () => { $question } }
                        Ok($body)
                    }
                };
            }
            work!(bare(_nothing: ()) -> Infallible, ());
            work!(guarded(alarm: Alarm) -> TimedOut, alarm.check()?);
            work!(ticking(ticker: Ticker) -> Infallible, _ = black_box(ticker.due()));
        }
    )*};
}

works! {
    integers(seed: u64) -> [u64; 14]: |ask| {
        let [mut a, mut b, mut c, mut d, mut e, mut f, mut g] = [1, 2, 3, 4, 5, 6, 7].map(|n| seed ^ n);
        let [mut h, mut i, mut j, mut k, mut l, mut m, mut n] = [8, 9, 10, 11, 12, 13, 14].map(|n| seed ^ n);
        for turn in 0..TURNS {
            ask!();
            a = a.rotate_left(5) ^ n;
            b = b.wrapping_add(a);
            c ^= b << 7;
            d = d.wrapping_mul(c | 1);
            e = e.wrapping_sub(d);
            f ^= e >> 9;
            g = g.rotate_right(3).wrapping_add(f);
            ask!();
            h ^= g;
            i = i.wrapping_add(h).rotate_left(11);
            j = j.wrapping_mul(i | 1);
            k ^= j >> 3;
            l = l.wrapping_add(k);
            m = m.rotate_left(1) ^ l;
            n = n.wrapping_add(m).wrapping_add(turn);
        }
        [a, b, c, d, e, f, g, h, i, j, k, l, m, n]
    }

    floats(seed: u64) -> [u64; 18]: |ask| {
        let mut x: [f64; 18] = std::array::from_fn(|n| (seed as f64 + n as f64).sin());
        for turn in 0..TURNS {
            ask!();
            // By hand, so that each has a register of its own as long as there are any.
            let last = x[17];
            x[17] = x[17] * 0.5 + x[16] * 0.25 + turn as f64 * 1e-3;
            x[16] = x[16] * 0.75 - x[15];
            x[15] = x[15] * 0.5 + x[14];
            x[14] = x[14] * 0.5 - x[13];
            x[13] = x[13] * 0.5 + x[12];
            x[12] = x[12] * 0.5 - x[11];
            x[11] = x[11] * 0.5 + x[10];
            x[10] = x[10] * 0.5 - x[9];
            x[9] = x[9] * 0.5 + x[8];
            ask!();
            x[8] = x[8] * 0.5 - x[7];
            x[7] = x[7] * 0.5 + x[6];
            x[6] = x[6] * 0.5 - x[5];
            x[5] = x[5] * 0.5 + x[4];
            x[4] = x[4] * 0.5 - x[3];
            x[3] = x[3] * 0.5 + x[2];
            x[2] = x[2] * 0.5 - x[1];
            x[1] = x[1] * 0.5 + x[0];
            x[0] = x[0] * 0.5 - last.fract();
        }
        x.map(f64::to_bits)
    }
}

#[cfg(target_arch = "x86_64")]
works! {
    wide_vectors(seed: u64) -> [i64; 8], target_feature(enable = "avx2"): |ask| {
        use std::arch::x86_64::*;
        // SAFETY: the caller has seen that there is AVX2; and each vector is as large as what it is stored in.
        unsafe {
            let mut x: [__m256i; 20] =
                std::array::from_fn(|n| _mm256_set1_epi64x(seed.wrapping_mul(n as u64 + 1) as i64));
            for turn in 0..TURNS {
                ask!();
                let turn = _mm256_set1_epi64x(turn as i64);
                for n in 0..20 {
                    x[n] = _mm256_xor_si256(_mm256_add_epi64(x[n], x[(n + 1) % 20]), turn);
                }
                ask!();
            }
            let all = x.into_iter().fold(_mm256_setzero_si256(), |a, b| _mm256_add_epi64(a, b));
            let mut seen = [0; 8];
            _mm256_storeu_si256(seen.as_mut_ptr().cast(), all);
            _mm256_storeu_si256(seen.as_mut_ptr().add(4).cast(), x[19]);
            seen
        }
    }
}

macro_rules! unchanged {
    ($name:ident) => {
        for seed in 0..20 {
            let seed = black_box(seed);
            // SAFETY: it was looked that there is what it takes, where it takes anything.
            unsafe {
                let Ok(bare) = $name::bare(&(), seed);
                under_a_rung_bell(|alarm| {
                    assert_eq!($name::guarded(alarm, seed).expect("it is not its turn"), bare);
                    let ticker = Ticker::every(Duration::from_micros(10)).expect("arming");
                    let Ok(ticking) = $name::ticking(&ticker, seed);
                    assert_eq!(ticking, bare);
                    assert!(checkpoint().is_err(), "the bell was not kept rung");
                });
            }
        }
    };
}

#[test]
fn integers_are_unchanged() {
    unchanged!(integers);
}

#[test]
fn floats_are_unchanged() {
    unchanged!(floats);
}

#[test]
#[cfg(target_arch = "x86_64")]
fn wide_vectors_are_unchanged() {
    if !std::arch::is_x86_feature_detected!("avx2") {
        println!("skipped: no AVX2 on this machine");
        return;
    }
    unchanged!(wide_vectors);
}
