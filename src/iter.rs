//! Iterators that check as they go.
//!
//! Each adapter checks before it takes an item. If the check fails, the adapter looks for a next item (`any_left`):
//! an expiry after the last item is no error.
//!
//! The error names the line that made the adapter. The line that calls `next` is often in the standard library, under
//! `sum` or `collect`.

use std::iter::FusedIterator;
use std::ops::ControlFlow;
use std::panic::Location;

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
        Checked { items: self, watch: Watch::new(alarm), ended: false }
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
        CheckedEvery { items: self, watch: Watch::new(alarm), stride, left: 1, ended: false }
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
        Until { items: self, watch: Watch::new(alarm), ended: false, timed_out: None }
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

/// Made by [`IteratorExt::checked`].
///
/// It has no exact size, whatever the iterator has, for it may end at any item. It can be used from both ends.
///
/// ```
/// use sigalarm::{Alarm, IteratorExt};
///
/// let alarm = Alarm::never()?;
/// let mut words = ["from", "both", "ends"].into_iter().checked(&alarm);
/// assert_eq!(words.next_back().unwrap().unwrap(), "ends");
/// alarm.ring();
/// assert!(words.next().unwrap().is_err()); // one error
/// assert!(words.next().is_none()); // and then nothing more
/// # Ok::<(), sigalarm::ArmError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct Checked<'a, I> {
    items: I,
    watch: Watch<'a>,
    ended: bool,
}

impl<I: Iterator> Checked<'_, I> {
    #[inline]
    fn step<T>(&mut self, take: impl FnOnce(&mut I) -> Option<T>) -> Option<Result<T, TimedOut>> {
        if self.ended {
            return None;
        }
        if let Err(e) = self.watch.check() {
            self.ended = true;
            return any_left(&mut self.items, take).then_some(Err(e));
        }
        let item = take(&mut self.items);
        if item.is_none() {
            self.ended = true;
        }
        item.map(Ok)
    }
}

impl<I: Iterator> Iterator for Checked<'_, I> {
    type Item = Result<I::Item, TimedOut>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.step(I::next)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        size_with_error(self.ended, &self.items)
    }

    /// Through the iterator's own `try_fold`, which chained and flattened ones do faster than item by item.
    #[inline]
    fn fold<B, F>(mut self, init: B, mut f: F) -> B
    where
        F: FnMut(B, Self::Item) -> B,
    {
        if self.ended {
            return init;
        }
        let watch = self.watch;
        let flow = match watch.check() {
            Err(e) => ControlFlow::Break((init, e)),
            Ok(()) => self.items.try_fold(init, |acc, item| {
                let acc = f(acc, Ok(item));
                match watch.check() {
                    Ok(()) => ControlFlow::Continue(acc),
                    Err(e) => ControlFlow::Break((acc, e)),
                }
            }),
        };
        match flow {
            ControlFlow::Break((acc, e)) if any_left(&mut self.items, I::next) => f(acc, Err(e)),
            ControlFlow::Continue(acc) | ControlFlow::Break((acc, _)) => acc,
        }
    }
}

impl<I: DoubleEndedIterator> DoubleEndedIterator for Checked<'_, I> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        self.step(I::next_back)
    }
}

impl<I: Iterator> FusedIterator for Checked<'_, I> {}

/// Made by [`IteratorExt::checked_every`].
///
/// It has no exact size, whatever the iterator has, for it may end early. It can be used from both ends; the
/// stride counts the items of both.
///
/// ```
/// use sigalarm::{Alarm, IteratorExt};
///
/// let alarm = Alarm::never()?;
/// let mut numbers = (0..100).checked_every(4, &alarm);
/// assert_eq!(numbers.next().unwrap().unwrap(), 0);
/// alarm.ring();
/// let until_it_is_noticed: Vec<i32> = numbers.map_while(Result::ok).collect();
/// assert_eq!(until_it_is_noticed, [1, 2, 3]);
/// # Ok::<(), sigalarm::ArmError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct CheckedEvery<'a, I> {
    items: I,
    watch: Watch<'a>,
    stride: usize,
    /// The check comes before the item that brings it down to zero.
    left: usize,
    ended: bool,
}

impl<I: Iterator> CheckedEvery<'_, I> {
    #[inline]
    fn step<T>(&mut self, take: impl FnOnce(&mut I) -> Option<T>) -> Option<Result<T, TimedOut>> {
        if self.ended {
            return None;
        }
        self.left -= 1;
        if self.left == 0 {
            if let Err(e) = self.watch.check() {
                self.ended = true;
                return any_left(&mut self.items, take).then_some(Err(e));
            }
            self.left = self.stride;
        }
        let item = take(&mut self.items);
        if item.is_none() {
            self.ended = true;
        }
        item.map(Ok)
    }
}

impl<I: Iterator> Iterator for CheckedEvery<'_, I> {
    type Item = Result<I::Item, TimedOut>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.step(I::next)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        size_with_error(self.ended, &self.items)
    }

    /// As [`Checked`]'s.
    #[inline]
    fn fold<B, F>(mut self, init: B, mut f: F) -> B
    where
        F: FnMut(B, Self::Item) -> B,
    {
        if self.ended {
            return init;
        }
        let (watch, stride, mut left) = (self.watch, self.stride, self.left - 1);
        if left == 0 {
            if let Err(e) = watch.check() {
                return if any_left(&mut self.items, I::next) { f(init, Err(e)) } else { init };
            }
            left = stride;
        }
        let flow = self.items.try_fold(init, |acc, item| {
            let acc = f(acc, Ok(item));
            left -= 1;
            if left == 0 {
                if let Err(e) = watch.check() {
                    return ControlFlow::Break((acc, e));
                }
                left = stride;
            }
            ControlFlow::Continue(acc)
        });
        match flow {
            ControlFlow::Break((acc, e)) if any_left(&mut self.items, I::next) => f(acc, Err(e)),
            ControlFlow::Continue(acc) | ControlFlow::Break((acc, _)) => acc,
        }
    }
}

impl<I: DoubleEndedIterator> DoubleEndedIterator for CheckedEvery<'_, I> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        self.step(I::next_back)
    }
}

impl<I: Iterator> FusedIterator for CheckedEvery<'_, I> {}

/// What is left of `items`, and perhaps an error at the end of it, or instead of it.
fn size_with_error(ended: bool, items: &impl Iterator) -> (usize, Option<usize>) {
    if ended {
        return (0, Some(0));
    }
    let (lower, upper) = items.size_hint();
    (lower.min(1), upper.and_then(|upper| upper.checked_add(1)))
}

/// Made by [`IteratorExt::until`].
///
/// It has no exact size, whatever the iterator has, for it may end at any item. It can be used from both ends.
///
/// ```
/// use sigalarm::{Alarm, IteratorExt};
///
/// let alarm = Alarm::never()?;
/// let mut queue = 1..=5;
/// let mut done = vec![];
/// for job in queue.by_ref().until(&alarm) {
///     done.push(job);
///     if job == 3 {
///         alarm.ring();
///     }
/// }
/// assert_eq!(done, [1, 2, 3]);
/// assert_eq!(queue, 4..=5); // nothing is lost
/// # Ok::<(), sigalarm::ArmError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct Until<'a, I> {
    items: I,
    watch: Watch<'a>,
    ended: bool,
    /// In a box, so that the address of no field leaves this struct when it is dropped: the drop of a bare
    /// `TimedOut` (an `Arc`) would hand it out, and the compiler keep a whole loop's state in memory for it.
    timed_out: Option<Box<TimedOut>>,
}

impl<I> Until<'_, I> {
    /// Why it ended: the [`TimedOut`] if it was cut short, `None` if the items ran out or there are more.
    ///
    /// The alarm itself cannot tell: it may expire after the last item.
    ///
    /// ```
    /// use sigalarm::{Alarm, IteratorExt};
    ///
    /// let alarm = Alarm::never()?;
    /// let mut items = (0..10).until(&alarm);
    /// for item in &mut items {
    ///     if item == 4 {
    ///         alarm.ring();
    ///     }
    /// }
    /// let timed_out = items.timed_out().expect("cut short");
    /// assert!(alarm.owns(timed_out));
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn timed_out(&self) -> Option<&TimedOut> {
        self.timed_out.as_deref()
    }
}

impl<I: Iterator> Until<'_, I> {
    #[inline]
    fn step<T>(&mut self, take: impl FnOnce(&mut I) -> Option<T>) -> Option<T> {
        if self.ended {
            return None;
        }
        if let Err(e) = self.watch.check() {
            self.ended = true;
            self.timed_out = any_left(&mut self.items, take).then(|| Box::new(e));
            return None;
        }
        let item = take(&mut self.items);
        if item.is_none() {
            self.ended = true;
        }
        item
    }
}

impl<I: Iterator> Iterator for Until<'_, I> {
    type Item = I::Item;

    #[inline]
    fn next(&mut self) -> Option<I::Item> {
        self.step(I::next)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, if self.ended { Some(0) } else { self.items.size_hint().1 })
    }

    /// As [`Checked`]'s.
    #[inline]
    fn fold<B, F>(mut self, init: B, mut f: F) -> B
    where
        F: FnMut(B, I::Item) -> B,
    {
        let watch = self.watch;
        if self.ended || watch.check().is_err() {
            return init;
        }
        let flow = self.items.try_fold(init, |acc, item| {
            let acc = f(acc, item);
            match watch.check() {
                Ok(()) => ControlFlow::Continue(acc),
                Err(_) => ControlFlow::Break(acc),
            }
        });
        match flow {
            ControlFlow::Continue(acc) | ControlFlow::Break(acc) => acc,
        }
    }
}

impl<I: DoubleEndedIterator> DoubleEndedIterator for Until<'_, I> {
    #[inline]
    fn next_back(&mut self) -> Option<I::Item> {
        self.step(I::next_back)
    }
}

impl<I: Iterator> FusedIterator for Until<'_, I> {}
