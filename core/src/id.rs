use core::fmt;
#[cfg(target_has_atomic = "ptr")]
use core::sync::atomic::Ordering;

/// The id of an alarm, unique in the process and its forked children. An outer alarm has a smaller id.
///
/// ```
/// use sigalarm::testing::expired;
/// assert!(expired().id() < expired().id());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct AlarmId(pub(crate) u64);

impl fmt::Display for AlarmId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

#[cfg(target_has_atomic = "64")]
pub(crate) use wide::COUNTER;

#[cfg(all(target_has_atomic = "ptr", not(target_has_atomic = "64")))]
pub(crate) use narrow::COUNTER;

/// A forked child skips 2^40 ids.
#[cfg(target_has_atomic = "ptr")]
const SKIP_BITS: u32 = 40;

#[cfg(target_has_atomic = "64")]
mod wide {
    use core::sync::atomic::AtomicU64;

    use super::{Ordering, SKIP_BITS};

    pub(crate) struct Counter(AtomicU64);

    pub(crate) static COUNTER: Counter = Counter(AtomicU64::new(0));

    impl Counter {
        pub(crate) fn next(&self) -> u64 {
            self.0.fetch_add(1, Ordering::Relaxed) + 1
        }

        pub(crate) fn skip(&self) {
            self.0.fetch_add(1 << SKIP_BITS, Ordering::Relaxed);
        }
    }
}

/// For targets whose widest atomic has 32 bits.
#[cfg(all(target_has_atomic = "32", any(test, not(target_has_atomic = "64"))))]
mod narrow {
    use core::sync::atomic::AtomicU32;

    use super::{Ordering, SKIP_BITS};

    /// `low` holds 31 bits and a copy of `high`'s lowest bit. A thread that finds a difference increments `high`. If it
    /// stops in between for 2^31 numbers, they repeat.
    pub(crate) struct Counter {
        pub(super) low: AtomicU32,
        pub(super) high: AtomicU32,
    }

    #[cfg(not(target_has_atomic = "64"))]
    pub(crate) static COUNTER: Counter = Counter { low: AtomicU32::new(0), high: AtomicU32::new(0) };

    impl Counter {
        pub(crate) fn next(&self) -> u64 {
            // `high` is read first, so it is current or one behind.
            let high = self.high.load(Ordering::SeqCst);
            let low = self.low.fetch_add(1, Ordering::SeqCst).wrapping_add(1);
            let is_behind = high & 1 != low >> 31;
            if is_behind {
                let _ = self.high.compare_exchange(high, high + 1, Ordering::SeqCst, Ordering::SeqCst);
            }
            u64::from(high + u32::from(is_behind)) << 31 | u64::from(low & (u32::MAX >> 1))
        }

        pub(crate) fn skip(&self) {
            self.high.fetch_add(1 << (SKIP_BITS - 31), Ordering::SeqCst);
        }
    }
}

#[test]
fn numbers_of_a_narrow_counter_are_unique_and_grow() {
    extern crate std;
    use core::sync::atomic::AtomicU32;
    use std::vec::Vec;

    const EACH: usize = if cfg!(miri) { 20 } else { 2_000 };
    for (low, high) in [(0, 0), (u32::MAX >> 1, 0), (u32::MAX, 1), (u32::MAX >> 1, 6)] {
        let counter = narrow::Counter { low: AtomicU32::new(low - low.min(900)), high: AtomicU32::new(high) };
        let take = || (0..EACH).map(|_| counter.next()).collect::<Vec<u64>>();
        let taken: Vec<Vec<u64>> = std::thread::scope(|s| {
            let threads = [(); 3].map(|()| s.spawn(take));
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(taken.iter().all(|numbers| numbers.is_sorted()));
        let mut all = taken.concat();
        all.sort_unstable();
        assert!(all.windows(2).all(|two| two[0] + 1 == two[1]), "a repetition or a gap");
        counter.skip();
        assert_eq!(counter.next(), all.last().unwrap() + 1 + (1 << SKIP_BITS));
    }
}
