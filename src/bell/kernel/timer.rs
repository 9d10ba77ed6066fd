//! What the timer is told, and what is learnt from what it held.

use std::io;
use std::time::Duration;

use super::Kernel;
use crate::bell::account;
use crate::bell::foreign::FOREIGN;
use crate::bell::owner;
use crate::bell::programmed::{Programmed, Rung, Told};
use crate::error::ArmError;
use crate::os::clock;
use crate::os::itimer::{self, Setting};
use crate::time::Time;

/// A limit that may be over before a system call is, on a busy machine.
const SHORT: Duration = Duration::from_millis(1);

impl Kernel {
    /// Whether the timer must be stopped and read before it is set for `first`, by a call of its own: what is set by the
    /// call that reads it must not ring before that call is over, if what is read matters.
    ///
    /// It matters where the timer may be foreign. Taken over, a ring of it waits until the call is over, and the kernel
    /// would merge ours with it. Set over ours, it is known by the time that it holds, and the longer the call takes,
    /// handler and all, the more of other people's times can be ours. Once ours has rung, it holds none.
    pub(super) fn must_be_read_first(&self, must_ask: bool, first: Time, now: Time) -> bool {
        let matters = must_ask || self.programmed.is_some_and(|ours| ours.was_to_come(now));
        matters && first.since(now) < SHORT
    }

    /// Takes note that our ring has come, where it was the only one and nothing more is wanted: the timer is silent now.
    /// A check that errs needs no system call to know that.
    ///
    /// If it was not ours: the timer that somebody had set over ours has rung after our moment. Once, and then it is
    /// silent as well, and to ask would tell the same; or it goes on, and its next ring, which is one too many, has us ask.
    pub(super) fn note_last_ring(&mut self) {
        if self.programmed.is_some_and(|ours| ours.rings_once() && self.account.has_had(&ours)) {
            self.account.count_one();
            self.programmed = Some(Programmed::SILENT);
        }
    }

    /// Waits for the ring of the foreign timer that was given back last, if it is to come in microseconds, and says what time
    /// it is then. In the last of them the kernel would read it out as none at all, and it would be lost; a guard in a loop
    /// comes upon it there again and again.
    ///
    /// Should the thread be held up after this until those very microseconds, the timer is known by its moment alone
    /// ([`was_cut_short`](Kernel::was_cut_short)), and so would be one that the program has switched off since. So it is asked
    /// first whether it runs, by a call that leaves it as it is.
    pub(super) fn let_ring(&mut self, must_ask: bool, mut now: Time) -> Time {
        if let Some(ours) = self.programmed.filter(|_| !must_ask) {
            return past_its_ring(ours, now);
        }
        let Some(given) = self.given_back else { return now };
        // It may also be in its last microsecond, or have rung. Then there is nothing left of it after the wait.
        let is_over = given.told.may_be_met(now) && itimer::get().is_ok_and(|held| held == Setting::DISARMED);
        if is_over {
            now = clock::now();
        }
        now = past_its_ring(given.told, now);
        if is_over {
            self.given_back = None;
        }
        now
    }

    /// Sets the timer, to nothing if `first` is *never*, it being `before`; says whether a foreign timer came to light.
    ///
    /// Once more if the thread stood still in the middle of it: the less is known of our moment, the more of other people's
    /// times, should they be set over it, pass for ours.
    pub(super) fn set(
        &mut self,
        first: Time,
        interval: Duration,
        mut before: Time,
    ) -> Result<bool, ArmError> {
        const ENOUGH: usize = 3;
        let mut foreign = false;
        for _ in 0..ENOUGH {
            // What is told is to be known again to the microsecond.
            let setting = if first.is_never() {
                Setting::DISARMED
            } else {
                // Zero would disarm.
                let remaining = first.since(before).max(Duration::from_nanos(1));
                Setting { remaining, interval }.rounded()
            };
            let after;
            (foreign, after) = self.tell(setting, before).map_err(|e| ArmError::system("setitimer", e))?;
            let ours = Programmed::new(setting, before, after);
            self.programmed = Some(ours);
            if foreign || !ours.is_vague(after) {
                break;
            }
            before = clock::now();
        }
        owner::send_kept();
        Ok(foreign)
    }

    /// Tells the timer something and learns from what it held, `before` being a moment before; says whether a
    /// foreign timer came to light, and a moment after.
    fn tell(&mut self, setting: Setting, before: Time) -> io::Result<(bool, Time)> {
        let counted = account::rings();
        let held = itimer::set(setting)?;
        // At once, for what was told and what was held are known as well as the two moments are near each other.
        let after = clock::now();
        Ok((self.learn(held, counted, before, after), after))
    }

    /// Tells the timer to be silent, and learns from what it held.
    pub(super) fn silence(&mut self) -> io::Result<()> {
        let Some(ours) = self.programmed else { return Ok(()) };
        let before = past_its_ring(ours, clock::now());
        let counted = account::rings();
        let held = itimer::set(Setting::DISARMED)?;
        if ours.is_plainly_to_come(held, before) {
            let late = account::rings().wrapping_sub(counted);
            self.account.note(Rung::Times(0), counted, late);
        } else {
            self.learn(held, counted, before, clock::now());
        }
        self.programmed = Some(Programmed::SILENT);
        Ok(())
    }

    /// Learns from what the timer held between two moments, when it was told something else; so many rings had been
    /// `counted` before that. Says whether a foreign timer came to light.
    fn learn(&mut self, held: Setting, counted: usize, before: Time, after: Time) -> bool {
        let late = account::rings().wrapping_sub(counted);
        // Somebody has set it over ours, or switched it off; then it tells nothing of ours that it is silent now.
        let meddled = held == Setting::DISARMED && self.is_meddled_with(counted, before);
        let cut_short = if held == Setting::DISARMED { self.was_cut_short(before, after) } else { None };
        let told = match &self.programmed {
            Some(ours) if !meddled => ours.told_by(held, before, after),
            _ => Told::Foreign,
        };
        match told {
            Told::Ours { rung } => {
                self.account.note(rung, counted, late);
                return false;
            }
            Told::Foreign => {
                self.disturbed |= self.programmed.is_some();
                // The signal of a periodic one that holds zero is still under way. It is noted as due, below, and so
                // delivered by that; its arrival is no second one.
                let under_way = usize::from(held.remaining.is_zero() && !held.interval.is_zero());
                // Before somebody set the timer over it, ours may have rung, if its moment had come.
                let most = match self.programmed {
                    Some(ours) if !meddled && !self.account.rang_too_soon(&ours, counted) => {
                        ours.most_rings(after)
                    }
                    _ => 0,
                };
                let rung = if most > 0 { Rung::UpTo(most + under_way) } else { Rung::Times(under_way) };
                self.account.note(rung, counted, late);
            }
        }
        if held == Setting::DISARMED {
            let Some(due) = cut_short else { return FOREIGN.take().is_some() };
            FOREIGN.note(due, Duration::ZERO);
            return true;
        }
        // A periodic timer whose signal is still under way holds zero until the signal is taken.
        let known = self.given_back.and_then(|given| given.moment_of(held, before, after));
        // The kernel has cut it to microseconds, and it is not to ring early.
        let read = after.after(held.remaining + Duration::from_micros(1));
        FOREIGN.note(known.unwrap_or(read), held.interval);
        true
    }

    /// Whether the timer, which was silent when it was asked after `before`, has not become so by a ring of ours: one came
    /// too soon to be ours, or none has come that should have before that.
    fn is_meddled_with(&self, counted: usize, before: Time) -> bool {
        let Some(ours) = &self.programmed else { return false };
        self.account.rang_too_soon(ours, counted) || self.account.never_rang(ours, before)
    }

    /// The moment of that timer, if it was in its last microsecond after all when the kernel's was first asked, between two
    /// moments: the thread was held up before. (A ring that has come since our handler is in place was that one's.)
    fn was_cut_short(&self, before: Time, after: Time) -> Option<Time> {
        let given = self.given_back.filter(|_| self.programmed.is_none() && self.account.is_up_to_date())?;
        given.told.was_in_its_last(before, after).then_some(given.due)
    }
}

/// Waits for a ring that is to come in microseconds, and says what time it is then.
///
/// In the last of them the kernel would read the timer out as none at all: has it rung, or was it cut short? Who takes that
/// for a ring expects one that never comes, and where other threads might still be on their way to the handler with it, the
/// next foreign one passes for it.
fn past_its_ring(told: Programmed, mut now: Time) -> Time {
    while told.rings_about(now) {
        now = clock::now();
    }
    now
}
