//! Iterators that check as they go.
//!
//! Each adapter checks before it takes an item. If the check fails, the adapter looks for a next item (`any_left`):
//! an expiry after the last item is no error.
//!
//! The error names the line that made the adapter. The line that calls `next` is often in the standard library, under
//! `sum` or `collect`.

mod checked;
mod checked_every;
mod until;

use std::panic::Location;

pub use checked::Checked;
pub use checked_every::CheckedEvery;
pub use until::Until;

use crate::alarm::Alarm;
use crate::error::TimedOut;

/// Iterators under a limit: [`checked`](IteratorExt::checked), [`checked_every`](IteratorExt::checked_every),
/// [`until`](IteratorExt::until).
///
/// Every iterator has them once the trait is in scope.
///
/// # The last item
///
/// What was completed is `Ok`: a limit that expires during the last item, or after it, gives no error. A check that
/// fails therefore needs to know whether an item is left. [`size_hint`](Iterator::size_hint) tells that for ranges,
/// slices and collections, and then the adapter takes no item: a caller that lends an iterator with `by_ref` finds the
/// rest of it complete. Where the hint leaves it open, as after `filter` and in `from_fn`, the adapter calls `next`
/// once after the expiry, and drops the item that it gets.
///
/// ```
/// use sigalarm::{Alarm, IteratorExt, TimedOut};
///
/// let alarm = Alarm::never()?;
/// let squares = (0..5).map(|n| {
///     if n == 4 {
///         alarm.ring(); // the limit expires during the last item
///     }
///     n * n
/// });
/// let squares: Result<Vec<u32>, TimedOut> = squares.checked(&alarm).collect();
/// assert_eq!(squares.unwrap(), [0, 1, 4, 9, 16]);
/// # Ok::<(), sigalarm::ArmError>(())
/// ```
///
/// # Tight loops over slices
///
/// A loop that adds up integers is vectorised: several additions an instruction. No check between two items
/// leaves it so, however cheap, and however seldom it is made, for the compiler does not vectorise a loop that
/// may end early. What keeps the speed is a check between two *chunks*, with a bare loop inside:
///
/// ```
/// use sigalarm::{Alarm, IteratorExt, TimedOut};
///
/// fn sum(numbers: &[u64], alarm: &Alarm) -> Result<u64, TimedOut> {
///     let mut sum = 0;
///     for chunk in numbers.chunks(16_384).checked(alarm) {
///         sum += chunk?.iter().sum::<u64>();
///     }
///     Ok(sum)
/// }
///
/// let alarm = Alarm::never()?;
/// assert_eq!(sum(&[2; 100_000], &alarm).unwrap(), 200_000);
/// # Ok::<(), sigalarm::ArmError>(())
/// ```
///
/// [`chunks_mut`](slice::chunks_mut), [`chunks_exact`](slice::chunks_exact) and, for counted loops,
/// [`step_by`](Iterator::step_by) serve alike. Choose chunks that take a microsecond or more: below, the start
/// of each inner loop is felt; and not much more than a millisecond, for that is how late the limit is noticed.
///
/// A sum of floats is not vectorised, for their addition is not associative: there a check at each turn costs next to
/// nothing, and chunks gain nothing. A loop that has been made vectorisable, with several partial sums, wants the chunks
/// again.
pub trait IteratorExt: Iterator {
    /// Each item as an `Ok`; when the alarm expires, one `Err`, and then nothing more.
    ///
    /// Checks before each item: one load and one branch. Stop at the error with `?`, or collect into a
    /// `Result`. An alarm that encloses `alarm` ends it as well, as with [`check`](Alarm::check).
    ///
    /// # Errors
    ///
    /// The items err with a [`TimedOut`], which names the line of this call.
    ///
    /// # Examples
    ///
    /// ```
    /// use sigalarm::{Alarm, IteratorExt, TimedOut};
    /// use std::time::Duration;
    ///
    /// let alarm = Alarm::after(Duration::from_secs(10))?;
    /// let squares: Result<Vec<u32>, TimedOut> = (0..5).map(|n| n * n).checked(&alarm).collect();
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

    /// As [`checked`](IteratorExt::checked), with a check before every `stride`-th item only: before the first,
    /// and then each time that `stride` have passed.
    ///
    /// As long as nothing has expired it is no faster than `checked`: a check is as cheap as the counting that
    /// avoids it. While an expired alarm is alive, anywhere in the process, each check takes a lock and reads
    /// the clock, and then it is faster by the stride. For loops that the compiler vectorises see
    /// [above](IteratorExt#tight-loops-over-slices).
    ///
    /// # Errors
    ///
    /// The items err with a [`TimedOut`], which names the line of this call.
    ///
    /// # Panics
    ///
    /// If `stride` is zero, as [`step_by`](Iterator::step_by) does: it could mean "always" or "never".
    ///
    /// # Examples
    ///
    /// ```
    /// use sigalarm::{Alarm, IteratorExt, TimedOut};
    ///
    /// fn random(steps: u32, alarm: &Alarm) -> Result<u64, TimedOut> {
    ///     let mut x = 1_u64;
    ///     for step in (0..steps).checked_every(1_024, alarm) {
    ///         step?;
    ///         x ^= x << 13;
    ///         x ^= x >> 7;
    ///         x ^= x << 17;
    ///     }
    ///     Ok(x)
    /// }
    /// # let alarm = Alarm::never()?;
    /// # assert_ne!(random(10_000, &alarm).unwrap(), 1);
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

    /// The items until the alarm expires, and then a clean end, as if there were no more.
    ///
    /// Checks before each item: one load and one branch. Whether it was the end or the limit,
    /// [`timed_out`](Until::timed_out) says afterwards; keep the iterator for it, and lend it to the loop.
    ///
    /// # Examples
    ///
    /// ```
    /// use sigalarm::{Alarm, IteratorExt};
    /// use std::time::Duration;
    ///
    /// let alarm = Alarm::after(Duration::from_millis(5))?;
    /// let mut numbers = (1_u64..).until(&alarm);
    /// let primes = numbers.by_ref().filter(|n| (2..*n).all(|d| n % d != 0)).count();
    /// if let Some(timed_out) = numbers.timed_out() {
    ///     println!("{primes} primes so far: {timed_out}");
    /// }
    /// # assert!(numbers.timed_out().is_some());
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
    made: &'static Location<'static>,
}

impl<'a> Watch<'a> {
    #[track_caller]
    fn new(alarm: &'a Alarm) -> Watch<'a> {
        Watch { alarm, made: Location::caller() }
    }

    #[inline]
    fn check(self) -> Result<(), TimedOut> {
        self.alarm.check_at(self.made)
    }
}

/// Whether `items` has one more. Takes an item only where the size hint leaves that open.
///
/// Inlined: a call would take the address of `items`, and the compiler would keep the state of the loop in memory.
#[inline(always)]
fn any_left<I: Iterator, T>(items: &mut I, take: impl FnOnce(&mut I) -> Option<T>) -> bool {
    match items.size_hint() {
        (1.., _) => true,
        (0, Some(0)) => false,
        (0, _) => take(items).is_some(),
    }
}

/// What is left of `items`, and perhaps an error at the end of it, or instead of it.
fn size_with_error(ended: bool, items: &impl Iterator) -> (usize, Option<usize>) {
    if ended {
        return (0, Some(0));
    }
    let (lower, upper) = items.size_hint();
    (lower.min(1), upper.and_then(|upper| upper.checked_add(1)))
}
