//! The request to stop, on its way from anywhere to an alarm of the worker's own thread.

use parking_lot::Mutex;

use crate::alarm::Alarm;
use crate::bell;
use crate::error::Cause;
use crate::schedule::Key;

/// Links a worker, once its thread has an alarm, with those who may ask it to stop, perhaps before it has one.
pub(super) struct Stopper(Mutex<Request>);

enum Request {
    None,
    /// Made before there was an alarm to ring.
    Early,
    /// To be made by ringing this.
    By(Key),
}

impl Stopper {
    pub(super) const fn new() -> Stopper {
        Stopper(Mutex::new(Request::None))
    }

    /// The worker's side: from here on requests ring this alarm. It stays linked when the alarm is dropped;
    /// then there is nobody left to ask, and a key without an alarm rings nothing.
    pub(super) fn link(&self, alarm: &Alarm) {
        let key = alarm.key();
        let mut request = self.0.lock();
        if let Request::Early = *request {
            bell::ring(key, Cause::Stopped);
        }
        *request = Request::By(key);
    }

    pub(super) fn stop(&self) {
        let mut request = self.0.lock();
        match *request {
            Request::None => *request = Request::Early,
            Request::Early => {}
            Request::By(key) => bell::ring(key, Cause::Stopped),
        }
    }
}
