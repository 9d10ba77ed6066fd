//! The adapter of [`IteratorExt::until`](super::IteratorExt::until).

use std::iter::FusedIterator;
use std::ops::ControlFlow;

use super::guarded::{Check, Guarded, Watch};
use crate::error::TimedOut;

/// An iterator that ends when an alarm expires, returned by [`until`](super::IteratorExt::until).
/// ```
/// use sigalarm::IteratorExt;
/// let (alarm, mut jobs) = (sigalarm::testing::at_check(4), 1..=5);
/// let mut until = jobs.by_ref().until(&alarm);
/// assert_eq!(until.by_ref().count(), 3);
/// assert!(alarm.owns(until.timed_out().unwrap()));
/// assert_eq!(jobs, 4..=5); // no item is lost
/// ```
#[derive(Clone, Debug)]
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct Until<'a, I> {
    pub(super) guarded: Guarded<I, Watch<'a>>,
    /// Boxed, because the drop of a `TimedOut` takes its address: see `Guarded::any_left`.
    pub(super) timed_out: Option<Box<TimedOut>>,
}

impl<I> Until<'_, I> {
    /// Returns the [`TimedOut`] if an alarm ended the iterator; `None` before the end, and after the last item.
    /// ```
    /// use sigalarm::{Alarm, IteratorExt};
    /// let alarm = Alarm::never().unwrap();
    /// assert!((0..10).until(&alarm).timed_out().is_none());
    /// ```
    pub fn timed_out(&self) -> Option<&TimedOut> {
        self.timed_out.as_deref()
    }
}

impl<I: Iterator> Until<'_, I> {
    #[inline]
    fn step<T>(&mut self, take: impl FnOnce(&mut I) -> Option<T>) -> Option<T> {
        match self.guarded.step(take)? {
            Ok(item) => Some(item),
            Err(e) => {
                self.timed_out = Some(Box::new(e));
                None
            }
        }
    }
}

impl<I: Iterator> Iterator for Until<'_, I> {
    type Item = I::Item;

    #[inline]
    fn next(&mut self) -> Option<I::Item> {
        self.step(I::next)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, if self.guarded.ended { Some(0) } else { self.guarded.items.size_hint().1 })
    }

    /// Calls the iterator's own `try_fold`, as `Guarded::fold` does, and takes no item after the expiry.
    #[inline]
    fn fold<B, F: FnMut(B, I::Item) -> B>(mut self, init: B, mut f: F) -> B {
        let mut watch = self.guarded.check;
        if self.guarded.ended || watch.check().is_err() {
            return init;
        }
        let flow = self.guarded.items.try_fold(init, |acc, item| {
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
