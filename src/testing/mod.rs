//! Tests of your own functions: stops them at any check, without waiting for a clock.
//!
//! [`each_check`] stops a function at its first check, then at its second, and so on until it completes:
//!
//! ```
//! use sigalarm::{Alarm, TimedOut, testing};
//!
//! fn move_all(from: &mut Vec<u32>, to: &mut Vec<u32>, alarm: &Alarm) -> Result<(), TimedOut> {
//!     from.iter().try_for_each(|_| alarm.check())?;
//!     Ok(to.append(from))
//! }
//!
//! let report = testing::each_check(|attempt| {
//!     let (mut from, mut to) = (vec![1, 2, 3], vec![]);
//!     let outcome = attempt.run(|alarm| move_all(&mut from, &mut to, alarm));
//!     assert_eq!(outcome.is_err(), attempt.was_stopped());
//!     assert!(from.len() == 3 || to.len() == 3, "half the work is done");
//! });
//! assert_eq!(report.checks(), 3);
//! ```
//!
//! [`at_check`] stops at one check, [`expired`] before the first, and [`never`](fn@never) only records. No feature is
//! needed, neither in `[dependencies]` nor in `[dev-dependencies]`.
//!
//! # What counts as a check
//!
//! A [`TestAlarm`] is an [`Alarm`] with a budget of checks. It encloses the alarms that its thread arms after it, and the
//! error names it and not them. The function under test need not take it. These count, in the order in which they come:
//!
//! - `check`, `is_expired`, [`checkpoint`](crate::checkpoint()), [`unwind_if_expired`](crate::unwind_if_expired), and the
//!   checks of `#[cooperative]`, of the iterator adapters and of [`Best::within`](crate::Best::within), of the test alarm
//!   and of alarms inside it.
//! - [`sleep`](Alarm::sleep): three checks, and two for a time of zero. [`blocking`](Alarm::blocking), a read, a write,
//!   and [`wait`](Alarm::wait) for a child that still runs: two. The join of a worker or a job that still runs: one. Each
//!   time that such a call is woken it checks once more.
//! - The checks of the test alarm that other threads make through `&Alarm`, and all checks of a thread that has
//!   [`enter`](Alarm::enter)ed it. A checkpoint of another thread, a worker or a forked child does not count, nor does a
//!   check of an alarm that is older than the test alarm.
//!
//! # Limits
//!
//! - A test alarm installs no handler and sets no timer. What the function does is real: the alarms that it arms, the
//!   calls that wait, and the time that they take.
//! - A stop lasts: later checks err as well until a `restart`, `extend` or `disarm`. It comes once: a restart does not
//!   renew the budget, and an alarm that is disarmed at that check is not stopped.
//! - While a test alarm lives, every check of the process takes the slow path. Each counted check is recorded in 8 bytes.

mod each_check;
mod report;
mod test_alarm;

pub use each_check::{Attempt, EachCheck, each_check};
pub use report::{Divergence, Report};
pub(crate) use test_alarm::note_error;
pub use test_alarm::{Stop, TestAlarm, at_check, expired, never};

#[cfg(doc)]
use crate::Alarm;
