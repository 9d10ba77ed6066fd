//! Iterator adapters that check an alarm before each item.
//!
//! After a failed check an adapter returns the error only if an item is left (`any_left`). The error names the line that made the
//! adapter, because the call of `next` is often in std.

mod checked;
mod checked_every;
mod until;

use std::panic::Location;

pub use checked::Checked;
pub use checked_every::CheckedEvery;
pub use until::Until;

use crate::alarm::Alarm;
use crate::error::TimedOut;

/// Iterator adapters with a time limit: [`checked`](IteratorExt::checked), [`checked_every`](IteratorExt::checked_every),
/// [`until`](IteratorExt::until).
///
/// A limit that expires during or after the last item gives no error. Where [`size_hint`](Iterator::size_hint) does not say whether
/// an item is left (after `filter`, in `from_fn`), the adapter takes one more item after the expiry and drops it.
///
/// # Tight loops over slices
///
/// The compiler does not vectorise a loop that may end early. Check between chunks of 1 µs to 1 ms instead:
///
/// ```
/// use sigalarm::{Alarm, IteratorExt};
///
/// let (numbers, mut sum) = ([2; 100_000], 0);
/// for chunk in numbers.chunks(16_384).checked(&Alarm::never()?) {
///     sum += chunk?.iter().sum::<u64>();
/// }
/// assert_eq!(sum, 200_000);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait IteratorExt: Iterator {
    /// Returns an iterator of `Ok` items; when the alarm or one that encloses it expires, one `Err`, then `None`.
    ///
    /// # Errors
    ///
    /// The item is a [`TimedOut`] that names the line of this call.
    ///
    /// ```
    /// use sigalarm::{Alarm, IteratorExt};
    /// let alarm = Alarm::never()?;
    /// let squares = (0..5).map(|n| n * n).checked(&alarm).collect::<Result<Vec<u32>, _>>();
    /// assert_eq!(squares.unwrap(), [0, 1, 4, 9, 16]);
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    #[track_caller]
    fn checked(self, alarm: &Alarm) -> Checked<'_, Self>
    where
        Self: Sized,
    {
        Checked::new(self, Watch::new(alarm))
    }

    /// Returns an iterator like [`checked`](IteratorExt::checked) that checks before the first item, then after every `stride` items.
    ///
    /// It is faster than `checked` only while an expired alarm is alive in the process: then each check takes a lock.
    ///
    /// # Errors
    ///
    /// As [`checked`](IteratorExt::checked).
    ///
    /// # Panics
    ///
    /// Panics if `stride` is zero.
    ///
    /// ```
    /// use sigalarm::{Alarm, IteratorExt};
    /// let alarm = Alarm::never()?;
    /// assert!((0..10_000).checked_every(1_024, &alarm).all(|n| n.is_ok()));
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    #[track_caller]
    fn checked_every(self, stride: usize, alarm: &Alarm) -> CheckedEvery<'_, Self>
    where
        Self: Sized,
    {
        assert!(stride != 0, "`checked_every` with a stride of zero");
        CheckedEvery::new(self, Watch::new(alarm), stride)
    }

    /// Returns an iterator that ends when the alarm expires. [`timed_out`](Until::timed_out) returns whether it did.
    ///
    /// ```
    /// use sigalarm::{Alarm, IteratorExt};
    /// let alarm = Alarm::after(std::time::Duration::from_millis(5))?;
    /// let mut numbers = (1_u64..).until(&alarm);
    /// let count = numbers.by_ref().count();
    /// println!("{count} numbers: {}", numbers.timed_out().unwrap());
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    #[track_caller]
    fn until(self, alarm: &Alarm) -> Until<'_, Self>
    where
        Self: Sized,
    {
        Until::new(self, Watch::new(alarm))
    }
}

impl<I: Iterator> IteratorExt for I {}

/// The alarm, and the line that a [`TimedOut`] names.
#[derive(Clone, Copy, Debug)]
struct Watch<'a> {
    alarm: &'a Alarm,
    location: &'static Location<'static>,
}

impl<'a> Watch<'a> {
    #[track_caller]
    fn new(alarm: &'a Alarm) -> Watch<'a> {
        Watch { alarm, location: Location::caller() }
    }

    #[inline]
    fn check(self) -> Result<(), TimedOut> {
        self.alarm.check_at(self.location)
    }
}

/// Returns whether `items` has another item. Takes an item only if the size hint does not say.
///
/// Inlined: a call would take the address of `items`, and the compiler would keep the iterator's state in memory.
#[inline(always)]
fn any_left<I: Iterator, T>(items: &mut I, take: impl FnOnce(&mut I) -> Option<T>) -> bool {
    match items.size_hint() {
        (1.., _) => true,
        (0, Some(0)) => false,
        (0, _) => take(items).is_some(),
    }
}

/// Returns the size hint of `items` with one error, which may replace or follow the items.
fn size_with_error(ended: bool, items: &impl Iterator) -> (usize, Option<usize>) {
    if ended {
        return (0, Some(0));
    }
    let (lower, upper) = items.size_hint();
    (lower.min(1), upper.and_then(|upper| upper.checked_add(1)))
}
