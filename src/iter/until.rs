//! The adapter of [`IteratorExt::until`](super::IteratorExt::until).

use std::iter::FusedIterator;
use std::ops::ControlFlow;

use super::{Watch, any_left};
use crate::error::TimedOut;

/// An iterator that ends when an alarm expires, returned by [`until`](super::IteratorExt::until).
///
/// ```
/// use sigalarm::{Alarm, IteratorExt};
///
/// let alarm = Alarm::never()?;
/// let mut jobs = 1..=5;
/// jobs.by_ref().until(&alarm).take(3).for_each(drop);
/// alarm.ring();
/// assert_eq!(jobs.by_ref().until(&alarm).next(), None);
/// assert_eq!(jobs, 4..=5); // no item is lost
/// # Ok::<(), sigalarm::ArmError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct Until<'a, I> {
    items: I,
    watch: Watch<'a>,
    ended: bool,
    /// Boxed: the drop of a `TimedOut` takes its address, and the compiler would keep the iterator's state in memory.
    timed_out: Option<Box<TimedOut>>,
}

impl<'a, I> Until<'a, I> {
    pub(super) fn new(items: I, watch: Watch<'a>) -> Until<'a, I> {
        Until { items, watch, ended: false, timed_out: None }
    }
}

impl<I> Until<'_, I> {
    /// Returns the [`TimedOut`] if an alarm ended the iterator; `None` before the end, and after the last item.
    ///
    /// ```
    /// use sigalarm::{Alarm, IteratorExt};
    ///
    /// let alarm = Alarm::never()?;
    /// let mut items = (0..10).until(&alarm);
    /// alarm.ring();
    /// assert!(items.next().is_none());
    /// assert!(alarm.owns(items.timed_out().unwrap()));
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

    /// Calls the iterator's own `try_fold`; see `Checked::fold`.
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
