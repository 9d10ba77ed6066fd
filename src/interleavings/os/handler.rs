use std::cell::Cell;

use once_cell::race::OnceRef;

use super::disposition::{Disposition, Function};
use super::machine::{Source, call, chance, choose, machine, me, pause, step};
pub(crate) use super::signal::Sender;

static ON_SIGNAL: OnceRef<'static, fn(&Arrival)> = OnceRef::new();

pub(crate) fn prepare(on_signal: &'static fn(&Arrival)) {
    let _ = ON_SIGNAL.set(on_signal);
}

pub(super) fn run(function: Function, arrival: &Arrival) {
    step();
    match function {
        Function::Default => {}
        Function::Program => machine().record_program_signal(arrival.source),
        Function::Over => {
            let found = machine().previous;
            run(found.function, arrival);
        }
        Function::OverByRaise => {
            let found = machine().previous;
            let _ = found.install_for(nix::libc::SIGALRM);
            arrival.send_again(Sender::Raise);
        }
        Function::Library => {
            if let Some(on_signal) = ON_SIGNAL.get() {
                on_signal(arrival);
            }
        }
    }
}

pub(crate) struct Arrival {
    source: Source,
    forwarding: Cell<usize>,
}

pub(crate) const CAN_BLOCK_ON_RETURN: bool = true;

impl Arrival {
    pub(super) fn new(source: Source) -> Arrival {
        Arrival { source, forwarding: Cell::new(0) }
    }

    pub(crate) fn signal(&self) -> i32 {
        if self.source == Source::CtrlC { nix::libc::SIGINT } else { nix::libc::SIGALRM }
    }

    pub(crate) fn sender(&self) -> Sender {
        match self.source {
            Source::Timer(_, value) => Sender::Timer(value),
            Source::Interval => Sender::Interval,
            Source::Raise => Sender::Raise,
            Source::Kill | Source::CtrlC => Sender::Other,
        }
    }

    pub(crate) fn unfinished_deliveries(&self) -> usize {
        self.forwarding.get()
    }

    pub(crate) fn deliver_to(&self, previous: &Disposition) {
        self.forwarding.set(self.forwarding.get() + 1);
        run(previous.function, self);
        self.forwarding.set(self.forwarding.get() - 1);
    }

    pub(crate) fn is_from_kernel(&self) -> bool {
        true
    }

    pub(crate) fn in_place(&self) -> Option<Disposition> {
        // A long preemption, which the random scheduler seldom produces.
        let stop = || (0..if chance(2) { choose(150) } else { 0 }).for_each(|_| pause());
        stop();
        let in_place = Disposition::current_of(self.signal()).ok();
        stop();
        in_place
    }

    pub(crate) fn take_default_action(&self) {
        machine().take_default_action(self.source);
    }

    pub(crate) fn send_again(&self, sender: Sender) {
        call(|machine, me| match sender {
            Sender::Raise => machine.send_to(me, Source::Raise),
            _ => machine.send(self.source),
        });
    }

    pub(crate) fn is_in_place(&self, disposition: &Disposition) -> bool {
        Disposition::current_of(self.signal()).is_ok_and(|current| current.function == disposition.function)
    }

    pub(crate) fn can_block_on_return(&self) -> bool {
        true
    }

    pub(crate) fn block_on_return(&self) {
        machine().task(me()).blocked_on_return = true;
    }
}
