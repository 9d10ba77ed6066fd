//! A test kit, which stops a function at any of its checks, without a clock.
//!
//! ```
//! sigalarm::testing::each_check(|attempt| {
//!     let (mut from, mut to) = (vec![1, 2, 3], vec![]);
//!     let _ = attempt.run(|alarm| {
//!         from.iter().try_for_each(|_| alarm.check())?;
//!         Ok::<_, sigalarm::TimedOut>(to.append(&mut from))
//!     });
//!     assert!(from.len() == 3 || to.len() == 3, "half the work is done");
//! });
//! ```
//!
//! A [`TestAlarm`] sets no timer. It counts its own checks, those of alarms that its thread arms later, and all checks
//! of a thread that has [entered](crate::Alarm::enter) it. Calls that wait make these checks, and one more after each
//! wake-up:
//!
//! - [`sleep`](crate::Alarm::sleep): three; two for a time of zero
//! - [`blocking`](crate::Alarm::blocking), a read, a write, [`wait`](crate::Alarm::wait) for a running child: two
//! - a join of a running worker or job: one

use std::panic::{self, AssertUnwindSafe};
use std::thread;

mod each_check;
mod record;
mod test_alarm;

pub use each_check::{Attempt, EachCheck, each_check};
pub use record::{Divergence, Report, Stop};
pub(crate) use record::{Record, note_error};
pub use test_alarm::{TestAlarm, at_check, expired, never};

/// Prints a line if the thread unwinds. `eprintln!` panics if the write fails, and would then abort the process.
fn report_if_panicking(line: impl FnOnce() -> String) {
    if thread::panicking() {
        let _ = panic::catch_unwind(AssertUnwindSafe(|| eprintln!("sigalarm: {}", line())));
    }
}
