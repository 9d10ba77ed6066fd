mod adapters;
mod guarded;

pub use adapters::{Checked, CheckedEvery, Until};
use guarded::{Guarded, Stride, Watch};

use crate::alarm::Alarm;

/// Iterator adapters with a time limit.
///
/// An error contains the location of the call that made the adapter. After an expiry an adapter returns an error only
/// if an item is left. If [`size_hint`](Iterator::size_hint) does not tell whether one is left, as after `filter`, the
/// adapter takes an item and drops it.
///
/// The compiler does not vectorise a loop that may end early. Check between chunks that take 1 µs to 1 ms instead:
/// ```
/// use sigalarm::{Alarm, IteratorExt, TimedOut};
/// fn sum(numbers: &[u64], alarm: &Alarm) -> Result<u64, TimedOut> {
///     numbers.chunks(16_384).checked(alarm).map(|chunk| Ok(chunk?.iter().sum::<u64>())).sum()
/// }
/// assert_eq!(sum(&[2; 100_000], &Alarm::never().unwrap()).unwrap(), 200_000);
/// ```
pub trait IteratorExt: Iterator {
    /// Returns an iterator of `Ok` items, which ends with an `Err` after `alarm` or an enclosing alarm expires.
    /// ```
    /// use sigalarm::IteratorExt;
    /// let numbers = (0..3).checked(&sigalarm::testing::never()).collect::<Result<Vec<u32>, _>>();
    /// assert_eq!(numbers.unwrap(), [0, 1, 2]);
    /// ```
    #[track_caller]
    fn checked(self, alarm: &Alarm) -> Checked<'_, Self>
    where
        Self: Sized,
    {
        Checked(Guarded::new(self, Watch::new(alarm)))
    }

    /// Returns an iterator as [`checked`](IteratorExt::checked) does, with one check for every `stride` items.
    ///
    /// Panics if `stride` is zero. `checked` costs only one load per item, so `checked_every` is faster only while an
    /// expired alarm makes every check take a lock.
    /// ```
    /// use sigalarm::IteratorExt;
    /// assert!((0..10_000).checked_every(1_024, &sigalarm::testing::never()).all(|n| n.is_ok()));
    /// ```
    #[track_caller]
    fn checked_every(self, stride: usize, alarm: &Alarm) -> CheckedEvery<'_, Self>
    where
        Self: Sized,
    {
        assert!(stride != 0, "`checked_every` with a stride of zero");
        CheckedEvery(Guarded::new(self, Stride::new(Watch::new(alarm), stride)))
    }

    /// Returns an iterator that ends when the alarm expires; see [`Until::timed_out`].
    /// ```
    /// use sigalarm::IteratorExt;
    /// assert_eq!((1..).until(&sigalarm::testing::at_check(9)).count(), 8);
    /// ```
    #[track_caller]
    fn until(self, alarm: &Alarm) -> Until<'_, Self>
    where
        Self: Sized,
    {
        Until { guarded: Guarded::new(self, Watch::new(alarm)), timed_out: None }
    }
}

impl<I: Iterator> IteratorExt for I {}
