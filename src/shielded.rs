//! Code in which the enclosing limits do not stop anything.

use crate::runtime;

/// Runs `f` with the checks of this thread passing over the alarms that are armed now: for clean-up after an expiry, which
/// calls functions that check.
///
/// Inside, checks of those alarms are `Ok`, by [`checkpoint`](crate::checkpoint), through a guard, through a handle and in
/// [`blocking`](crate::Alarm::blocking). That goes for the alarms of other threads as well, and for this thread only. Alarms
/// that are armed inside work as ever, so that clean-up can have a limit of its own. Checks inside count for the
/// [budgets](crate::AlarmBuilder::check_limit) of those alarms only.
///
/// Nothing is postponed: deadlines pass, watchdogs ([`abort_after`](crate::AlarmBuilder::abort_after)) end the process, flags are
/// set, and the first check afterwards returns the error. Calls nest. After a panic the shield is gone. Costs two uncontended
/// locks; does not block.
///
/// # Examples
///
/// ```
/// use sigalarm::{Alarm, TimedOut, checkpoint, shielded};
/// use std::time::Duration;
///
/// /// Takes every transfer back, and checks as it goes.
/// fn roll_back(transfers: &mut Vec<u32>) -> Result<(), TimedOut> {
///     while transfers.pop().is_some() {
///         checkpoint()?;
///     }
///     Ok(())
/// }
///
/// let mut transfers = vec![1, 2, 3];
/// let _alarm = Alarm::after(Duration::ZERO)?;
/// if checkpoint().is_err() {
///     shielded(|| {
///         let _limit = Alarm::after(Duration::from_secs(5))?; // for the clean-up alone
///         Ok::<_, Box<dyn std::error::Error>>(roll_back(&mut transfers)?)
///     })?;
/// }
/// assert!(transfers.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn shielded<T>(f: impl FnOnce() -> T) -> T {
    struct Lower(runtime::Shield);

    impl Drop for Lower {
        fn drop(&mut self) {
            runtime::lower(&self.0);
        }
    }

    let _lower = Lower(runtime::shield());
    f()
}
