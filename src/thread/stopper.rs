//! The request to stop, from any thread to the worker's thread.

use std::marker::PhantomData;
use std::panic::Location;
use std::sync::{Arc, MutexGuard};

use parking_lot::Mutex;

use crate::error::{ArmError, Cause};
use crate::runtime::{self, Due, Plan};
use crate::schedule::Key;

/// The request to stop, which may precede the start of the worker's thread.
pub(super) struct Stopper(Mutex<Request>);

enum Request {
    None,
    /// Requested before the worker's thread has armed its alarm.
    Early,
    /// A request rings this alarm.
    Rings(Key),
}

/// The alarm that a request rings. It has no deadline and encloses everything on the worker's thread.
pub(super) struct StopAlarm {
    key: Key,
    /// `StopAlarm` is not `Send`.
    stays: PhantomData<MutexGuard<'static, ()>>,
}

impl StopAlarm {
    pub(super) fn arm(label: Option<Arc<str>>) -> Result<StopAlarm, ArmError> {
        Ok(StopAlarm {
            key: runtime::arm(Plan { label: label.as_ref(), ..Plan::new(Due::Never, Location::caller()) })?,
            stays: PhantomData,
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

    /// Makes requests ring this alarm, with a request that is already made. After the alarm's drop a request does nothing.
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
