use std::mem;

use shuttle::rand::{Rng, thread_rng};

use super::{FOREIGN, Machine, Source};
use crate::os::disposition::{Disposition, Function};

impl Machine {
    pub(crate) fn send(&mut self, source: Source) {
        if source == Source::CtrlC {
            self.is_sigint_pending = true;
        } else if !self.pending.is_empty() && !matches!(source, Source::Timer(FOREIGN, _)) {
            self.is_signal_dropped |= source == Source::Kill;
            return self
                .log(None, format_args!("{source:?} is dropped: {:?} is pending", self.pending.clone()));
        } else {
            self.pending.push(source);
            self.announce();
        }
        self.log(None, format_args!("{source:?} is sent"));
    }

    pub(crate) fn is_pending(&mut self, id: usize) -> bool {
        !self.pending.is_empty() || !self.task(id).pending.is_empty()
    }

    pub(super) fn announce(&mut self) {
        let candidates: Vec<usize> = (0..self.tasks.len()).filter(|id| self.tasks[*id].lets_in()).collect();
        self.announced = match (self.pending.len(), candidates.len()) {
            (0, _) | (_, 0) => None,
            (_, n) => Some(candidates[thread_rng().gen_range(0..n)]),
        };
    }

    pub(crate) fn send_to(&mut self, id: usize, source: Source) {
        let task = self.task(id);
        let is_dropped = match source {
            Source::Timer(..) => task.pending.contains(&source),
            _ => !task.pending.is_empty(),
        };
        if task.lives && !is_dropped {
            task.pending.push(source);
            self.log(None, format_args!("{source:?} is sent to thread {id}"));
        }
        self.is_signal_dropped |= is_dropped && source == Source::Raise;
    }

    pub(super) fn dequeue(&mut self, id: usize, all: bool) -> Option<(Source, Function)> {
        let is_announced = self.announced == Some(id);
        let task = self.task(id);
        if !task.lives || task.is_handling {
            return None;
        }
        if mem::take(&mut self.is_sigint_pending) {
            self.log(Some(id), format_args!("dequeues SIGINT"));
            return Some((Source::CtrlC, self.sigint_action.function));
        }
        let function = self.action.function;
        let task = self.task(id);
        let source = match (task.blocked, task.pending.is_empty()) {
            (true, _) => return None,
            (_, false) => task.pending.remove(0),
            _ if (is_announced || all) && !self.pending.is_empty() => {
                let source = self.pending.remove(0);
                self.announce();
                source
            }
            _ => return None,
        };
        match source {
            Source::Interval => self.interval.rearm(self.now),
            Source::Timer(id, _) if matches!(self.timers.get(id), Some(Some(_))) => {
                let now = self.now;
                self.timer(id).countdown.rearm(now);
            }
            _ => {}
        }
        self.log(Some(id), format_args!("dequeues {source:?} for {function:?}"));
        Some((source, function))
    }

    pub(super) fn enter_handler(&mut self, id: usize) {
        let task = self.task(id);
        task.blocked_on_return = mem::replace(&mut task.blocked, true);
        task.is_handling = true;
        if self.announced == Some(id) {
            self.announce();
        }
    }

    pub(super) fn leave_handler(&mut self, id: usize) {
        let task = self.task(id);
        task.blocked = task.blocked_on_return;
        task.is_handling = false;
        task.handled += 1;
        self.log(Some(id), format_args!("returns from the handler"));
        if self.announced.is_none() {
            self.announce();
        }
    }

    pub(crate) fn action_of(&mut self, signal: i32) -> &mut Disposition {
        if signal == nix::libc::SIGALRM { &mut self.action } else { &mut self.sigint_action }
    }

    pub(crate) fn set_action_of(&mut self, signal: i32, new: Disposition) -> Disposition {
        match signal {
            nix::libc::SIGALRM => self.set_action(new),
            _ => mem::replace(&mut self.sigint_action, new),
        }
    }

    pub(crate) fn set_action(&mut self, new: Disposition) -> Disposition {
        let old = mem::replace(&mut self.action, new);
        self.log(None, format_args!("sigaction: {:?} after {:?}", new.function, old.function));
        if new.function == Function::Library && mem::take(&mut self.kills_at_installation) {
            self.send(Source::Kill);
        }
        old
    }

    pub(crate) fn install_over(&mut self, function: Function) {
        self.previous = self.set_action(Disposition { function, ..Disposition::PROGRAM });
    }

    pub(crate) fn record_program_signal(&mut self, source: Source) {
        self.program_signals.push(source);
        self.log(None, format_args!("the program's handler gets {source:?}"));
    }

    pub(crate) fn take_default_action(&mut self, source: Source) {
        match &mut self.terminations {
            Some(terminations) if matches!(source, Source::Kill | Source::CtrlC) => *terminations += 1,
            _ => panic!("{source:?} takes the default action: the process ends"),
        }
    }
}
