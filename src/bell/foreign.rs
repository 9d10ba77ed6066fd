//! The timer that was here before us.
//!
//! The kernel has one real-time timer for a process. If the program, or whoever started it, had set it before
//! the first guard, then it is noted here, the kernel's timer is programmed for whichever comes first, and
//! the handler passes the signal on when the foreign moment has come.
//!
//! The handler and the code under the lock both change these atomics; each change is one step that either
//! sees the other's or is seen by it.

use std::time::Duration;

use crate::os::atomic::{AtomicU64, Ordering};
use crate::time::Time;

pub(super) struct Foreign {
    /// When it falls due, in nanoseconds; [`Time::NEVER`] for no timer.
    due: AtomicU64,
    /// After how many nanoseconds again; zero for once. Written before `due`, and not while a timer is noted.
    period: AtomicU64,
}

pub(super) static FOREIGN: Foreign =
    Foreign { due: AtomicU64::new(Time::NEVER.as_nanos()), period: AtomicU64::new(0) };

impl Foreign {
    pub(super) fn due(&self) -> Time {
        Time::from_nanos(self.due.load(Ordering::Acquire))
    }

    /// Zero for a timer that rings once.
    pub(super) fn period(&self) -> Duration {
        Duration::from_nanos(self.period.load(Ordering::Relaxed))
    }

    /// Notes a timer, in the place of any that was noted.
    pub(super) fn note(&self, due: Time, period: Duration) {
        self.take();
        self.period.store(period.as_nanos() as u64, Ordering::Relaxed);
        self.due.store(due.as_nanos(), Ordering::Release);
    }

    /// Takes the note away, to give the timer back to the kernel.
    pub(super) fn take(&self) -> Option<(Time, Duration)> {
        // The handler notes none; and to look costs less than to take nothing.
        if self.due().is_never() {
            return None;
        }
        let due = Time::from_nanos(self.due.swap(Time::NEVER.as_nanos(), Ordering::AcqRel));
        (!due.is_never()).then(|| (due, self.period()))
    }

    /// Whether the timer is due, claiming the delivery. Async-signal-safe.
    ///
    /// Of several handlers on several threads exactly one wins the exchange and delivers. One that loses to
    /// [`take`](Foreign::take) leaves the delivery to the kernel, which gets the timer back as overdue. A
    /// periodic timer that fell due more than once is delivered once and keeps its phase, as the kernel's own
    /// does while its signal is blocked.
    pub(super) fn claim(&self, now: Time) -> bool {
        let due = self.due();
        if now < due {
            return false;
        }
        let next = match self.period.load(Ordering::Relaxed) {
            0 => Time::NEVER,
            period => {
                let missed = (now.as_nanos() - due.as_nanos()) / period;
                due.after(Duration::from_nanos(period.saturating_mul(missed.saturating_add(1))))
            }
        };
        self.due
            .compare_exchange(due.as_nanos(), next.as_nanos(), Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    fn at(nanos: u64) -> Time {
        Time::from_nanos(nanos)
    }

    fn noted(due: u64, period: u64) -> Foreign {
        let foreign = Foreign { due: AtomicU64::new(u64::MAX), period: AtomicU64::new(0) };
        foreign.note(at(due), Duration::from_nanos(period));
        foreign
    }

    #[test]
    fn once_is_once() {
        let foreign = noted(10, 0);
        assert!(!foreign.claim(at(9)));
        assert!(foreign.claim(at(10)));
        assert!(!foreign.claim(at(11)));
        assert_eq!(foreign.take(), None);
    }

    #[test]
    fn a_periodic_one_keeps_its_phase() {
        let foreign = noted(10, 5);
        assert!(foreign.claim(at(23)));
        assert_eq!(foreign.take(), Some((at(25), Duration::from_nanos(5))));
    }

    /// Handlers on several threads claim what is due, while it is noted anew and taken away.
    #[test]
    fn each_moment_goes_to_one_and_with_its_own_period() {
        const ROUNDS: u64 = if cfg!(miri) { 6 } else { 5_000 };
        let foreign = Foreign { due: AtomicU64::new(u64::MAX), period: AtomicU64::new(0) };
        let over = AtomicU64::new(0);
        thread::scope(|scope| {
            let handler = || {
                let mut delivered = 0;
                while over.load(Ordering::Relaxed) == 0 {
                    let due = foreign.due();
                    delivered += u64::from(!due.is_never() && foreign.claim(due));
                    thread::yield_now();
                }
                delivered
            };
            let handlers = [handler; 2].map(|handler| scope.spawn(handler));
            // Not asserted before the handlers are called off, who would go on for ever.
            let (mut rung, mut sound) = (0, true);
            for round in 1..=ROUNDS {
                // Even ones once, odd ones again and again; and no moment is noted twice.
                let (due, period) = (round * 1_000_000_000, round % 2 * round);
                foreign.note(at(due), Duration::from_nanos(period));
                thread::yield_now();
                match foreign.take() {
                    // The first claim of a single one is its last.
                    None => {
                        sound &= period == 0;
                        rung += 1;
                    }
                    // It goes on in its phase.
                    Some((next, held)) => {
                        let passed = next.as_nanos() - due;
                        sound &= held == Duration::from_nanos(period);
                        sound &= passed.checked_rem(period).unwrap_or(passed) == 0;
                        rung += passed.checked_div(period).unwrap_or(0);
                    }
                }
            }
            over.store(1, Ordering::Relaxed);
            assert!(sound);
            assert_eq!(handlers.map(|handler| handler.join().unwrap()).iter().sum::<u64>(), rung);
        });
    }

    #[test]
    fn none_is_never_due() {
        let foreign = noted(10, 0);
        assert_eq!(foreign.take(), Some((at(10), Duration::ZERO)));
        assert!(!foreign.claim(at(u64::MAX - 1)));
    }
}
