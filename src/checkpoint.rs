//! The check without the guard.

use std::panic::Location;

use crate::error::TimedOut;
use crate::runtime;
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
    if runtime::is_flag_set() {
        return checkpoint_at(Location::caller());
    }
    Ok(())
}

/// The same, whether the flag is set or not.
#[inline(always)]
pub(crate) fn checkpoint_at(location: &'static Location<'static>) -> Result<(), TimedOut> {
    answer(runtime::check_thread(location))
}

/// What a check makes of the slow path's answer.
#[inline(always)]
pub(crate) fn answer(timed_out: Option<Box<TimedOut>>) -> Result<(), TimedOut> {
    match timed_out {
        None => Ok(()),
        Some(timed_out) => Err(error(timed_out)),
    }
}

/// On this side of the slow path, which does not unwind: the test kit may panic here.
#[cold]
#[inline(never)]
fn error(timed_out: Box<TimedOut>) -> TimedOut {
    testing::note_error(&timed_out);
    *timed_out
}
