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
//! A [`TestAlarm`] sets no timer. It encloses the alarms that its thread arms later, and counts as checks:
//!
//! - each check of these alarms and of its own, also on other threads, and all checks of a thread that has entered it;
//! - [`sleep`](crate::Alarm::sleep): three, for a time of zero two; [`blocking`](crate::Alarm::blocking), a read, a write,
//!   [`wait`](crate::Alarm::wait) for a running child: two; a join of a running worker or job: one; each wake-up: one more.

mod each_check;
mod record;
mod test_alarm;

pub use each_check::{Attempt, EachCheck, each_check};
pub use record::{Divergence, Report, Stop};
pub(crate) use record::{Record, note_error};
pub use test_alarm::{TestAlarm, at_check, expired, never};
