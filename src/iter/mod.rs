//! Iterator adapters that check an alarm before each item.

mod checked;
mod guarded;
mod until;

pub use checked::{Checked, CheckedEvery};
use guarded::{Guarded, Stride, Watch};
pub use until::Until;

use crate::alarm::Alarm;

/// Iterator adapters with a time limit.
///
/// An error names the line that made the adapter. A limit that expires during or after the last item gives none. Where
/// [`size_hint`](Iterator::size_hint) does not say whether an item is left (after `filter`, in `from_fn`), the adapter takes one
/// more item after the expiry and drops it.
///
/// The compiler does not vectorise a loop that may end early. Check between chunks of 1 µs to 1 ms instead:
/// ```
/// use sigalarm::{Alarm, IteratorExt, TimedOut};
/// fn sum(numbers: &[u64], alarm: &Alarm) -> Result<u64, TimedOut> {
///     numbers.chunks(16_384).checked(alarm).map(|chunk| Ok(chunk?.iter().sum::<u64>())).sum()
/// }
/// assert_eq!(sum(&[2; 100_000], &Alarm::never().unwrap()).unwrap(), 200_000);
/// ```
pub trait IteratorExt: Iterator {
    /// Returns an iterator of `Ok` items; when the alarm or one that encloses it expires, one `Err`, then `None`.
    /// ```
    /// use sigalarm::{Alarm, IteratorExt};
    /// let alarm = Alarm::never().unwrap();
    /// let numbers = (0..3).checked(&alarm).collect::<Result<Vec<u32>, _>>();
    /// assert_eq!(numbers.unwrap(), [0, 1, 2]);
    /// ```
    #[track_caller]
    fn checked(self, alarm: &Alarm) -> Checked<'_, Self>
    where
        Self: Sized,
    {
        Checked(Guarded::new(self, Watch::new(alarm)))
    }

    /// Returns an iterator like [`checked`](IteratorExt::checked) that checks before the first item, then after every `stride` items.
    ///
    /// Panics if `stride` is zero. It is faster than `checked` only while an expired alarm is alive in the process.
    /// ```
    /// use sigalarm::{Alarm, IteratorExt};
    /// let alarm = Alarm::never().unwrap();
    /// assert!((0..10_000).checked_every(1_024, &alarm).all(|n| n.is_ok()));
    /// ```
    #[track_caller]
    fn checked_every(self, stride: usize, alarm: &Alarm) -> CheckedEvery<'_, Self>
    where
        Self: Sized,
    {
        assert!(stride != 0, "`checked_every` with a stride of zero");
        CheckedEvery(Guarded::new(self, Stride::new(Watch::new(alarm), stride)))
    }

    /// Returns an iterator that ends when the alarm expires. [`timed_out`](Until::timed_out) returns whether it did.
    /// ```
    /// use sigalarm::{Alarm, IteratorExt};
    /// let alarm = Alarm::after(std::time::Duration::from_millis(5)).unwrap();
    /// println!("{} numbers", (1_u64..).until(&alarm).count());
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
