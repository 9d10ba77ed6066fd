//! The guard of a rehearsal.

use std::fmt;
use std::ops::Deref;
use std::panic::Location;
use std::thread;
use std::time::{Duration, Instant};

use super::Stop;
use crate::alarm::Alarm;
use crate::bell::{Due, Script, rehearsal};
use crate::error::{Cause, Place, TimedOut};
use crate::os::clock;

/// An alarm that expires by script and not by the clock; see [the module](super) for what holds while it lives.
///
/// It dereferences to [`Alarm`]: hand `&rehearsal` to a function that takes one. Dropping it ends the rehearsal. If that
/// happens in a panic, it says where the function was stopped.
///
/// Rehearsals of one thread nest, as alarms do, on one clock. A guard that is leaked keeps its thread on the stage.
///
/// ```
/// use sigalarm::{Alarm, Best, TimedOut, testing};
///
/// fn search(best: &mut Best<u32, u32>, alarm: &Alarm) -> Result<(), TimedOut> {
///     for n in 1..100 {
///         alarm.check()?;
///         best.offer(100 - n, || n);
///     }
///     Ok(())
/// }
///
/// let rehearsal = testing::at_check(3);
/// let mut best = Best::lowest();
/// let timed_out = search(&mut best, &rehearsal).unwrap_err();
/// assert!(rehearsal.owns(&timed_out));
/// assert_eq!(best.answer(), Some(&2)); // what it had found by then
/// ```
#[must_use = "the rehearsal lasts as long as the guard lives; bind it: `let rehearsal = …`"]
pub struct Rehearsal {
    alarm: Alarm,
    /// Whether its thread was unwinding when it began.
    in_panic: bool,
    /// Somebody else says in a panic what is to be said.
    pub(super) silent: bool,
}

/// A rehearsal whose alarm expires at the `n`-th check, counted from 1, with [`Cause::Deadline`]: as if its deadline were
/// that moment.
///
/// Until then it is an alarm without a deadline ([`remaining`](Alarm::remaining) is `None`).
///
/// # Panics
///
/// If `n` is zero; or without memory for `pthread_atfork`.
///
/// # Examples
///
/// ```
/// use sigalarm::{checkpoint, testing};
///
/// let rehearsal = testing::at_check(2);
/// assert!(checkpoint().is_ok());
/// assert!(checkpoint().is_err());
/// assert!(checkpoint().is_err(), "it stays expired");
/// assert_eq!(rehearsal.checks(), 3);
/// ```
#[track_caller]
pub fn at_check(n: u64) -> Rehearsal {
    assert!(n != 0, "checks are counted from 1");
    Rehearsal::begin(Due::Never, Some(n))
}

/// A rehearsal whose alarm has expired before the first check: a limit of zero.
///
/// # Panics
///
/// Without memory for `pthread_atfork`.
///
/// # Examples
///
/// ```
/// use sigalarm::{checkpoint, testing};
/// use std::time::Duration;
///
/// let rehearsal = testing::expired();
/// assert_eq!(rehearsal.remaining(), Some(Duration::ZERO));
/// assert!(checkpoint().is_err());
/// ```
#[track_caller]
pub fn expired() -> Rehearsal {
    Rehearsal::begin(Due::After(Duration::ZERO), None)
}

/// A rehearsal whose alarm never expires: to record checks, to move the clock, to run without the kernel.
///
/// # Panics
///
/// Without memory for `pthread_atfork`.
///
/// # Examples
///
/// ```
/// use sigalarm::{Ticker, testing};
/// use std::time::Duration;
///
/// let rehearsal = testing::never();
/// let ticker = Ticker::every(Duration::from_secs(60))?;
/// rehearsal.sleep(Duration::from_secs(3600)).unwrap(); // takes no time
/// assert_eq!(ticker.due(), 60);
/// # Ok::<(), sigalarm::ArmError>(())
/// ```
#[track_caller]
pub fn never() -> Rehearsal {
    Rehearsal::begin(Due::Never, None)
}

/// Moves the clock of the rehearsal that the calling thread is in: for what stands in for slow work, and has no
/// [`Rehearsal`] at hand.
///
/// # Panics
///
/// If the thread does not rehearse: real time does not do as it is told.
///
/// # Examples
///
/// ```
/// use sigalarm::{testing, within};
/// use std::time::Duration;
///
/// /// Stands in for a request that takes three seconds.
/// fn request() {
///     testing::advance(Duration::from_secs(3));
/// }
///
/// let _rehearsal = testing::never();
/// let requests = within(Duration::from_secs(10), |alarm| {
///     let mut n = 0;
///     while alarm.check().is_ok() {
///         request();
///         n += 1;
///     }
///     n
/// })?;
/// assert_eq!(requests, 4);
/// # Ok::<(), sigalarm::ArmError>(())
/// ```
#[track_caller]
pub fn advance(time: Duration) {
    assert!(
        rehearsal::advance(time),
        "this thread is in no rehearsal, and real time does not do as it is told"
    );
}

impl Rehearsal {
    #[track_caller]
    fn begin(due: Due, stop_at: Option<u64>) -> Rehearsal {
        match rehearsal::begin(due, stop_at) {
            Ok(key) => {
                Rehearsal { alarm: Alarm::of(key, None), in_panic: thread::panicking(), silent: false }
            }
            Err(e) => panic!("no rehearsal without preparation for forks: {e}"),
        }
    }

    /// Expires for this cause: [`Cause::Signal`] to see what a function does when Ctrl-C stops it.
    ///
    /// ```
    /// use sigalarm::{Cause, checkpoint, testing};
    /// use signal_hook::consts::SIGINT;
    ///
    /// let _rehearsal = testing::at_check(1).cause(Cause::Signal(SIGINT));
    /// assert_eq!(checkpoint().unwrap_err().cause(), Cause::Signal(SIGINT));
    /// ```
    pub fn cause(self, cause: Cause) -> Rehearsal {
        self.direct(|script| script.cause = cause);
        self
    }

    /// How many checks may come after the stop, 100,000 unless told. At the next one the check panics and says so: a
    /// function that takes no notice of a time-out might otherwise go on for ever.
    ///
    /// ```should_panic
    /// use sigalarm::{checkpoint, testing};
    ///
    /// let _rehearsal = testing::at_check(1).patience(100);
    /// loop {
    ///     let _ = checkpoint(); // takes no notice
    /// }
    /// ```
    pub fn patience(self, checks: u64) -> Rehearsal {
        self.direct(|script| script.patience = checks);
        self
    }

    /// How many checks have come, those after the stop included.
    ///
    /// ```
    /// use sigalarm::{IteratorExt, testing};
    ///
    /// let rehearsal = testing::never();
    /// assert!((0..1_000).checked(&rehearsal).all(|item| item.is_ok()));
    /// assert_eq!(rehearsal.checks(), 1_001);
    /// assert!((0..1_000).checked_every(100, &rehearsal).all(|item| item.is_ok()));
    /// assert_eq!(rehearsal.checks(), 1_001 + 11);
    /// ```
    pub fn checks(&self) -> u64 {
        self.direct(|script| script.checks()).unwrap_or(0)
    }

    /// Where the checks stand that have come, in their order.
    ///
    /// ```
    /// use sigalarm::{checkpoint, testing};
    ///
    /// let rehearsal = testing::never();
    /// for _ in 0..3 {
    ///     checkpoint().unwrap();
    /// }
    /// let places = rehearsal.places();
    /// assert_eq!(places.len(), 3);
    /// println!("{}", places[0]); // src/main.rs:5:5
    /// ```
    pub fn places(&self) -> Vec<Place> {
        self.direct(|script| script.places.iter().map(|place| Place::from(*place)).collect())
            .unwrap_or_default()
    }

    /// The check at which it stopped the function, if it has.
    ///
    /// ```
    /// use sigalarm::{checkpoint, testing};
    ///
    /// let rehearsal = testing::at_check(3);
    /// let done = (0..10).take_while(|_| checkpoint().is_ok()).count();
    /// let stop = rehearsal.stop().expect("ten checks are more than three");
    /// assert_eq!((done, stop.check()), (2, 3));
    /// ```
    pub fn stop(&self) -> Option<Stop> {
        let alarm = self.alarm.id();
        self.direct(|script| {
            let stop = script.stop?;
            let place = script.places.get(usize::try_from(stop.check).ok()?.checked_sub(1)?)?;
            Some(Stop { alarm, check: stop.check, place: Place::from(*place), later: stop.later })
        })
        .flatten()
    }

    /// Moves the clock forward. What falls due expires, and is found so by its next check; tickers are called.
    ///
    /// ```
    /// use sigalarm::{Alarm, testing};
    /// use std::time::Duration;
    ///
    /// let rehearsal = testing::never();
    /// let alarm = Alarm::after(Duration::from_secs(10))?;
    /// rehearsal.advance(Duration::from_secs(7)); // takes no time
    /// assert_eq!(alarm.remaining(), Some(Duration::from_secs(3)));
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn advance(&self, time: Duration) {
        rehearsal::advance(time);
    }

    /// What the clock shows. For an exact deadline: `Alarm::at(rehearsal.now() + limit)`.
    ///
    /// ```
    /// use sigalarm::{Alarm, testing};
    /// use std::time::Duration;
    ///
    /// let rehearsal = testing::never();
    /// let alarm = Alarm::at(rehearsal.now() + Duration::from_secs(1))?;
    /// rehearsal.advance(Duration::from_secs(1));
    /// assert!(alarm.is_expired());
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn now(&self) -> Instant {
        rehearsal::now(self.alarm.key()).and_then(clock::to_instant).unwrap_or_else(Instant::now)
    }

    /// The places as they are kept, which ends the keeping.
    pub(super) fn take_places(&self) -> Vec<&'static Location<'static>> {
        self.direct(|script| std::mem::take(&mut script.places)).unwrap_or_default()
    }

    /// The time-out of an older alarm that has come in between.
    pub(super) fn interruption(&self) -> Option<TimedOut> {
        self.direct(|script| script.interruption.clone()).flatten()
    }

    fn direct<T>(&self, act: impl FnOnce(&mut Script) -> T) -> Option<T> {
        rehearsal::direct(self.alarm.key(), act)
    }
}

impl Deref for Rehearsal {
    type Target = Alarm;

    fn deref(&self) -> &Alarm {
        &self.alarm
    }
}

impl Drop for Rehearsal {
    fn drop(&mut self) {
        if thread::panicking() && !self.in_panic && !self.silent {
            // Through the macro, which the test harness listens to.
            match self.stop() {
                Some(stop) => eprintln!("sigalarm: in a rehearsal {stop}"),
                None => eprintln!("sigalarm: in a rehearsal, not stopped, after {} checks", self.checks()),
            }
        }
        rehearsal::end(self.alarm.key());
    }
}

impl fmt::Debug for Rehearsal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rehearsal")
            .field("checks", &self.checks())
            .field("stop", &self.stop())
            .finish_non_exhaustive()
    }
}
