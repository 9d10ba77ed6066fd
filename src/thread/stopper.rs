//! The request to stop, from any thread to the worker.

use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::error::{ArmError, Cause};
use crate::not_send::NotSend;
use crate::runtime::{self, Due, Plan};
use crate::schedule::Key;

/// A request may come before the worker's thread starts.
pub(super) struct Stopper(Mutex<Request>);

enum Request {
    None,
    /// Requested before the worker armed its alarm.
    Early,
    /// A request rings this alarm.
    Rings(Key),
}

/// An alarm without a deadline that encloses everything on the worker's thread.
pub(super) struct StopAlarm {
    key: Key,
    not_send: NotSend,
}

impl StopAlarm {
    pub(super) fn arm(label: Option<Arc<str>>) -> Result<StopAlarm, ArmError> {
        Ok(StopAlarm {
            key: runtime::arm(Plan { label: label.as_ref(), ..Plan::new(Due::Never, Location::caller()) })?,
            not_send: PhantomData,
        })
    }
}

impl Drop for StopAlarm {
    fn drop(&mut self) {
        let _ = runtime::release(self.key);
    }
}

impl Stopper {
    pub(super) const fn new() -> Stopper {
        Stopper(Mutex::new(Request::None))
    }

    /// Rings the alarm at each request, also an earlier one. After the alarm's drop, a request does nothing.
    pub(super) fn link(&self, alarm: &StopAlarm) {
        let key = alarm.key;
        let mut request = self.0.lock();
        if let Request::Early = *request {
            let _ = runtime::ring(key, Cause::Stopped);
        }
        *request = Request::Rings(key);
    }

    pub(super) fn stop(&self) {
        let mut request = self.0.lock();
        match *request {
            Request::None => *request = Request::Early,
            Request::Early => {}
            Request::Rings(key) => _ = runtime::ring(key, Cause::Stopped),
        }
    }
}
