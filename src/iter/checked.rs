//! The adapter of [`IteratorExt::checked`](super::IteratorExt::checked).

use std::iter::FusedIterator;
use std::ops::ControlFlow;

use super::{Watch, any_left, size_with_error};
use crate::error::TimedOut;

/// An iterator that checks an alarm before each item, returned by [`checked`](super::IteratorExt::checked).
///
/// It is never an [`ExactSizeIterator`].
///
/// ```
/// use sigalarm::{Alarm, IteratorExt};
///
/// let alarm = Alarm::never()?;
/// let mut numbers = (0..3).checked(&alarm);
/// assert_eq!(numbers.next_back().unwrap().unwrap(), 2);
/// alarm.ring();
/// assert!(numbers.next().unwrap().is_err());
/// assert!(numbers.next().is_none());
/// # Ok::<(), sigalarm::ArmError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct Checked<'a, I> {
    items: I,
    watch: Watch<'a>,
    ended: bool,
}

impl<'a, I> Checked<'a, I> {
    pub(super) fn new(items: I, watch: Watch<'a>) -> Checked<'a, I> {
        Checked { items, watch, ended: false }
    }
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

    /// Calls the iterator's own `try_fold`, which is faster than `next` for `Chain` and `Flatten`.
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
