//! The adapter of [`IteratorExt::checked_every`](super::IteratorExt::checked_every).

use std::iter::FusedIterator;
use std::ops::ControlFlow;

use super::{Watch, any_left, size_with_error};
use crate::error::TimedOut;

/// An iterator that checks an alarm before every `stride`-th item, returned by
/// [`checked_every`](super::IteratorExt::checked_every).
///
/// The stride counts the items of both ends.
///
/// ```
/// use sigalarm::{Alarm, IteratorExt};
///
/// let alarm = Alarm::never()?;
/// let mut numbers = (0..100).checked_every(4, &alarm);
/// assert_eq!(numbers.next().unwrap().unwrap(), 0);
/// alarm.ring();
/// assert_eq!(numbers.map_while(Result::ok).count(), 3); // the items up to the next check
/// # Ok::<(), sigalarm::ArmError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct CheckedEvery<'a, I> {
    items: I,
    watch: Watch<'a>,
    stride: usize,
    /// Decremented before each item. A check precedes the item that makes it zero.
    left: usize,
    ended: bool,
}

impl<'a, I> CheckedEvery<'a, I> {
    pub(super) fn new(items: I, watch: Watch<'a>, stride: usize) -> CheckedEvery<'a, I> {
        CheckedEvery { items, watch, stride, left: 1, ended: false }
    }
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

    /// Calls the iterator's own `try_fold`; see `Checked::fold`.
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
