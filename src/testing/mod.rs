//! For tests of your own functions: stop them wherever they check, without waiting for a clock.
//!
//! A function that can be stopped has as many ways to fail as it has checks, and a test that waits for a real limit sees
//! one of them, another one each time. A *rehearsal* stops it at the check that it is told to; [`each_check`] at its
//! first, its second, its third … until it comes to its end, the way databases are tested for memory that runs out:
//!
//! ```
//! use sigalarm::{Alarm, TimedOut, testing};
//!
//! /// Moves everything from one list to the other, or nothing.
//! fn move_all(from: &mut Vec<u32>, to: &mut Vec<u32>, alarm: &Alarm) -> Result<(), TimedOut> {
//!     let mut moved = Vec::new();
//!     for item in from.iter() {
//!         alarm.check()?;
//!         moved.push(*item);
//!     }
//!     to.append(&mut moved);
//!     from.clear();
//!     Ok(())
//! }
//!
//! let report = testing::each_check(|attempt| {
//!     let (mut from, mut to) = (vec![1, 2, 3], vec![]);
//!     let outcome = attempt.run(|alarm| move_all(&mut from, &mut to, alarm));
//!
//!     assert_eq!(outcome.is_err(), attempt.was_stopped());
//!     assert_eq!(from.len() + to.len(), 3, "something is lost");
//!     assert!(from.is_empty() || to.is_empty(), "half the work is done");
//! });
//! assert_eq!(report.checks(), 3);
//! ```
//!
//! | you want | you write |
//! |---|---|
//! | to be stopped at each check in turn | [`each_check`], and [`EachCheck`] for every n-th, for some, for another cause |
//! | to be stopped at the n-th check | [`at_check`] |
//! | a limit that is over from the beginning | [`expired`] |
//! | no limit, and no kernel | [`never`](fn@never) |
//! | to know which checks were made | [`Rehearsal::places`], [`Report::tally`] |
//! | a clock that moves when you say so | [`Rehearsal::advance`], or [`advance`] from within |
//!
//! No feature is needed, neither in `[dependencies]` nor in `[dev-dependencies]`.
//!
//! # What is rehearsed
//!
//! While a [`Rehearsal`] lives, its thread is on a stage. **No timer is set, no handler installed, no signal sent or
//! awaited**, and nothing depends on how busy the machine is. So tests can run in parallel, each on its own thread, as
//! they do under `cargo test`; alarms of other threads are in earnest and not disturbed.
//!
//! The rehearsal is an [`Alarm`] itself (it dereferences to one), and encloses all that the thread does. So the function
//! under test need not take it: whatever asks for alarms on this thread is answered by it, and counts as a check:
//!
//! - `check`, `is_expired`, [`checkpoint`](crate::checkpoint), [`unwind_if_expired`](crate::unwind_if_expired), the
//!   checks that `#[cooperative]` puts in, those of the iterator adapters, and of [`Best::within`](crate::Best::within);
//! - of alarms that the function arms itself ([`within`](crate::within), `#[time_limit]`), and of older ones. The error
//!   names the rehearsal then and not them ([`owns`](Alarm::owns)), as with any alarm that encloses another;
//! - [`sleep`](Alarm::sleep) is two checks, one before and one on waking, and takes no time; [`blocking`](Alarm::blocking),
//!   a read or a write and [`wait`](Alarm::wait) are two or more; the join of a worker or a job is one.
//!
//! **It stays expired**, as a real one does: every later check on the way out errs as well, until somebody restarts,
//! extends or disarms it. Disarmed, it is not stopped.
//!
//! # The clock
//!
//! Alarms and tickers that are armed on the stage live by its clock, which begins at the real moment and stands still until
//! [`advance`](Rehearsal::advance) or a `sleep` moves it. [`Alarm::remaining`], [`elapsed`](Alarm::elapsed) and every
//! [`TimedOut`](crate::TimedOut) tell its time, exactly. Limits on processor time go by it too.
//!
//! ```
//! use sigalarm::{Alarm, Cause, testing};
//! use std::time::Duration;
//!
//! let rehearsal = testing::never();
//! let alarm = Alarm::after(Duration::from_secs(3600))?;
//! rehearsal.advance(Duration::from_secs(3599));
//! assert!(alarm.check().is_ok());
//! rehearsal.advance(Duration::from_secs(1));
//! assert_eq!(alarm.check().unwrap_err().elapsed(), Duration::from_secs(3600));
//! # Ok::<(), sigalarm::ArmError>(())
//! ```
//!
//! What is done in earnest takes real time, and the clock knows nothing of it: computations, calls in
//! [`blocking`](Alarm::blocking), reads and writes, children, joins. A read that would wait for ever under a limit waits
//! for ever here: have its bytes ready, or stop it before.
//!
//! # Other threads
//!
//! A rehearsal is one thread's. A thread or a [`Worker`](crate::thread::Worker) that is started in it is in earnest: what
//! it arms is real, and its [`checkpoint`](crate::checkpoint) does not count. But where it checks an alarm that was armed
//! in the rehearsal, through `&Alarm`, or has [`enter`](Alarm::enter)ed it, it rehearses too: its check counts, in the
//! order in which the checks come, and errs from the stop on. Which thread's check is the n-th may then differ from run to
//! run. A forked child, a job for one, is in earnest as well; what it has inherited of a rehearsal is inert.
//!
//! # Limits
//!
//! - `Builder::ring_on`, `abort_after` and `audit` do nothing in a rehearsal, for they need signals. What a function does
//!   when a signal stops it is tested with [`Rehearsal::cause`].
//! - While anybody rehearses, every check of the process takes the slow path: some tens of nanoseconds. It takes a note of
//!   each check that it counts, of 8 bytes.
//! - An alarm that outlives the rehearsal in which it was armed is inert.

mod attempt;
mod each_check;
mod rehearsal;
mod report;
mod stop;

pub use attempt::Attempt;
pub use each_check::{EachCheck, each_check};
pub use rehearsal::{Rehearsal, advance, at_check, expired, never};
pub use report::{Divergence, Report};
pub use stop::Stop;

#[cfg(doc)]
use crate::Alarm;
