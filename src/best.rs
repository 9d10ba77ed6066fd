//! The best answer so far.
//!
//! A limit that throws work away is a poor limit: after ten seconds of search there is a good tour, only not
//! a proof that it is the best. An *anytime* algorithm offers each improvement as it finds it, to a place that
//! outlives the search, and so it does not matter how the search ends.

use std::borrow::{Borrow, ToOwned};
use std::fmt;
use std::time::Duration;

use crate::alarm::Alarm;
use crate::error::{ArmError, TimedOut};
use crate::unwind;

/// The best answer that a search has found so far, and its score.
///
/// The search [`offer`](Best::offer)s what it finds; what is no better than the best is turned down at the
/// price of one comparison, and is not even built. It belongs to the caller and is lent to the search, so the
/// best is there afterwards whether the search came to its end, left with `check()?`, unwound or panicked.
///
/// The best is the one with the [`lowest`](Best::lowest) score, with the [`highest`](Best::highest), or what
/// a comparison of the caller's says ([`by`](Best::by)). Of equals it is the first.
///
/// # Examples
///
/// The whole of it, limit, search and outcome, is [`within`](Best::within):
///
/// ```
/// use sigalarm::Best;
/// use std::time::Duration;
///
/// // Which two numbers have a product that is nearest to 1,000,003?
/// let mut best = Best::lowest();
/// let ended = best.within(Duration::from_secs(10), |best, alarm| {
///     for a in 1..2_000_u32 {
///         for b in a..2_000 {
///             alarm.check()?;
///             best.offer((a * b).abs_diff(1_000_003), || (a, b));
///         }
///     }
///     Ok(())
/// })?;
/// match ended {
///     Ok(()) => assert_eq!(best.answer(), Some(&(815, 1_227))),
///     Err(timed_out) => eprintln!("{timed_out}; best so far: {:?}", best.answer()),
/// }
/// # Ok::<(), sigalarm::ArmError>(())
/// ```
///
/// With an alarm of one's own, and in a function that names the type:
///
/// ```
/// use sigalarm::{Alarm, Best, TimedOut};
///
/// fn search(best: &mut Best<Vec<u32>, u64>, alarm: &Alarm) -> Result<(), TimedOut> {
///     let tour = vec![2, 0, 1];
///     alarm.check()?;
///     best.offer_cloned(7_542, &tour);
/// #   alarm.ring();
///     // …
/// #   alarm.check()?;
///     Ok(())
/// }
///
/// let alarm = Alarm::builder().label("search").arm()?;
/// let mut best = Best::lowest();
/// let ended = search(&mut best, &alarm);
/// # assert!(ended.is_err());
/// assert_eq!(best.score(), Some(&7_542));
/// # Ok::<(), sigalarm::ArmError>(())
/// ```
#[derive(Clone)]
pub struct Best<T, S, O = Lowest> {
    order: O,
    kept: Option<(S, T)>,
    /// An answer that has been beaten, for its memory.
    spare: Option<T>,
    improvements: u64,
}

impl<T, S> Best<T, S, Lowest> {
    /// Nothing yet; the lower the score the better.
    ///
    /// ```
    /// let mut best = sigalarm::Best::lowest();
    /// for length in [12, 9, 10] {
    ///     best.offer(length, || format!("a tour of {length} km"));
    /// }
    /// assert_eq!(best.into_inner(), Some((9, "a tour of 9 km".to_owned())));
    /// ```
    pub fn lowest() -> Self {
        Best::with(Lowest)
    }
}

impl<T, S> Best<T, S, Highest> {
    /// Nothing yet; the higher the score the better.
    ///
    /// ```
    /// let mut best = sigalarm::Best::highest();
    /// for profit in [12.0, 9.0, f64::NAN] {
    ///     best.offer(profit, || format!("a plan that earns {profit} €"));
    /// }
    /// assert_eq!(best.score(), Some(&12.0));
    /// ```
    pub fn highest() -> Self {
        Best::with(Highest)
    }
}

impl<T, S, F: Fn(&S, &S) -> bool> Best<T, S, F> {
    /// Nothing yet; `better(new, best)` says whether a new score is better than the best.
    ///
    /// The first offer is always taken.
    ///
    /// ```
    /// use sigalarm::Best;
    ///
    /// // Fewer vehicles first, then the shorter way.
    /// let mut best = Best::by(|new: &(u32, f64), old: &(u32, f64)| {
    ///     new.0 < old.0 || new.0 == old.0 && new.1 < old.1
    /// });
    /// best.offer((3, 80.0), || "three vans");
    /// best.offer((2, 95.0), || "two vans");
    /// best.offer((2, 99.0), || "two vans, the long way");
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

    /// The best answer; `None` before the first.
    ///
    /// ```
    /// let mut best = sigalarm::Best::lowest();
    /// assert_eq!(best.answer(), None);
    /// best.offer(2.5, || vec![0, 2, 1]);
    /// assert_eq!(best.answer().map(Vec::len), Some(3)); // lent, and the search may go on
    /// ```
    pub fn answer(&self) -> Option<&T> {
        self.kept.as_ref().map(|(_, answer)| answer)
    }

    /// The score of the best answer; `None` before the first.
    ///
    /// ```
    /// let mut best = sigalarm::Best::lowest();
    /// best.offer(1_030, || "a tour");
    /// let bound = 1_000; // no tour is shorter
    /// let gap = best.score().map(|length| length - bound);
    /// assert_eq!(gap, Some(30));
    /// ```
    #[inline]
    pub fn score(&self) -> Option<&S> {
        self.kept.as_ref().map(|(score, _)| score)
    }

    /// How many offers were taken, the first answer included.
    ///
    /// ```
    /// let mut best = sigalarm::Best::lowest();
    /// for round in 1.. {
    ///     let before = best.improvements();
    ///     best.offer(100 / round, || round);
    ///     if best.improvements() == before {
    ///         break; // a round that has found nothing better is the last
    ///     }
    /// }
    /// assert_eq!((best.score(), best.improvements()), (Some(&7), 13));
    /// ```
    pub fn improvements(&self) -> u64 {
        self.improvements
    }

    /// The best answer with its score.
    ///
    /// ```
    /// let mut best = sigalarm::Best::lowest();
    /// best.offer(7, || "seven");
    /// assert_eq!((best.score(), best.answer(), best.improvements()), (Some(&7), Some(&"seven"), 1));
    /// assert_eq!(best.into_inner(), Some((7, "seven")));
    /// ```
    pub fn into_inner(self) -> Option<(S, T)> {
        self.kept
    }
}

impl<T, S, O: Better<S>> Best<T, S, O> {
    /// Whether an offer with this score would be taken: the question for cutting off a branch by its bound.
    ///
    /// ```
    /// let mut best = sigalarm::Best::lowest();
    /// best.offer(10, || "ten");
    /// assert!(best.is_beaten_by(&9));
    /// assert!(!best.is_beaten_by(&10));
    /// ```
    #[inline]
    pub fn is_beaten_by(&self, score: &S) -> bool {
        match &self.kept {
            Some((best, _)) => self.order.better(score, best),
            None => self.order.is_comparable(score),
        }
    }

    /// Takes the answer if its score is better; says whether it was.
    ///
    /// `answer` is called only then. Nothing is allocated here, for an offer that is taken or one that is not.
    /// If `answer` unwinds, the best is what it was.
    ///
    /// ```
    /// let mut best = sigalarm::Best::lowest();
    /// assert!(best.offer(10, || "ten"));
    /// assert!(!best.offer(11, || unreachable!()));
    /// assert_eq!(best.answer(), Some(&"ten"));
    /// ```
    #[inline]
    pub fn offer(&mut self, score: S, answer: impl FnOnce() -> T) -> bool {
        let taken = self.is_beaten_by(&score);
        if taken {
            self.keep(score, answer());
        }
        taken
    }

    /// Takes a copy of the answer if its score is better; says whether it was.
    ///
    /// For a search that goes on changing the one answer that it works on. The copy is written over an answer
    /// that has been beaten, with [`clone_into`](ToOwned::clone_into), so that a `Vec` or a `String` is
    /// allocated twice and then never again. (Twice, because the best stays until the copy is whole.)
    ///
    /// ```
    /// let mut best = sigalarm::Best::lowest();
    /// let mut tour = vec![0, 1, 2, 3];
    /// best.offer_cloned(40, &tour);
    /// tour.swap(1, 2);
    /// best.offer_cloned(37, &tour);
    /// best.offer_cloned(38, &tour[1..]); // a slice will do
    /// assert_eq!(best.answer(), Some(&vec![0, 2, 1, 3]));
    /// ```
    #[inline]
    pub fn offer_cloned<A>(&mut self, score: S, answer: &A) -> bool
    where
        A: ToOwned<Owned = T> + ?Sized,
        T: Borrow<A>,
    {
        let taken = self.is_beaten_by(&score);
        if taken {
            // Out of its place while it is written to: if the copying unwinds, half an answer goes with it.
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

    /// Hands back the answer that was beaten.
    fn keep(&mut self, score: S, answer: T) -> Option<T> {
        self.improvements += 1;
        self.kept.replace((score, answer)).map(|(_, beaten)| beaten)
    }

    /// Runs a search under a limit: arms, lends itself and the alarm to `search`, resets.
    ///
    /// What comes back is how it ended: `Ok(())` if `search` came to its end, the [`TimedOut`] if it was cut
    /// short, by `check()?` or by [`unwind_if_expired`](crate::unwind_if_expired()), which is caught
    /// here as in [`Alarm::catch`] (under `panic = "abort"` it panics). The best is in `self` either way, also
    /// after a panic, which passes on; and a second search may go on from it.
    ///
    /// A search that offers a first answer before its first check has an answer under any limit, zero too. Blocks as long
    /// as the search does.
    ///
    /// If it was an enclosing alarm that expired, the `TimedOut` is that one's. It need not be passed on: it
    /// stays expired, and the next check out there errs.
    ///
    /// # Errors
    ///
    /// [`ArmError`] if the alarm could not be armed; then `search` has not run.
    ///
    /// # Examples
    ///
    /// ```
    /// use sigalarm::Best;
    /// use std::time::Duration;
    ///
    /// let mut best = Best::highest();
    /// let ended = best.within(Duration::from_millis(5), |best, alarm| {
    ///     let mut x = 1_u64;
    ///     loop {
    ///         x ^= x << 13;
    ///         x ^= x >> 7;
    ///         x ^= x << 17;
    ///         best.offer(x.trailing_zeros(), || x);
    ///         alarm.check()?;
    ///     }
    /// })?;
    /// let timed_out = ended.unwrap_err(); // the search has no other end
    /// println!("{:?} after {} improvements; {timed_out}", best.answer(), best.improvements());
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

/// Which of two scores is better: [`Lowest`], [`Highest`], or a closure.
///
/// ```
/// use sigalarm::Better;
///
/// /// The one nearest to the middle.
/// fn nearest(target: i32) -> impl Better<i32> {
///     move |new: &i32, best: &i32| new.abs_diff(target) < best.abs_diff(target)
/// }
/// assert!(nearest(50).better(&48, &60));
/// assert!(!nearest(50).better(&40, &60)); // as good is not better
/// ```
pub trait Better<S> {
    /// Whether `new` is better than `best`. As good is not better.
    ///
    /// ```
    /// use sigalarm::{Better, Highest, Lowest};
    ///
    /// assert!(Lowest.better(&3, &4));
    /// assert!(Highest.better(&4, &3));
    /// assert!(!Lowest.better(&3, &3));
    /// ```
    fn better(&self, new: &S, best: &S) -> bool;

    /// Whether a score can be compared at all. One that cannot (a NaN) must not be the first, for none would
    /// be better.
    ///
    /// ```
    /// use sigalarm::{Best, Better};
    ///
    /// #[derive(Default)]
    /// struct NearestToZero;
    /// impl Better<f64> for NearestToZero {
    ///     fn better(&self, new: &f64, best: &f64) -> bool { new.abs() < best.abs() }
    ///     fn is_comparable(&self, score: &f64) -> bool { !score.is_nan() }
    /// }
    ///
    /// let mut best = Best::<_, _, NearestToZero>::default();
    /// assert!(!best.offer(f64::NAN, || "not even as the first"));
    /// assert!(best.offer(-3.0, || "minus three"));
    /// ```
    fn is_comparable(&self, _score: &S) -> bool {
        true
    }
}

/// The lower the score the better; see [`Best::lowest`].
///
/// ```
/// use sigalarm::{Best, Lowest};
///
/// let mut cheapest: Best<&str, u32, Lowest> = Best::default();
/// cheapest.offer(24, || "a taxi");
/// cheapest.offer(3, || "the bus");
/// assert_eq!(cheapest.answer(), Some(&"the bus"));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Lowest;

/// The higher the score the better; see [`Best::highest`].
///
/// ```
/// use sigalarm::{Best, Highest};
///
/// #[derive(Default)]
/// struct Knapsack {
///     fullest: Best<Vec<u8>, u64, Highest>,
/// }
///
/// let mut knapsack = Knapsack::default();
/// assert!(knapsack.fullest.offer(60, || vec![1]));
/// assert!(knapsack.fullest.offer(160, || vec![1, 2]));
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
