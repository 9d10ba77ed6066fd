//! Functions on their own threads, which can be asked to stop.
//!
//! A function that makes no checks cannot be stopped. As a job (feature `process`) it can be killed.
//! ```
//! use sigalarm::{checkpoint, thread::Worker};
//! let worker = Worker::spawn(|| while checkpoint().is_ok() {}).unwrap();
//! assert!(worker.join_timeout(std::time::Duration::from_millis(10)).is_err());
//! worker.stop();
//! worker.join().unwrap();
//! ```

mod error;
mod worker;

pub use error::{Panic, WorkerError};
pub use worker::{Builder, Worker};
