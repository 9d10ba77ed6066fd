//! The rest of the program: its handler, mask and timer, and the SIGALRMs that it must receive.

use std::time::{Duration, Instant};

use super::naive::Span;
use super::tally::Tally;
use crate::alarms::LATE;
use crate::process::{self, counted};
use nix::libc::{SA_NODEFER, SA_RESTART, SA_SIGINFO, SIG_IGN, SIGALRM, SIGUSR2};

/// The kernel's rounding of a time. Closer timers cannot be distinguished.
const ROUNDING: Duration = Duration::from_micros(5);

/// How early a restored timer may be, since it may be taken for a close one.
const EARLY: Duration = Duration::from_micros(20);

/// How late a guard or a busy machine may make a timer.
const BUSY: Duration = Duration::from_secs(2);

pub struct World {
    tally: &'static Tally,
    /// SIGALRMs arrive continuously, so they cannot be counted.
    stormy: bool,
    ignores: bool,
    pub blocked: bool,
    timer: Option<Timer>,
    /// A timer may have been found late, and may still run.
    unsure: bool,
    /// Signals sent since the timer was set cannot be distinguished from its expiry.
    vague: bool,
    /// The most that may have been delivered to the program's handler.
    most: usize,
    /// At least one signal is pending until SIGALRM is unblocked.
    kept: bool,
    /// The process has started its first thread under an armed guard: one expiry of the program's timer may be lost.
    may_lose_one: Option<bool>,
    /// Signals delivered when SIGALRM was blocked.
    when_blocked: usize,
    /// The disposition that must be in place without a guard.
    found: process::State,
}

#[derive(Clone, Copy, Debug)]
pub struct Timer {
    due: Span,
    period: Duration,
    /// Signals delivered before the timer expired.
    before: usize,
    /// Whether the timer must expire: it was not due in the microsecond in which the kernel hides it.
    sure: bool,
}

impl World {
    pub fn new(tally: &'static Tally, stormy: bool) -> World {
        process::set_action(process::counting(), SA_RESTART, &[]);
        let found = process::state();
        World {
            tally,
            stormy,
            ignores: false,
            blocked: false,
            timer: None,
            unsure: false,
            vague: false,
            most: counted(),
            kept: false,
            may_lose_one: None,
            when_blocked: 0,
            found,
        }
    }

    /// Needs no armed guard, no kept signal and no running timer.
    pub fn set_action(&mut self, which: usize) {
        if self.timer.is_some() || self.unsure || self.blocked {
            return;
        }
        match which {
            0 => process::set_action(process::counting(), SA_RESTART, &[]),
            1 => process::set_action(process::counting_info(), SA_SIGINFO, &[SIGUSR2]),
            // In a storm the handler would nest until the stack is full, with or without a guard.
            2 if !self.stormy => process::set_action(process::counting(), SA_NODEFER, &[]),
            2 => process::set_action(process::counting(), 0, &[]),
            _ => process::set_action(SIG_IGN, 0, &[]),
        }
        self.ignores = which > 2;
        let timer = self.found.timer;
        self.found = process::State { timer, ..process::state() };
    }

    pub fn block(&mut self) {
        if !self.blocked && !self.unsure && self.timer.is_none_or(|timer| timer.period.is_zero()) {
            process::block(SIGALRM);
            self.blocked = true;
            self.when_blocked = counted();
            self.found.mask = process::mask();
            // The timer may have expired before.
            if let Some(timer) = &mut self.timer {
                timer.sure &= Instant::now() < timer.due.lo;
            }
            self.when_blocked = counted();
        }
    }

    pub fn unblock(&mut self) {
        if !self.blocked {
            return;
        }
        self.look();
        process::unblock(SIGALRM);
        self.blocked = false;
        self.found.mask = process::mask();
        if std::mem::take(&mut self.kept) && !self.ignores && !self.stormy {
            let before = self.when_blocked;
            self.await_expiry(before, "a signal that was kept behind the mask is lost");
        }
    }

    /// Waits until more than `before` signals have reached the program's handler.
    fn await_expiry(&mut self, before: usize, what: &str) {
        let began = Instant::now();
        while counted() <= before {
            if self.may_lose_one == Some(true) && began.elapsed() > BUSY {
                self.may_lose_one = Some(false);
                return;
            }
            assert!(began.elapsed() < LATE, "{what}; {:?}", self.timer);
        }
    }

    /// A thread is started under an armed guard.
    pub fn start_thread(&mut self) {
        self.may_lose_one.get_or_insert(true);
        self.doubt_timer();
    }

    /// A signal merges with a pending expiry of the kernel's timer, undetectably, when the timer expires inside
    /// `kill`.
    pub fn kill(&mut self, times: usize, guarded: bool, send: impl Fn()) {
        self.vague |= self.timer.is_some();
        for _ in 0..times {
            let before = counted();
            let tries = if guarded { 10 } else { 1 };
            let came = (0..tries).any(|turn| {
                self.most += 1;
                self.tally.sent.add(1);
                send();
                // A kept signal cannot be counted yet.
                let kept = self.blocked && (turn > 3 || !guarded);
                kept || self.ignores || counted() > before
            });
            self.kept |= self.blocked;
            assert!(came, "a SIGALRM that was sent did not reach the program's handler");
        }
    }

    /// Sets the timer, bypassing the library. Returns the previous one.
    pub fn set_timer(&mut self, value: Duration, period: Duration) -> Option<Timer> {
        let period = if self.ignores || self.blocked { Duration::ZERO } else { period };
        self.look();
        let old = self.timer;
        // After a longer preemption the current period is unknown.
        const HELD_UP: Duration = Duration::from_micros(500);
        let (before, lo, hi) = loop {
            let before = counted();
            let lo = Instant::now();
            process::set_timer(value, period);
            let hi = Instant::now();
            if period.is_zero() || hi - lo < HELD_UP {
                break (before, lo, hi);
            }
            self.most += 1;
        };
        let due = Span { lo: lo + value, hi: hi + value };
        self.timer = (!value.is_zero()).then_some(Timer { due, period, before, sure: true });
        old
    }

    /// A timer was set over a guard's. The library may confuse it with its own deadlines or with the program's old
    /// timer.
    pub fn is_confused(&mut self, deadlines: impl Iterator<Item = Span>, old: Option<Timer>, any: bool) {
        const CLOSE: Duration = Duration::from_micros(30);
        if let Some(timer) = &mut self.timer {
            let near = |at: Span| at.lo <= timer.due.hi + CLOSE && timer.due.lo <= at.hi + CLOSE;
            let confused = any || { deadlines }.chain(old.map(|old| old.due)).any(near);
            timer.sure &= !confused;
        }
    }

    /// The signal of the program's timer may not come.
    fn doubt_timer(&mut self) {
        if let Some(timer) = &mut self.timer {
            timer.sure = false;
        }
    }

    /// A disarmed timer may still expire.
    pub fn may_ring_still(&mut self) {
        self.most += 1;
        self.unsure = true;
    }

    /// The removed timer may have expired until now.
    pub fn is_over(&mut self, old: Option<Timer>) {
        let Some(Timer { due, period, .. }) = old else { return };
        let since = Instant::now().checked_duration_since(due.lo);
        let again = |since: Duration| since.as_nanos().checked_div(period.as_nanos()).unwrap_or(0) as usize;
        self.most += since.map_or(0, |since| 1 + again(since));
    }

    pub fn taken_over(&mut self, at: Span) {
        if let Some(timer) = &mut self.timer {
            if timer.due.lo <= at.hi + ROUNDING {
                timer.sure = false;
            }
        }
    }

    /// Compares the delivered signals with the expected ones, after each operation.
    pub fn look(&mut self) {
        let counted_before = counted();
        let now = Instant::now();
        if let Some(timer) = &mut self.timer {
            if now < timer.due.lo {
                timer.before = counted_before;
            }
        }
        // Counted first: a signal after the clock reading belongs to the next call.
        let counted = loop {
            let counted = counted();
            let now = Instant::now();
            let Some(timer) = self.timer.filter(|timer| timer.due.lo <= now) else { break counted };
            self.most += 1;
            if !timer.period.is_zero() && timer.due.lo + timer.period <= now {
                // The kernel reports several periods as one.
                let due = Span { lo: timer.due.lo + timer.period, hi: timer.due.hi + timer.period };
                self.timer = Some(Timer { due, ..timer });
            } else {
                self.await_ring(timer);
            }
        };
        if self.stormy {
            return;
        }
        if self.blocked {
            assert_eq!(counted, self.when_blocked, "a signal came through the mask");
        }
        assert!(
            counted <= self.most,
            "{counted} signals reached the program's handler, of {}: {:?}",
            self.most,
            self.timer
        );
    }

    fn await_ring(&mut self, timer: Timer) {
        // With SIGALRM blocked the arrival is invisible, so the model waits longer.
        let unseen = if self.blocked { Duration::from_micros(300) } else { Duration::ZERO };
        while Instant::now() < timer.due.hi + unseen {}
        // Without a handler the expiry is unobserved.
        let vague = std::mem::take(&mut self.vague);
        self.unsure |= vague || !timer.sure || self.blocked || self.ignores || self.stormy;
        if self.blocked {
            self.kept |= timer.sure;
        } else if timer.sure && !self.ignores && !self.stormy {
            self.await_expiry(timer.before, "the ring of the program's own timer is lost");
            self.tally.foreign.add(1);
        }
        let due = Span { lo: timer.due.lo + timer.period, hi: timer.due.hi + timer.period };
        // The next period may have passed meanwhile: one signal or two.
        let next = Timer { due, before: counted(), sure: Instant::now() < due.lo, ..timer };
        self.timer = (!timer.period.is_zero()).then_some(next);
    }

    pub fn must_be_as_found(&mut self) {
        self.look();
        let before = Instant::now();
        let now = process::state();
        let after = Instant::now();
        let (left, period) = now.timer;
        let expected = process::State { timer: now.timer, ..self.found.clone() };
        assert_eq!(now, expected, "the process is not as it was");
        match self.timer {
            None if self.unsure => self.unsure = !left.is_zero(),
            None => assert_eq!(now.timer, (Duration::ZERO, Duration::ZERO), "a timer was left behind"),
            Some(timer) if timer.sure && timer.due.lo > after + ROUNDING => {
                let least = timer.due.lo.saturating_duration_since(after).saturating_sub(EARLY);
                let most = timer.due.hi.saturating_duration_since(before) + BUSY;
                assert_eq!(period, timer.period, "its period was changed");
                if timer.period.is_zero() {
                    assert!(
                        (least..=most).contains(&left),
                        "{left:?} left of the timer, not {least:?}..{most:?}"
                    );
                } else {
                    assert!(left <= timer.period.max(most), "{left:?} left of the timer: {timer:?}");
                }
            }
            Some(_) => {}
        }
        self.look();
    }

    /// Asserts the state in a forked child, which has no timer.
    pub fn must_be_as_found_without_timer(&self) {
        let now = process::state();
        let expected = process::State { timer: (Duration::ZERO, Duration::ZERO), ..self.found.clone() };
        assert_eq!(now, expected, "the child is not as it was");
    }

    pub fn calm(&mut self) {
        let old = self.set_timer(Duration::ZERO, Duration::ZERO);
        self.is_over(old);
        self.unblock();
    }
}
