//! The check without the guard.

use std::panic::Location;

use crate::bell::{self, News, Question};
use crate::error::TimedOut;
use crate::testing;

/// The check for code that carries no guard: it asks every alarm of the calling thread.
///
/// As cheap as [`Alarm::check`](crate::Alarm::check), and `Ok` at once where no alarm is armed, so that a
/// library can call it in its loops and leave limits to its users. It blocks no longer than `check` does, and is not for
/// signal handlers either.
///
/// # Errors
///
/// [`TimedOut`], of the outermost of this thread's alarms that have expired.
///
/// # Examples
///
/// ```
/// use sigalarm::{Alarm, TimedOut, checkpoint};
/// use std::time::Duration;
///
/// fn collatz(mut n: u64) -> Result<u32, TimedOut> {
///     let mut steps = 0;
///     while n != 1 {
///         checkpoint()?;
///         n = if n % 2 == 0 { n / 2 } else { 3 * n + 1 };
///         steps += 1;
///     }
///     Ok(steps)
/// }
///
/// assert_eq!(collatz(27).unwrap(), 111); // no limit
///
/// let _alarm = Alarm::after(Duration::ZERO)?;
/// assert!(collatz(27).is_err());
/// # Ok::<(), sigalarm::ArmError>(())
/// ```
#[inline]
#[track_caller]
pub fn checkpoint() -> Result<(), TimedOut> {
    if bell::is_rung() {
        return checkpoint_at(Location::caller());
    }
    Ok(())
}

/// The same with the flag set, in the name of the code at `location`.
#[inline(always)]
pub(crate) fn checkpoint_at(location: &'static Location<'static>) -> Result<(), TimedOut> {
    ask(&bell::HAS_ANY_EXPIRED, &(), location)
}

/// Takes the slow path of a check.
#[inline(always)]
pub(crate) fn ask<K>(
    question: &'static Question<K>,
    about: &K,
    location: &'static Location<'static>,
) -> Result<(), TimedOut> {
    match question.call(about, location) {
        None => Ok(()),
        Some(news) => Err(err(news)),
    }
}

/// The error of a check. Here, on the caller's side of a call through which nothing unwinds, a test may end.
#[cold]
#[inline(never)]
fn err(news: News) -> TimedOut {
    let timed_out = news.timed_out();
    testing::note_error(&timed_out);
    timed_out
}
