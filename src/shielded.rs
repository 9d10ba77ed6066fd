//! Clean-up that enclosing limits do not stop.

use crate::runtime;

/// Runs `f`, in which this thread's checks ignore every alarm that is armed now: for clean-up after an expiry.
///
/// In `f`, checks of those alarms return `Ok`, through [`checkpoint`](crate::checkpoint), a guard, a handle and
/// [`blocking`](crate::Alarm::blocking). This includes alarms of other threads, but not checks on other threads. Alarms that `f` arms
/// work as usual, so the clean-up can have a limit. Only their [check limits](crate::AlarmBuilder::check_limit) count checks in `f`.
///
/// Deadlines pass meanwhile, watchdogs ([`abort_after`](crate::AlarmBuilder::abort_after)) end the process, and the
/// first check after `f` returns the error. Calls nest. The shield ends when `f` returns or panics. Does not block.
///
/// ```
/// use sigalarm::{Alarm, checkpoint, shielded};
/// use std::time::Duration;
///
/// let _alarm = Alarm::after(Duration::ZERO)?;
/// if checkpoint().is_err() {
///     shielded(|| {
///         let _limit = Alarm::after(Duration::from_secs(5))?; // for the clean-up alone
///         assert!(checkpoint().is_ok());
///         Ok::<_, sigalarm::ArmError>(())
///     })?;
/// }
/// # Ok::<(), sigalarm::ArmError>(())
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
