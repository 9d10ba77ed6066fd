//! The request to stop, on its way from anywhere to the worker's own thread.

use std::marker::PhantomData;
use std::panic::Location;
use std::sync::{Arc, MutexGuard};

use parking_lot::Mutex;

use crate::error::{ArmError, Cause};
use crate::runtime::{self, Due, Plan};
use crate::schedule::Key;

/// Links a worker, once its thread can be reached, with those who may ask it to stop, perhaps before.
pub(super) struct Stopper(Mutex<Request>);

enum Request {
    None,
    /// Made before there was anything to ring.
    Early,
    /// To be made by ringing this.
    By(Key),
}

/// What a request rings: an alarm around all that the worker's thread does, without a deadline.
pub(super) struct Standby {
    key: Key,
    /// It belongs to its thread.
    stays: PhantomData<MutexGuard<'static, ()>>,
}

impl Standby {
    pub(super) fn begin(label: Option<Arc<str>>) -> Result<Standby, ArmError> {
        Ok(Standby {
            key: runtime::arm(Plan { label: label.as_ref(), ..Plan::new(Due::Never, Location::caller()) })?,
            stays: PhantomData,
        })
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        let _ = runtime::release(self.key);
    }
}

impl Stopper {
    pub(super) const fn new() -> Stopper {
        Stopper(Mutex::new(Request::None))
    }

    /// The worker's side: from here on requests ring this. It stays linked when it is gone; then there is nobody left
    /// to ask, and a key that names nothing rings nothing.
    pub(super) fn link(&self, standby: &Standby) {
        let key = standby.key;
        let mut request = self.0.lock();
        if let Request::Early = *request {
            let _ = runtime::ring(key, Cause::Stopped);
        }
        *request = Request::By(key);
    }

    pub(super) fn stop(&self) {
        let mut request = self.0.lock();
        match *request {
            Request::None => *request = Request::Early,
            Request::Early => {}
            Request::By(key) => _ = runtime::ring(key, Cause::Stopped),
        }
    }
}
