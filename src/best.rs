use std::borrow::{Borrow, ToOwned};
use std::fmt;
use std::time::Duration;

use crate::alarm::Alarm;
use crate::error::{ArmError, TimedOut};
use crate::unwind;

/// The best answer `T` that a search has found, with its score `S`. The search only borrows the `Best`, so the answer
/// outlives an error or panic of the search.
/// ```
/// let mut best: sigalarm::Best<Vec<u32>, u64> = sigalarm::Best::lowest();
/// best.offer(7_542, || vec![2, 0, 1]);
/// assert_eq!((best.score(), best.answer()), (Some(&7_542), Some(&vec![2, 0, 1])));
/// ```
#[derive(Clone)]
pub struct Best<T, S, O = Lowest> {
    order: O,
    kept: Option<(S, T)>,
    spare: Option<T>,
    improvements: u64,
}

impl<T, S> Best<T, S, Lowest> {
    /// Returns an empty `Best`; a lower score is better.
    /// ```
    /// let mut best = sigalarm::Best::lowest();
    /// assert!(best.offer(7, || "seven") && best.offer(6, || "six"));
    /// ```
    pub fn lowest() -> Self {
        Best::with(Lowest)
    }
}

impl<T, S> Best<T, S, Highest> {
    /// Returns an empty `Best`; a higher score is better.
    /// ```
    /// let mut best = sigalarm::Best::highest();
    /// assert!(best.offer(7.0, || "seven") && !best.offer(f64::NAN, || "none"));
    /// ```
    pub fn highest() -> Self {
        Best::with(Highest)
    }
}

impl<T, S, F: Fn(&S, &S) -> bool> Best<T, S, F> {
    /// Returns an empty `Best` that accepts the first offer, and later the offers for which `better(new, best)` is
    /// true.
    /// ```
    /// assert!(sigalarm::Best::by(|new: &(u32, f64), best| new < best).offer((3, 80.0), || "three vans"));
    /// ```
    pub fn by(better: F) -> Self {
        Best::with(better)
    }
}

impl<T, S, O> Best<T, S, O> {
    fn with(order: O) -> Self {
        Best { order, kept: None, spare: None, improvements: 0 }
    }

    /// Returns the best answer, or `None` before the first accepted offer.
    /// ```
    /// assert_eq!(sigalarm::Best::<u32, u32>::lowest().answer(), None);
    /// ```
    pub fn answer(&self) -> Option<&T> {
        self.kept.as_ref().map(|(_, answer)| answer)
    }

    /// Returns the score of the best answer.
    /// ```
    /// assert_eq!(sigalarm::Best::<u32, u32>::lowest().score(), None);
    /// ```
    #[inline]
    pub fn score(&self) -> Option<&S> {
        self.kept.as_ref().map(|(score, _)| score)
    }

    /// Returns how many offers were accepted.
    /// ```
    /// assert_eq!(sigalarm::Best::<u32, u32>::lowest().improvements(), 0);
    /// ```
    pub fn improvements(&self) -> u64 {
        self.improvements
    }

    /// Returns the best answer with its score.
    /// ```
    /// let mut best = sigalarm::Best::lowest();
    /// best.offer(7, || "seven");
    /// assert_eq!(best.into_inner(), Some((7, "seven")));
    /// ```
    pub fn into_inner(self) -> Option<(S, T)> {
        self.kept
    }
}

impl<T, S, O: Better<S>> Best<T, S, O> {
    /// Returns whether an offer with this score would be accepted.
    /// ```
    /// assert!(sigalarm::Best::<u32, u32>::lowest().is_beaten_by(&7));
    /// ```
    #[inline]
    pub fn is_beaten_by(&self, score: &S) -> bool {
        match &self.kept {
            Some((best, _)) => self.order.better(score, best),
            None => self.order.is_comparable(score),
        }
    }

    /// Runs `answer`, stores its value and returns `true` if `score` is better than the best score. Otherwise returns
    /// `false`. If `answer` unwinds, the previous answer stays.
    /// ```
    /// let mut best = sigalarm::Best::lowest();
    /// assert!(best.offer(7, || "seven") && !best.offer(8, || unreachable!()));
    /// ```
    #[inline]
    pub fn offer(&mut self, score: S, answer: impl FnOnce() -> T) -> bool {
        let taken = self.is_beaten_by(&score);
        if taken {
            self.keep(score, answer());
        }
        taken
    }

    /// Offers a copy of `answer`, as [`offer`](Best::offer) does. The copy reuses the memory of a replaced answer.
    /// ```
    /// let mut best = sigalarm::Best::<Vec<u32>, u64>::lowest();
    /// assert!(best.offer_cloned(40, &[0, 1, 2][..]));
    /// assert_eq!(best.answer(), Some(&vec![0, 1, 2]));
    /// ```
    #[inline]
    pub fn offer_cloned<A>(&mut self, score: S, answer: &A) -> bool
    where
        A: ToOwned<Owned = T> + ?Sized,
        T: Borrow<A>,
    {
        let taken = self.is_beaten_by(&score);
        if taken {
            let copy = match self.spare.take() {
                Some(mut spare) => {
                    answer.clone_into(&mut spare);
                    spare
                }
                None => answer.to_owned(),
            };
            self.spare = self.keep(score, copy);
        }
        taken
    }

    fn keep(&mut self, score: S, answer: T) -> Option<T> {
        self.improvements += 1;
        self.kept.replace((score, answer)).map(|(_, beaten)| beaten)
    }

    /// Runs `search` with `self` and an alarm with this limit. Offers before the first check are accepted even if the
    /// limit is zero.
    ///
    /// # Errors
    ///
    /// [`ArmError`] if arming fails; then `search` does not run. The inner error is the [`TimedOut`] that `search`
    /// returned, or that [unwound](Alarm::unwind_if_expired) it.
    /// ```
    /// let mut best = sigalarm::Best::highest();
    /// let ended = best.within(std::time::Duration::from_millis(5), |best, alarm| {
    ///     (1_u64..).try_for_each(|x| {
    ///         best.offer(x.trailing_zeros(), || x);
    ///         alarm.check()
    ///     })
    /// });
    /// println!("{:?}: {}", best.answer(), ended.unwrap().unwrap_err());
    /// ```
    pub fn within(
        &mut self,
        limit: Duration,
        search: impl FnOnce(&mut Self, &Alarm) -> Result<(), TimedOut>,
    ) -> Result<Result<(), TimedOut>, ArmError> {
        let alarm = Alarm::after(limit)?;
        Ok(unwind::catch(&alarm, || search(self, &alarm)).and_then(|ended| ended))
    }
}

impl<T, S, O: Default> Default for Best<T, S, O> {
    fn default() -> Self {
        Best::with(O::default())
    }
}

impl<T: fmt::Debug, S: fmt::Debug, O> fmt::Debug for Best<T, S, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Best")
            .field("score", &self.score())
            .field("answer", &self.answer())
            .field("improvements", &self.improvements)
            .finish_non_exhaustive()
    }
}

/// An order of scores: [`Lowest`], [`Highest`], or a closure.
/// ```
/// assert!(sigalarm::Better::better(&|new: &i32, best: &i32| new.abs() < best.abs(), &1, &-2));
/// ```
pub trait Better<S> {
    /// Returns whether `new` is better than `best`; `false` for equal scores.
    /// ```
    /// assert!(sigalarm::Better::better(&sigalarm::Lowest, &3, &4));
    /// ```
    fn better(&self, new: &S, best: &S) -> bool;

    /// Returns whether an empty `Best` accepts the score. [`Lowest`] and [`Highest`] refuse NaN, because no later
    /// score could replace NaN.
    /// ```
    /// assert!(!sigalarm::Better::is_comparable(&sigalarm::Lowest, &f64::NAN));
    /// ```
    fn is_comparable(&self, _score: &S) -> bool {
        true
    }
}

/// The order in which lower scores are better; see [`Best::lowest`].
/// ```
/// assert!(sigalarm::Best::<&str, u32, sigalarm::Lowest>::default().offer(24, || "a"));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Lowest;

/// The order in which higher scores are better; see [`Best::highest`].
/// ```
/// assert!(sigalarm::Best::<&str, u32, sigalarm::Highest>::default().offer(24, || "a"));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Highest;

impl<S: PartialOrd> Better<S> for Lowest {
    #[inline]
    fn better(&self, new: &S, best: &S) -> bool {
        new < best
    }

    #[inline]
    fn is_comparable(&self, score: &S) -> bool {
        score.partial_cmp(score).is_some()
    }
}

impl<S: PartialOrd> Better<S> for Highest {
    #[inline]
    fn better(&self, new: &S, best: &S) -> bool {
        new > best
    }

    #[inline]
    fn is_comparable(&self, score: &S) -> bool {
        score.partial_cmp(score).is_some()
    }
}

impl<S, F: Fn(&S, &S) -> bool> Better<S> for F {
    #[inline]
    fn better(&self, new: &S, best: &S) -> bool {
        self(new, best)
    }
}
