//! Clean-up that enclosing limits do not stop.

use crate::runtime;

/// Runs `f`, in which this thread's checks ignore every alarm that is armed now: for clean-up after an expiry.
///
/// This includes alarms of other threads, checks through a handle, and [`blocking`](crate::Alarm::blocking). Alarms that
/// `f` arms work as usual, so the clean-up can have a limit. Their [`check_limit`](crate::AlarmBuilder::check_limit) alone
/// counts checks in `f`.
///
/// Deadlines pass meanwhile, watchdogs ([`abort_after`](crate::AlarmBuilder::abort_after)) end the process, and the first
/// check after `f` returns the error. Calls nest. A panic ends the shield. Does not block.
///
/// ```
/// use sigalarm::{Alarm, checkpoint, shielded};
/// let _alarm = Alarm::after(std::time::Duration::ZERO)?;
/// assert!(checkpoint().is_err());
/// shielded(|| assert!(checkpoint().is_ok())); // the clean-up
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
