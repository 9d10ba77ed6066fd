//! A clean end at the deadline.

use std::iter::FusedIterator;
use std::ops::ControlFlow;

use super::{Watch, any_left};
use crate::error::TimedOut;

/// Made by [`IteratorExt::until`](super::IteratorExt::until).
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

impl<'a, I> Until<'a, I> {
    pub(super) fn new(items: I, watch: Watch<'a>) -> Until<'a, I> {
        Until { items, watch, ended: false, timed_out: None }
    }
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

    /// As `Checked`'s.
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
