//! A check before each item.

use std::iter::FusedIterator;
use std::ops::ControlFlow;

use super::{Watch, any_left, size_with_error};
use crate::error::TimedOut;

/// Made by [`IteratorExt::checked`](super::IteratorExt::checked).
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
