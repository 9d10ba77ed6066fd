//! The traced process.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::machine;
use crate::support::process::{State, counted};
use crate::support::*;
use nix::libc::{SA_RESTART, SIG_IGN, SIGALRM};
use nix::sys::ptrace;
use sigalarm::{Alarm, Cause};

pub const NOT_TRACED: i32 = 77;

const FAILED: i32 = 101;

/// The disposition of SIGALRM before the first guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Previous {
    Default,
    Counts,
    Ignores,
    /// A counting handler, with SIGALRM blocked.
    CountsBlocked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comes {
    Kill,
    Ring,
    /// The expiry of a timer set before the first guard.
    Foreign,
    Both,
}

#[derive(Clone, Copy, Debug)]
pub struct Deal {
    pub previous: Previous,
    pub comes: Comes,
    pub time: Duration,
    /// A second thread exists. It handles signals while this thread is stopped.
    pub second_thread: bool,
}

impl Deal {
    pub fn limit(&self) -> Duration {
        if self.expires() { self.time } else { 10 * SECOND }
    }

    pub fn expires(&self) -> bool {
        matches!(self.comes, Comes::Ring | Comes::Both)
    }

    pub fn has_foreign_signal(&self) -> bool {
        self.comes != Comes::Ring
    }

    pub fn kills(&self) -> bool {
        self.has_foreign_signal() && self.previous == Previous::Default
    }
}

#[inline(always)]
pub fn begin() {
    machine::trap();
}

/// Marks the end of a window. The tracer knows the address of this function.
#[inline(never)]
#[allow(unsafe_code)]
pub extern "C" fn end() {
    // SAFETY: no operation; it gives the function a distinct body.
    unsafe { std::arch::asm!("nop") };
}

pub fn end_address() -> u64 {
    end as extern "C" fn() as usize as u64
}

pub fn be_traced() {
    if ptrace::traceme().is_err() {
        children::exit_now(NOT_TRACED);
    }
}

pub fn live(body: impl FnOnce()) -> ! {
    let went_well = catch_unwind(AssertUnwindSafe(body)).is_ok();
    children::exit_now(if went_well { 0 } else { FAILED })
}

static WAKEUPS: AtomicUsize = AtomicUsize::new(0);

fn start_second_thread() {
    std::thread::spawn(|| {
        loop {
            WAKEUPS.fetch_add(1, Ordering::SeqCst);
            nap(SECOND);
        }
    });
    spin_until(|| {
        std::thread::yield_now();
        WAKEUPS.load(Ordering::SeqCst) > 0
    });
}

pub fn nap(time: Duration) {
    let _ = nix::poll::poll(&mut [], u16::try_from(time.as_millis()).expect("a short time"));
}

pub struct Scene {
    before: State,
    deal: Deal,
}

impl Scene {
    pub fn set(deal: &Deal) -> Scene {
        match deal.previous {
            Previous::Default => {}
            Previous::Ignores => process::set_action(SIG_IGN, 0, &[]),
            Previous::Counts | Previous::CountsBlocked => {
                process::set_action(process::counting(), SA_RESTART, &[])
            }
        }
        if deal.second_thread {
            start_second_thread();
        }
        if deal.previous == Previous::CountsBlocked {
            process::block(SIGALRM);
        }
        Scene { before: process::state(), deal: *deal }
    }

    pub fn warm(deal: &Deal) -> Scene {
        let scene = Scene::set(deal);
        drop(after(SECOND));
        assert_eq!(process::state(), scene.before);
        scene
    }

    /// A whole life. `code` is what the tracer steps through.
    pub fn step<P, R>(
        self,
        prepare: impl FnOnce() -> P,
        code: impl FnOnce(P) -> R,
        judge: impl FnOnce(&Scene, R),
    ) {
        self.ready();
        let prepared = prepare();
        begin();
        let result = code(prepared);
        end();
        judge(&self, result);
        self.over();
    }

    /// Makes the library use private timers.
    pub fn have_private_timers(&self) {
        crate::support::have_private_timers();
        assert_eq!(process::state(), self.before);
    }

    pub fn ready(&self) {
        if matches!(self.deal.comes, Comes::Foreign | Comes::Both) {
            process::set_timer(self.deal.time, Duration::ZERO);
        }
        be_traced();
    }

    /// Asserts the result of the alarm's checks after the window.
    pub fn notice(&self, alarm: &Alarm) {
        self.notice_after(alarm, self.deal.limit());
    }

    pub fn notice_after(&self, alarm: &Alarm, limit: Duration) {
        if !self.deal.expires() {
            // A stray signal never causes a time-out.
            assert!(alarm.check().is_ok() && alarm.check().is_ok());
            return;
        }
        let timed_out = expires(alarm, limit);
        assert!(alarm.owns(&timed_out));
        assert_eq!(timed_out.cause(), Cause::Deadline);
        assert!(alarm.check().is_err());
    }

    /// After the last guard: the program has handled its signal or dies of it, and the state is restored.
    pub fn over(self) {
        let foreign = usize::from(self.deal.has_foreign_signal());
        // A thread stopped between its readings of the foreign timer and the clock restores the timer late.
        spin_until(|| process::timer().0.is_zero());
        // The handler on the other thread may outlive the guard. The next guard then counts the expiry.
        let next_guard = || {
            if self.deal.second_thread {
                drop(after(SECOND));
            }
        };
        match self.deal.previous {
            Previous::Default if foreign > 0 => spin_until(|| {
                next_guard();
                false
            }),
            Previous::Default | Previous::Ignores => {}
            Previous::Counts => spin_until(|| {
                next_guard();
                counted() >= foreign
            }),
            Previous::CountsBlocked => {
                assert_eq!(counted(), 0, "the program's handler ran with SIGALRM blocked");
                // The kernel shows a timer as disarmed in its last microsecond.
                spin_until(|| process::is_pending(SIGALRM) == (foreign > 0));
            }
        }
        self.is_as_before();
        self.again();
        if self.deal.previous == Previous::CountsBlocked {
            assert_eq!(process::is_pending(SIGALRM), foreign > 0, "the pending signal, later");
            process::unblock(SIGALRM);
        }
        if matches!(self.deal.previous, Previous::Counts | Previous::CountsBlocked) {
            assert_eq!(counted(), foreign, "calls of the program's handler");
        }
    }

    fn is_as_before(&self) {
        assert_eq!(process::state(), self.before);
    }

    fn again(&self) {
        for limit in [30, 2_000_000, 30] {
            let limit = Duration::from_micros(limit);
            let alarm = after(limit);
            if limit < SECOND {
                expires(&alarm, limit);
            }
            drop(alarm);
            self.is_as_before();
        }
    }
}
