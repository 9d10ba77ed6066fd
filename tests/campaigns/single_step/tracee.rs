//! What happens in the process that is stepped through.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use nix::libc::{SA_RESTART, SIG_IGN, SIGALRM};
use nix::sys::ptrace;
use sigalarm::{Alarm, Cause};

use super::machine;
use crate::support::children;
use crate::support::process::{self, State, counted};

pub const SECOND: Duration = Duration::from_secs(1);

/// As late as a loaded machine may make it.
const LATE: Duration = Duration::from_secs(20);

/// The exit code of a process that may not be traced.
pub const NOT_TRACED: i32 = 77;

/// The exit code of a process in which an assertion failed.
const FAILED: i32 = 101;

/// Whose SIGALRM is before the first guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    Default,
    Counts,
    Ignores,
    /// One that counts, and has SIGALRM blocked.
    Shut,
}

/// What is made to wait at an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comes {
    /// A SIGALRM that somebody sends.
    Kill,
    /// The ring of the kernel's timer for our own deadline.
    Ring,
    /// The ring of a timer that was set before the first guard.
    Foreign,
    /// Both have fallen due.
    Both,
}

#[derive(Clone, Copy, Debug)]
pub struct Deal {
    pub owner: Owner,
    pub comes: Comes,
    /// Until the timer rings that is to ring.
    pub time: Duration,
    /// Another thread lives, and is the one that gets what comes while this one stands still.
    pub company: bool,
}

impl Deal {
    /// How long the alarm's own limit is.
    pub fn limit(&self) -> Duration {
        if self.rings() { self.time } else { 10 * SECOND }
    }

    /// Whether our own deadline passes.
    pub fn rings(&self) -> bool {
        matches!(self.comes, Comes::Ring | Comes::Both)
    }

    /// Whether something comes that is the owner's.
    pub fn is_theirs(&self) -> bool {
        self.comes != Comes::Ring
    }

    /// Whether the process is to die of it.
    pub fn kills(&self) -> bool {
        self.is_theirs() && self.owner == Owner::Default
    }
}

/// The first instruction of a window comes after this.
#[inline(always)]
pub fn begin() {
    machine::trap();
}

/// The last one comes before this: a function with an address that the tracer knows.
#[inline(never)]
#[allow(unsafe_code)]
pub extern "C" fn end() {
    // SAFETY: does nothing; it is there to be a place of its own.
    unsafe { std::arch::asm!("nop") };
}

pub fn end_address() -> u64 {
    end as extern "C" fn() as usize as u64
}

/// Has the calling thread traced by the process that forked this one.
pub fn be_traced() {
    if ptrace::traceme().is_err() {
        children::exit_now(NOT_TRACED);
    }
}

/// The life of a forked process.
pub fn live(body: impl FnOnce()) -> ! {
    let went_well = catch_unwind(AssertUnwindSafe(body)).is_ok();
    children::exit_now(if went_well { 0 } else { FAILED })
}

pub fn after(limit: Duration) -> Alarm {
    Alarm::after(limit).expect("arming")
}

fn spin_until(what: &str, done: impl Fn() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < LATE, "never came: {what}");
    }
}

/// How often the company has come out of its sleep.
static COMPANY: AtomicUsize = AtomicUsize::new(0);

/// A thread that sleeps, and is woken by whatever it handles.
fn keep_company() {
    std::thread::spawn(|| {
        loop {
            COMPANY.fetch_add(1, Ordering::SeqCst);
            nap(SECOND);
        }
    });
    spin_until("company", || {
        std::thread::yield_now();
        COMPANY.load(Ordering::SeqCst) > 0
    });
}

pub fn nap(time: Duration) {
    let _ = nix::poll::poll(&mut [], u16::try_from(time.as_millis()).expect("a short time"));
}

/// The process before the first guard, to be found again after the last.
pub struct Scene {
    before: State,
    deal: Deal,
}

impl Scene {
    pub fn set(deal: &Deal) -> Scene {
        match deal.owner {
            Owner::Default => {}
            Owner::Ignores => process::set_action(SIG_IGN, 0, &[]),
            Owner::Counts | Owner::Shut => process::set_action(process::counting(), SA_RESTART, &[]),
        }
        if deal.company {
            keep_company();
        }
        if deal.owner == Owner::Shut {
            process::block(SIGALRM);
        }
        Scene { before: process::state(), deal: *deal }
    }

    /// The library has been used before.
    pub fn warm(&self) {
        drop(after(SECOND));
        assert_eq!(process::state(), self.before);
    }

    /// From now on the library leaves the interval timer alone: it has seen a foreign value there.
    pub fn have_private_timers(&self) {
        crate::support::have_private_timers();
        assert_eq!(process::state(), self.before);
    }

    /// From now on the foreign timer runs.
    pub fn ready(&self) {
        if matches!(self.deal.comes, Comes::Foreign | Comes::Both) {
            process::set_timer(self.deal.time, Duration::ZERO);
        }
        be_traced();
    }

    /// What an alarm of the limit must say after the window.
    pub fn notice(&self, alarm: &Alarm) {
        self.notice_after(alarm, self.deal.limit());
    }

    /// The same of one whose limit was shorter.
    pub fn notice_after(&self, alarm: &Alarm, limit: Duration) {
        if !self.deal.rings() {
            // A stray signal is never a time-out.
            assert!(alarm.check().is_ok() && alarm.check().is_ok());
            return;
        }
        let began = Instant::now();
        let timed_out = loop {
            match alarm.check() {
                Err(e) => break e,
                Ok(()) => assert!(began.elapsed() < LATE, "our ring is lost"),
            }
        };
        assert!(alarm.owns(&timed_out));
        assert_eq!(timed_out.cause(), Cause::Deadline);
        assert!(timed_out.elapsed() >= limit, "early: {timed_out}");
        assert!(alarm.check().is_err());
    }

    /// All guards are gone: whoever owns what came has it, or dies of it, and all is as it was.
    pub fn over(self) {
        let theirs = usize::from(self.deal.is_theirs());
        // One that stood still between the reading of the foreign timer and that of the clock takes the timer for one
        // that is due later, by as long: late, and not lost.
        spin_until("the foreign timer", || process::timer().0.is_zero());
        // On the other thread a handler may be late for the whole of a guard's life. Its ring is counted by the next.
        let next_guard = || {
            if self.deal.company {
                drop(after(SECOND));
            }
        };
        match self.deal.owner {
            Owner::Default if theirs > 0 => spin_until("the signal that kills", || {
                next_guard();
                false
            }),
            Owner::Default | Owner::Ignores => {}
            Owner::Counts => spin_until("the owner's signal", || {
                next_guard();
                counted() >= theirs
            }),
            Owner::Shut => {
                assert_eq!(counted(), 0, "the owner is not to be called behind its mask");
                // A timer shows nothing any more in the last microsecond before it rings.
                spin_until("what waits behind the mask", || process::is_pending(SIGALRM) == (theirs > 0));
            }
        }
        self.is_as_before();
        self.again();
        if self.deal.owner == Owner::Shut {
            assert_eq!(process::is_pending(SIGALRM), theirs > 0, "what waits behind the mask, later");
            process::unblock(SIGALRM);
        }
        if matches!(self.deal.owner, Owner::Counts | Owner::Shut) {
            assert_eq!(counted(), theirs, "how often the owner was called");
        }
    }

    fn is_as_before(&self) {
        assert_eq!(process::state(), self.before);
    }

    /// What has come has left nothing behind that the next alarm would stumble over.
    fn again(&self) {
        for limit in [30, 2_000_000, 30] {
            let limit = Duration::from_micros(limit);
            let alarm = after(limit);
            if limit < SECOND {
                let began = Instant::now();
                while alarm.check().is_ok() {
                    assert!(began.elapsed() < LATE, "the next ring is lost");
                }
                assert!(alarm.elapsed() >= limit);
            }
            drop(alarm);
            self.is_as_before();
        }
    }
}
