//! Tests of functions that check: stops a function at any check, without a clock.
//!
//! ```
//! use sigalarm::{TimedOut, checkpoint, testing};
//!
//! fn move_all(from: &mut Vec<u32>, to: &mut Vec<u32>) -> Result<(), TimedOut> {
//!     from.iter().try_for_each(|_| checkpoint())?;
//!     Ok(to.append(from))
//! }
//!
//! testing::each_check(|attempt| {
//!     let (mut from, mut to) = (vec![1, 2, 3], vec![]);
//!     let _ = attempt.run(|_| move_all(&mut from, &mut to));
//!     assert!(from.len() == 3 || to.len() == 3, "half the work is done");
//! });
//! ```
//!
//! # What counts as a check
//!
//! A [`TestAlarm`] is an [`Alarm`] with a budget of checks. It encloses the alarms that its thread arms later. These count:
//!
//! - Each check of the test alarm and of alarms inside it.
//! - [`sleep`](Alarm::sleep): three checks, for a time of zero two. [`blocking`](Alarm::blocking), a read, a write, and
//!   [`wait`](Alarm::wait) for a running child: two. A join of a running worker or job: one. Each wake-up: one more.
//! - Checks of the test alarm on other threads, and all checks of a thread that has [`enter`](Alarm::enter)ed it.
//!
//! # Limits
//!
//! - A test alarm sets no timer. The alarms and waits of the function under test take real time.
//! - After the stop each check errs, until a `restart`, `extend` or `disarm`. The function is not stopped again.
//! - While a test alarm lives, each check of the process takes the slow path. Each counted check takes 8 bytes of memory.

mod each_check;
mod report;
mod test_alarm;

pub use each_check::{Attempt, EachCheck, each_check};
pub use report::{Divergence, Report};
pub(crate) use test_alarm::note_error;
pub use test_alarm::{Stop, TestAlarm, at_check, expired, never};

#[cfg(doc)]
use crate::Alarm;
