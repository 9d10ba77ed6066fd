//! Functions on a thread of their own, with a request to stop.
//!
//! Rust cannot end a thread from outside. A [`Worker`] stops at a check: after [`stop`](Worker::stop) the worker's
//! [`checkpoint`](crate::checkpoint)s return an error. A function without checks runs to its end; jobs (feature `process`) can be
//! killed.
//!
//! ```
//! use sigalarm::thread::Worker;
//! use sigalarm::{Cause, TimedOut, checkpoint};
//! use std::time::Duration;
//!
//! fn long_function() -> TimedOut {
//!     loop {
//!         if let Err(e) = checkpoint() {
//!             return e;
//!         }
//!     }
//! }
//!
//! let worker = Worker::spawn(long_function)?;
//! assert!(worker.join_timeout(Duration::from_millis(10)).is_err());
//! worker.stop();
//! assert_eq!(worker.join()?.cause(), Cause::Stopped);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod builder;
mod error;
mod panic;
mod stopper;
mod worker;

pub use builder::Builder;
pub use error::WorkerError;
pub use panic::Panic;
pub use worker::Worker;
