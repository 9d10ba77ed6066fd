//! What the handler does. Everything here is async-signal-safe.

use nix::libc;

use super::previous_handler::previous_of;
use super::shared::SHARED;
use super::{record, ring_signals, set_flags};
use crate::os::atomic::Ordering;
use crate::os::handler::{self, Arrival, Sender};

pub(super) fn prepare() {
    static ON_SIGNAL: fn(&Arrival) = on_signal;
    handler::prepare(&ON_SIGNAL);
}

fn on_signal(arrival: &Arrival) {
    if arrival.signal() == libc::SIGALRM {
        on_alarm(arrival);
    } else {
        ring_signals::on_signal(arrival);
    }
}

/// Sets the flag at every SIGALRM, even at one from `kill`, because the kernel may have merged the interval timer's signal with
/// that one. The next check reads the clock to find what is due.
fn on_alarm(arrival: &Arrival) {
    if arrival.unfinished_deliveries() > 0 {
        return previous_of(libc::SIGALRM).forward_back(arrival);
    }
    let sender = arrival.sender();
    // The expiry is noted first, so a check that finds the flag set also finds the note.
    let is_the_librarys = match sender {
        Sender::Timer(value) => record::on_timer(value),
        Sender::Interval => SHARED.expiries.handle(),
        Sender::Raise | Sender::Other => false,
    };
    set_flags();
    if is_the_librarys {
        return;
    }
    // A handler that was installed over the library's may receive a library timer's signal. It may then forward the signal: it
    // restores the library's handler and calls `raise`. So a `raise` takes no default action while an expiry is unhandled.
    let may_be_the_librarys = sender == Sender::Raise && record::handle_missed_expiry();
    if record::block_again_and_resend(arrival, sender) {
        return;
    }
    if previous_of(libc::SIGALRM).forward(arrival, !may_be_the_librarys) {
        SHARED.must_reinstall.store(true, Ordering::SeqCst);
    }
}
