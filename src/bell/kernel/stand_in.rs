//! Our handler stands in for the program's; and goes, and leaves the process as it was found.

use std::io;
use std::mem;
use std::time::Duration;

use super::Kernel;
use crate::bell::account;
use crate::bell::foreign::FOREIGN;
use crate::bell::given_back::GivenBack;
use crate::bell::programmed::Programmed;
use crate::bell::signals::Signals;
use crate::bell::{owner, waiters};
use crate::error::ArmError;
use crate::os::disposition::{Disposition, Manner};
use crate::os::itimer::{self, Setting};
use crate::os::{clock, pending, threads};

impl Kernel {
    /// Puts our handler in place, unless it is, or the process is to be left as it was found.
    pub(in crate::bell) fn stand_in(&mut self) -> Result<(), ArmError> {
        if self.suspended > 0 { Ok(()) } else { self.engage() }
    }

    /// Puts our handler in place, unless it is.
    pub(super) fn engage(&mut self) -> Result<(), ArmError> {
        if self.found.is_some() {
            return Ok(());
        }
        // From `install_ours` on our handler runs, and the call's answer says for whom it stands in. A signal
        // for the owner that comes in between is noted by the handler and sent again by `announce`.
        let known = owner::forget();
        let rings = account::rings();
        let found = match Disposition::install_ours(Manner::USUAL) {
            Ok(found) => found,
            Err(e) => {
                owner::announce(known, known);
                return Err(ArmError::system("sigaction", e));
            }
        };
        // Ours, because it could not be put away: what it stands for was found then.
        let left_behind = mem::take(&mut self.left_behind) && found.is_ours();
        let found = match known {
            Some(known) if left_behind => known,
            _ => owner::kept_for_good(&mut self.owners, &found),
        };
        if left_behind {
            // What has come meanwhile was the foreign timer's, and was handed on.
            self.account.pass_over(account::rings());
        } else if owner::has_left_under(found) {
            // It may have handed rings on to ours meanwhile, which were not ours.
            self.account.pass_over(rings);
        }
        // Our own handler, put back by somebody who had once found it there: it stands for whom it stood for.
        let owner = if found.is_ours() { known } else { Some(found) };
        self.found = Some(found);
        self.manner = Manner::USUAL;
        // Before anything is handed on to it. If that is refused, it goes on as it is, and the caller hears of it.
        let manner = owner.map_or(Manner::USUAL, Manner::in_front_of);
        let suited = if manner == self.manner { Ok(None) } else { self.change_manner(manner) };
        owner::announce(suited.as_ref().map_or(owner, |other| other.or(owner)), known);
        waiters::speak();
        suited.map(drop)
    }

    /// Leaves the process as it was found. If the kernel refuses, our handler stays where it is, which is
    /// harmless; the default action in its place, with our timer running, would not be.
    pub(in crate::bell) fn disengage(&mut self) {
        let Some(found) = self.found else { return };
        // In this order. No ring after this line:
        if self.silence().is_err() {
            return;
        }
        // None on its way to a thread that waits after this one.
        if !waiters::hush() {
            return self.stay();
        }
        // None waiting after this one. (One that another thread has taken and not yet handled calls our
        // handler, not the owner's: the kernel chose it when the signal was taken.)
        if self.account.is_any_under_way() {
            match pending::take() {
                Ok(pending::Taken::Nothing) => {}
                Ok(pending::Taken::Timers) => self.account.take_one(),
                Ok(pending::Taken::Sent | pending::Taken::FromHere) => owner::keep(),
                Err(_) => return self.stay(),
            }
            // A thread that is alone has nothing under way now, whether it lets SIGALRM in or not. What still seemed to
            // be would swallow a foreign ring that waits behind the mask when the next guard lets it in.
            if self.account.is_any_under_way() && threads::alone() {
                self.account.nothing_under_way();
            }
            // One that was sent again may have been merged with what was taken.
            if owner::take_owed() {
                owner::keep();
            }
        }
        // So that the owner cannot be hit by it:
        self.left_behind = self.restore(found).is_err();
        self.given_back = FOREIGN.take().map(|(due, period)| {
            if self.left_behind {
                // Its signals still come to our handler, which is to hand them on.
                FOREIGN.note(due, period);
            }
            // Overdue, it rings at once. Zero would disarm.
            let before = clock::now();
            let remaining = due.since(before).max(Duration::from_nanos(1));
            let setting = Setting { remaining, interval: period }.in_micros();
            let _ = itimer::set(setting);
            GivenBack { due, period, told: Programmed::new(setting, before, clock::now()) }
        });
        self.found = None;
        self.behind = None;
        self.programmed = None;
        self.disturbed = false;
        owner::send_kept();
    }

    /// Our handler is to stay where it is for now, and goes on to stand for the foreign timer.
    fn stay(&mut self) {
        waiters::speak();
        let due = FOREIGN.due();
        if !due.is_never() {
            let _ = self.set(due, FOREIGN.period(), clock::now());
        }
    }

    /// Puts back the disposition that our handler stood in front of, unless somebody has replaced ours.
    pub(super) fn restore(&mut self, found: &'static Disposition) -> io::Result<()> {
        // The owner, and not `found`: it may have been good for one signal and have had it. Unless `found` is
        // our own handler, which somebody had left here.
        let owner = if found.is_ours() { Some(found) } else { owner::known() };
        let Some(owner) = owner else { return Ok(()) };
        if self.disturbed {
            match Disposition::current() {
                Ok(current) if current.is_ours() => {}
                Ok(current) => {
                    self.leave_under(&current);
                    return Ok(());
                }
                Err(_) => return Ok(()),
            }
        }
        // One call that puts ours away and tells whether it was ours. Where it was not, theirs is put back at
        // once. A SIGALRM in between goes to the owner instead; it can only come from a `kill`, since the
        // timer stands still, and only where somebody replaced the handler without ever setting the timer.
        let replaced = owner.install()?;
        if replaced.is_ours() {
            owner::put_back();
        } else {
            let _ = replaced.install();
            self.leave_under(&replaced);
        }
        Ok(())
    }

    /// Leaves our handler under somebody's, who may hand on to it what he gets.
    pub(super) fn leave_under(&mut self, over: &Disposition) {
        owner::leave_under(owner::kept_for_good(&mut self.owners, over));
    }

    /// Lets a system call that a ring interrupts go on, or fail with EINTR: where a thread waits for that, and where
    /// the program has a timer and a handler of its own that count on it.
    pub(super) fn choose_restart(&mut self, signals: &Signals) -> Result<(), ArmError> {
        let theirs = !FOREIGN.due().is_never() && owner::known().is_some_and(Disposition::interrupts);
        let restart = self.waiting == 0 && !theirs;
        if restart == self.manner.restart {
            return Ok(());
        }
        let manner = Manner { restart, ..self.manner };
        // As in `engage`: whose it is that comes from here on is known when it is known who stands where.
        let known = owner::hold();
        let changed = self.change_manner(manner);
        owner::announce(changed.as_ref().map_or(known, |other| other.or(known)), known);
        changed?;
        signals.choose_restart(restart);
        Ok(())
    }

    /// Has our handler, which is in place or under somebody's, run in another manner from now on. Says who is the owner, if
    /// that is another one now.
    fn change_manner(&mut self, manner: Manner) -> Result<Option<&'static Disposition>, ArmError> {
        let replaced = Disposition::install_ours(manner).map_err(|e| ArmError::system("sigaction", e))?;
        self.manner = manner;
        Ok(self.stand_where_we_should(&replaced))
    }

    /// Our handler has been installed anew, over `replaced`. If that was somebody's, it is put over ours again, unless a
    /// thread waits, whom it may keep waiting: then ours stands in front of it for so long, and it is the owner.
    fn stand_where_we_should(&mut self, replaced: &Disposition) -> Option<&'static Disposition> {
        match self.behind.take() {
            // Nobody waits any more.
            Some(theirs) if replaced.is_ours() => Kernel::step_back(theirs, replaced),
            _ if !replaced.is_ours() && self.waiting > 0 => Some(self.step_in_front_of(replaced)),
            _ => {
                if !replaced.is_ours() {
                    let _ = replaced.install();
                }
                None
            }
        }
    }

    fn step_in_front_of(&mut self, replaced: &Disposition) -> &'static Disposition {
        let theirs = owner::kept_for_good(&mut self.owners, replaced);
        owner::leave_under(theirs);
        self.behind = Some(theirs);
        let manner = Manner { restart: self.manner.restart, ..Manner::in_front_of(theirs) };
        // If that is refused, it runs in the manner that it has.
        if manner != self.manner && Disposition::install_ours(manner).is_ok() {
            self.manner = manner;
        }
        theirs
    }

    /// Theirs is over ours again. Unless they have put ours back meanwhile, which had SA_RESTART when they found it: then
    /// they are gone.
    fn step_back(theirs: &'static Disposition, replaced: &Disposition) -> Option<&'static Disposition> {
        let back = !replaced.interrupts() || theirs.install().is_ok();
        if back { owner::beneath() } else { None }
    }
}
