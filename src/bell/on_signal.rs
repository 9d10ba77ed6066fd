//! What our handler does. Everything here is async-signal-safe.

use super::foreign::FOREIGN;
use super::{account, last_resort, owner, rouse, signals, waiters};
use crate::os::clock;
use crate::os::handler::{self, Arrival};

/// To be called before any handler of ours is put in place.
pub(super) fn prepare() {
    static ON_SIGNAL: fn(&Arrival) = on_signal;
    handler::prepare(&ON_SIGNAL);
}

/// What our signals do while an alarm lives. Async-signal-safe.
fn on_signal(arrival: &Arrival) {
    if arrival.signal() == nix::libc::SIGALRM {
        on_alarm(arrival);
    } else {
        signals::on_signal(arrival);
    }
}

/// What SIGALRM does while an alarm lives. Async-signal-safe.
///
/// A signal that waits already is not queued a second time: the timer's ring can be lost in a `kill` that came
/// just before it. So each SIGALRM rings the bell, whoever sent it, and claims the foreign timer's moment.
fn on_alarm(arrival: &Arrival) {
    // The owner's handler had it from us.
    if arrival.handed_back() > 0 {
        return owner::hand_down(arrival);
    }
    rouse();
    let now = clock::now();
    let foreign = FOREIGN.claim(now);
    let owed = owner::take_owed();
    let timers = arrival.sent_by_timer();
    // Asked in any case: whoever waits must know that what was sent to it has come.
    let ours = timers || waiters::is_ours(arrival);
    if foreign || owed || !ours {
        owner::pass_on(arrival);
    }
    if timers {
        waiters::wake_others();
        account::note_ring(now);
    }
    last_resort::act(now);
}
