//! Functions on a thread of their own, which can be asked to stop.
//!
//! A thread cannot be killed: it would take locks with it, and leave what it was changing half changed. So it is
//! managed by asking. A [`Worker`] has everything in it that an [`Alarm`](crate::Alarm) asks of a computation:
//! its [`checkpoint`](crate::checkpoint)s err once somebody has called [`stop`](Worker::stop), and until it has
//! heard, [`join_timeout`](Worker::join_timeout) does not wait for it longer than the caller likes.
//!
//! ```
//! use sigalarm::thread::Worker;
//! use sigalarm::{TimedOut, checkpoint};
//! use std::time::Duration;
//!
//! fn long_function() -> Result<u64, TimedOut> {
//!     for n in 0.. {
//!         checkpoint()?;
//! #       let _ = n;
//!     }
//!     unreachable!("no end to it")
//! }
//!
//! let worker = Worker::spawn(long_function)?;
//! assert!(worker.join_timeout(Duration::from_millis(10)).is_err()); // out of patience
//! worker.stop();
//! let timed_out = worker.join()?.unwrap_err();
//! println!("{timed_out}"); // was stopped after 10.132 ms at src/main.rs:7
//! # assert_eq!(timed_out.cause(), sigalarm::Cause::Stopped);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A function that never checks never stops; only a process can be ended (the feature `process`).

mod builder;
mod error;
mod panic;
mod stopper;
mod worker;

pub use builder::Builder;
pub use error::WorkerError;
pub use panic::Panic;
pub use worker::Worker;
