//! The best answer of a search that a limit may stop.

use std::borrow::{Borrow, ToOwned};
use std::fmt;
use std::time::Duration;

use crate::alarm::Alarm;
use crate::error::{ArmError, TimedOut};
use crate::unwind;

/// The best answer that a search has found, with its score.
///
/// The search calls [`offer`](Best::offer) with each answer that it finds. The caller lends a `Best` to the search, so the best
/// answer is there after an error, an unwinding and a panic.
///
/// [`lowest`](Best::lowest), [`highest`](Best::highest) and [`by`](Best::by) define which score is better. Of equal scores the
/// first stays.
///
/// ```
/// use sigalarm::{Alarm, Best, TimedOut};
///
/// fn search(best: &mut Best<Vec<u32>, u64>, alarm: &Alarm) -> Result<(), TimedOut> {
///     best.offer(7_542, || vec![2, 0, 1]);
///     alarm.check()
/// }
///
/// let alarm = Alarm::never()?;
/// let mut best = Best::lowest();
/// alarm.ring();
/// assert!(search(&mut best, &alarm).is_err());
/// assert_eq!(best.score(), Some(&7_542));
/// # Ok::<(), sigalarm::ArmError>(())
/// ```
#[derive(Clone)]
pub struct Best<T, S, O = Lowest> {
    order: O,
    kept: Option<(S, T)>,
    /// A beaten answer, whose memory `offer_cloned` uses.
    spare: Option<T>,
    improvements: u64,
}

impl<T, S> Best<T, S, Lowest> {
    /// Returns a `Best` without an answer, for which a lower score is better.
    ///
    /// ```
    /// let mut best = sigalarm::Best::lowest();
    /// for length in [12, 9, 10] {
    ///     best.offer(length, || format!("{length} km"));
    /// }
    /// assert_eq!(best.into_inner(), Some((9, "9 km".to_owned())));
    /// ```
    pub fn lowest() -> Self {
        Best::with(Lowest)
    }
}

impl<T, S> Best<T, S, Highest> {
    /// Returns a `Best` without an answer, for which a higher score is better.
    ///
    /// ```
    /// let mut best = sigalarm::Best::highest();
    /// for profit in [12.0, 9.0, f64::NAN] {
    ///     best.offer(profit, || "a plan");
    /// }
    /// assert_eq!(best.score(), Some(&12.0));
    /// ```
    pub fn highest() -> Self {
        Best::with(Highest)
    }
}

impl<T, S, F: Fn(&S, &S) -> bool> Best<T, S, F> {
    /// Returns a `Best` without an answer, for which `better(new, best)` returns whether a new score is better.
    ///
    /// The first offer is always taken.
    ///
    /// ```
    /// // Fewer vehicles are better, then a shorter way.
    /// let mut best = sigalarm::Best::by(|new: &(u32, f64), old: &(u32, f64)| new < old);
    /// best.offer((3, 80.0), || "three vans");
    /// best.offer((2, 95.0), || "two vans");
    /// assert_eq!(best.answer(), Some(&"two vans"));
    /// ```
    pub fn by(better: F) -> Self {
        Best::with(better)
    }
}

impl<T, S, O> Best<T, S, O> {
    fn with(order: O) -> Self {
        Best { order, kept: None, spare: None, improvements: 0 }
    }

    /// Returns the best answer; `None` before the first.
    ///
    /// ```
    /// let mut best = sigalarm::Best::lowest();
    /// best.offer(2.5, || vec![0, 2, 1]);
    /// assert_eq!(best.answer(), Some(&vec![0, 2, 1]));
    /// ```
    pub fn answer(&self) -> Option<&T> {
        self.kept.as_ref().map(|(_, answer)| answer)
    }

    /// Returns the score of the best answer; `None` before the first.
    ///
    /// ```
    /// let mut best = sigalarm::Best::lowest();
    /// best.offer(1_030, || "a tour");
    /// assert_eq!(best.score(), Some(&1_030));
    /// ```
    #[inline]
    pub fn score(&self) -> Option<&S> {
        self.kept.as_ref().map(|(score, _)| score)
    }

    /// Returns how many offers were taken, the first included.
    ///
    /// ```
    /// let mut best = sigalarm::Best::lowest();
    /// for length in [12, 9, 10] {
    ///     best.offer(length, || "a tour");
    /// }
    /// assert_eq!(best.improvements(), 2);
    /// ```
    pub fn improvements(&self) -> u64 {
        self.improvements
    }

    /// Returns the best answer with its score; `None` before the first.
    ///
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
    /// Returns whether an offer with this score would be taken: to skip a branch by its bound.
    ///
    /// ```
    /// let mut best = sigalarm::Best::lowest();
    /// best.offer(10, || "ten");
    /// assert!(best.is_beaten_by(&9) && !best.is_beaten_by(&10));
    /// ```
    #[inline]
    pub fn is_beaten_by(&self, score: &S) -> bool {
        match &self.kept {
            Some((best, _)) => self.order.better(score, best),
            None => self.order.is_comparable(score),
        }
    }

    /// Takes the answer if its score is better, and returns whether it did.
    ///
    /// The method calls `answer` only to take it. If `answer` unwinds, the best stays. The method does not allocate.
    ///
    /// ```
    /// let mut best = sigalarm::Best::lowest();
    /// assert!(best.offer(10, || "ten"));
    /// assert!(!best.offer(11, || unreachable!()));
    /// ```
    #[inline]
    pub fn offer(&mut self, score: S, answer: impl FnOnce() -> T) -> bool {
        let taken = self.is_beaten_by(&score);
        if taken {
            self.keep(score, answer());
        }
        taken
    }

    /// Takes a copy of the answer if its score is better, and returns whether it did.
    ///
    /// [`clone_into`](ToOwned::clone_into) writes the copy over a beaten answer: a `Vec` allocates for the first two copies only.
    ///
    /// ```
    /// let mut best = sigalarm::Best::lowest();
    /// let mut tour = vec![0, 1, 2];
    /// best.offer_cloned(40, &tour);
    /// tour.swap(1, 2);
    /// best.offer_cloned(37, &tour[..]);
    /// assert_eq!(best.answer(), Some(&vec![0, 2, 1]));
    /// ```
    #[inline]
    pub fn offer_cloned<A>(&mut self, score: S, answer: &A) -> bool
    where
        A: ToOwned<Owned = T> + ?Sized,
        T: Borrow<A>,
    {
        let taken = self.is_beaten_by(&score);
        if taken {
            // `take`: if `clone_into` unwinds, the half-written answer is dropped.
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

    /// Returns the beaten answer.
    fn keep(&mut self, score: S, answer: T) -> Option<T> {
        self.improvements += 1;
        self.kept.replace((score, answer)).map(|(_, beaten)| beaten)
    }

    /// Arms an alarm for `limit`, and runs `search` with `self` and the alarm.
    ///
    /// The inner result is `Ok` if `search` completed. It is the [`TimedOut`] if `check()?` or
    /// [`unwind_if_expired`](crate::unwind_if_expired()) ended `search`; the latter panics under `panic = "abort"`. In both cases,
    /// and after a panic, `self` has the best answer.
    ///
    /// An answer that `search` offers before its first check is there under any limit. The method blocks while `search` runs.
    ///
    /// The `TimedOut` of an enclosing alarm need not be returned: the next check outside errs too.
    ///
    /// # Errors
    ///
    /// [`ArmError`] if the alarm cannot be armed; then `search` does not run.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let mut best = sigalarm::Best::highest();
    /// let ended = best.within(Duration::from_millis(5), |best, alarm| {
    ///     for x in 1_u64.. {
    ///         best.offer(x.trailing_zeros(), || x);
    ///         alarm.check()?;
    ///     }
    ///     Ok(())
    /// })?;
    /// println!("{:?}: {}", best.answer(), ended.unwrap_err());
    /// # Ok::<(), sigalarm::ArmError>(())
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
///
/// ```
/// use sigalarm::Better;
///
/// fn nearest(target: i32) -> impl Better<i32> {
///     move |new: &i32, best: &i32| new.abs_diff(target) < best.abs_diff(target)
/// }
/// assert!(nearest(50).better(&48, &60));
/// ```
pub trait Better<S> {
    /// Returns whether `new` is better than `best`; `false` for equal scores.
    ///
    /// ```
    /// use sigalarm::{Better, Lowest};
    /// assert!(Lowest.better(&3, &4) && !Lowest.better(&3, &3));
    /// ```
    fn better(&self, new: &S, best: &S) -> bool;

    /// Returns whether a score can be the first. A NaN cannot: no score would be better.
    ///
    /// ```
    /// use sigalarm::{Better, Lowest};
    /// assert!(!Lowest.is_comparable(&f64::NAN));
    /// ```
    fn is_comparable(&self, _score: &S) -> bool {
        true
    }
}

/// The order in which a lower score is better; see [`Best::lowest`].
///
/// ```
/// use sigalarm::{Best, Lowest};
/// let mut best: Best<&str, u32, Lowest> = Best::default();
/// assert!(best.offer(24, || "a taxi") && best.offer(3, || "the bus"));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Lowest;

/// The order in which a higher score is better; see [`Best::highest`].
///
/// ```
/// use sigalarm::{Best, Highest};
/// let mut best: Best<&str, u32, Highest> = Best::default();
/// assert!(best.offer(60, || "one item") && best.offer(160, || "two items"));
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
