//! Edit distances: a library that depends on `sigalarm-core` alone, and whose callers can limit its time.
//!
//! Each function here takes time quadratic in the length of the texts, and checks once a row. Under an alarm of the calling
//! thread it returns the [`TimedOut`]; without one it runs to its end.

#![no_std]

extern crate alloc;

use alloc::vec::Vec;

pub use sigalarm_core::TimedOut;
use sigalarm_core::{checkpoint, cooperative};

/// Returns how many characters must be inserted, removed or replaced to make one text of the other.
///
/// # Errors
///
/// [`TimedOut`], at a row's beginning, if an alarm of the calling thread has expired.
pub fn distance(a: &str, b: &str) -> Result<usize, TimedOut> {
    distance_with(a, b, || checkpoint())
}

/// As [`distance`], for callers with another way to cancel: calls `check` once a row, and returns its error.
///
/// # Errors
///
/// That of `check`.
pub fn distance_with<E>(a: &str, b: &str, mut check: impl FnMut() -> Result<(), E>) -> Result<usize, E> {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, a) in a.chars().enumerate() {
        check()?;
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    Ok(row[b.len()])
}

/// Returns the length of the longest run of bytes that both texts contain.
///
/// The attribute puts the checks in.
///
/// # Errors
///
/// [`TimedOut`], if an alarm of the calling thread has expired.
#[cooperative(every = 64)]
pub fn longest_common_run(a: &[u8], b: &[u8]) -> Result<usize, TimedOut> {
    let mut longest = 0;
    for i in 0..a.len() {
        for j in 0..b.len() {
            let common = a[i..].iter().zip(&b[j..]).take_while(|(a, b)| a == b).count();
            longest = longest.max(common);
        }
    }
    Ok(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_distances() {
        for (a, b, distance) in [("", "", 0), ("", "abc", 3), ("kitten", "sitting", 3), ("flaw", "lawn", 2)] {
            assert_eq!(super::distance(a, b), Ok(distance), "{a} {b}");
            assert_eq!(super::distance(b, a), Ok(distance), "{b} {a}");
        }
    }

    #[test]
    fn known_runs() {
        for (a, b, run) in [("", "a", 0), ("abcdef", "xbcdx", 3), ("aaaa", "aa", 2), ("abc", "xyz", 0)] {
            assert_eq!(longest_common_run(a.as_bytes(), b.as_bytes()), Ok(run), "{a} {b}");
        }
    }

    #[test]
    fn a_caller_can_cancel_in_its_own_way() {
        let mut rows = 0;
        let check = || {
            rows += 1;
            if rows > 3 { Err("cancelled") } else { Ok(()) }
        };
        assert_eq!(distance_with("kitten", "sitting", check), Err("cancelled"));
        assert_eq!(rows, 4);
    }
}
