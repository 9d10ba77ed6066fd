//! What the machine calls.

use once_cell::race::OnceRef;

use super::disposition::{Disposition, Function};
use super::machine::{From, chance, choose, machine, pause};

static ON_ALARM: OnceRef<'static, fn(&Arrival)> = OnceRef::new();

pub(crate) fn prepare(on_alarm: &'static fn(&Arrival)) {
    let _ = ON_ALARM.set(on_alarm);
}

pub(super) fn run(arrival: &Arrival) {
    if let Some(on_alarm) = ON_ALARM.get() {
        on_alarm(arrival);
    }
}

pub(crate) struct Arrival(From);

impl Arrival {
    pub(super) fn new(from: From) -> Arrival {
        Arrival(from)
    }

    pub(crate) fn signal(&self) -> nix::libc::c_int {
        nix::libc::SIGALRM
    }

    pub(crate) fn sent_by_timer(&self) -> bool {
        self.0 == From::Timer
    }

    pub(crate) fn sent_to_thread(&self) -> bool {
        self.0 == From::Thread
    }

    /// No handler of this program's hands anything on.
    pub(crate) fn handed_back(&self) -> usize {
        0
    }

    pub(crate) fn is_somebody_elses(&self) -> bool {
        // A processor may be taken away around a system call, and more may happen meanwhile than chance gives time for.
        let hold_up = || (0..if chance(2) { choose(150) } else { 0 }).for_each(|_| pause());
        hold_up();
        let is = Disposition::current().is_ok_and(|current| current.function == Function::Owners);
        hold_up();
        is
    }

    pub(crate) fn deliver_to(&self, owner: &Disposition) {
        match owner.function {
            Function::Default => {
                panic!("SIGALRM ({:?}) was handed to the default action: the process is dead", self.0)
            }
            Function::Ignore => {}
            Function::Ours => panic!("SIGALRM ({:?}) was handed to ourselves", self.0),
            Function::Owners => machine().give_owner(self.0),
        }
    }
}
