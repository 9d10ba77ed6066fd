use std::iter::FusedIterator;

use super::guarded::{Guarded, Stride, Watch};
use crate::error::TimedOut;

/// An iterator that checks an alarm before each item, returned by [`checked`](super::IteratorExt::checked).
/// ```
/// use sigalarm::IteratorExt;
/// let alarm = sigalarm::testing::at_check(3);
/// assert_eq!((0..9).checked(&alarm).map_while(Result::ok).count(), 2);
/// ```
#[derive(Clone, Debug)]
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct Checked<'a, I>(pub(super) Guarded<I, Watch<'a>>);

/// An iterator that checks an alarm before every n-th item, returned by
/// [`checked_every`](super::IteratorExt::checked_every).
/// ```
/// use sigalarm::IteratorExt;
/// let alarm = sigalarm::testing::at_check(3);
/// assert_eq!((0..99).checked_every(10, &alarm).map_while(Result::ok).count(), 20);
/// ```
#[derive(Clone, Debug)]
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct CheckedEvery<'a, I>(pub(super) Guarded<I, Stride<'a>>);

macro_rules! implement_iterator {
    ($adapter:ident) => {
        impl<I: Iterator> Iterator for $adapter<'_, I> {
            type Item = Result<I::Item, TimedOut>;

            #[inline]
            fn next(&mut self) -> Option<Self::Item> {
                self.0.step(I::next)
            }

            fn size_hint(&self) -> (usize, Option<usize>) {
                if self.0.ended {
                    return (0, Some(0));
                }
                let (lower, upper) = self.0.items.size_hint();
                (lower.min(1), upper.and_then(|upper| upper.checked_add(1)))
            }

            #[inline]
            fn fold<B, F: FnMut(B, Self::Item) -> B>(mut self, init: B, mut f: F) -> B {
                match self.0.fold(init, |acc, item| f(acc, Ok(item))) {
                    (acc, Some(e)) if self.0.any_left(I::next) => f(acc, Err(e)),
                    (acc, _) => acc,
                }
            }
        }

        impl<I: DoubleEndedIterator> DoubleEndedIterator for $adapter<'_, I> {
            #[inline]
            fn next_back(&mut self) -> Option<Self::Item> {
                self.0.step(I::next_back)
            }
        }

        impl<I: Iterator> FusedIterator for $adapter<'_, I> {}
    };
}

implement_iterator!(Checked);
implement_iterator!(CheckedEvery);

/// An iterator that ends when its alarm or an enclosing one expires, returned by [`until`](super::IteratorExt::until).
/// ```
/// use sigalarm::IteratorExt;
/// let (alarm, mut jobs) = (sigalarm::testing::at_check(4), 1..=5);
/// assert_eq!(jobs.by_ref().until(&alarm).count(), 3);
/// assert_eq!(jobs, 4..=5); // no item is lost
/// ```
#[derive(Clone, Debug)]
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct Until<'a, I> {
    pub(super) guarded: Guarded<I, Watch<'a>>,
    /// Boxed, because the drop of an unboxed `TimedOut` needs its address, so the iterator could not stay in registers.
    pub(super) timed_out: Option<Box<TimedOut>>,
}

impl<I> Until<'_, I> {
    /// Returns the [`TimedOut`] if an alarm has ended the iterator, otherwise `None`.
    /// ```
    /// use sigalarm::IteratorExt;
    /// let alarm = sigalarm::testing::expired();
    /// let mut until = (0..9).until(&alarm);
    /// assert!(until.next().is_none() && until.timed_out().is_some());
    /// ```
    pub fn timed_out(&self) -> Option<&TimedOut> {
        self.timed_out.as_deref()
    }
}

impl<I: Iterator> Until<'_, I> {
    #[inline]
    fn step<T>(&mut self, take: impl FnOnce(&mut I) -> Option<T>) -> Option<T> {
        self.guarded.step(take)?.map_err(|e| self.timed_out = Some(Box::new(e))).ok()
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

    #[inline]
    fn fold<B, F: FnMut(B, I::Item) -> B>(mut self, init: B, f: F) -> B {
        self.guarded.fold(init, f).0
    }
}

impl<I: DoubleEndedIterator> DoubleEndedIterator for Until<'_, I> {
    #[inline]
    fn next_back(&mut self) -> Option<I::Item> {
        self.step(I::next_back)
    }
}

impl<I: Iterator> FusedIterator for Until<'_, I> {}
