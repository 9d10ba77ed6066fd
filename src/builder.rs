use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use crate::alarm::Alarm;
use crate::error::ArmError;
use crate::os::clock;
use crate::runtime::{self, CpuOf, Due, Grace, Plan, Wishes};
use crate::schedule::Budget;

/// A builder for an alarm, returned by [`Alarm::builder`]. The limit that is reached first expires the alarm.
/// ```
/// let builder: sigalarm::AlarmBuilder = sigalarm::Alarm::builder().check_limit(9);
/// assert!(builder.arm().unwrap().check().is_ok());
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is armed before `arm()`"]
pub struct AlarmBuilder {
    due: Due,
    label: Option<Arc<str>>,
    wishes: Option<Wishes>,
    error: Option<ArmError>,
}

impl AlarmBuilder {
    pub(crate) fn new() -> AlarmBuilder {
        AlarmBuilder { due: Due::Never, label: None, wishes: None, error: None }
    }

    fn set(mut self, change: impl FnOnce(&mut Wishes)) -> AlarmBuilder {
        change(self.wishes.get_or_insert_default());
        self
    }

    /// Sets a time limit; see [`Alarm::after`].
    /// ```
    /// assert!(sigalarm::Alarm::builder().after(std::time::Duration::ZERO).arm().unwrap().is_expired());
    /// ```
    pub fn after(self, limit: Duration) -> AlarmBuilder {
        AlarmBuilder { due: Due::After(limit), ..self }
    }

    /// Sets a deadline, in place of [`after`](AlarmBuilder::after); see [`Alarm::at`].
    /// ```
    /// assert!(sigalarm::Alarm::builder().at(std::time::Instant::now()).arm().unwrap().is_expired());
    /// ```
    pub fn at(self, deadline: Instant) -> AlarmBuilder {
        AlarmBuilder { due: Due::At(clock::from_instant(deadline)), ..self }
    }

    /// Sets the label, with which the alarm's error texts begin.
    /// ```
    /// let alarm = sigalarm::Alarm::builder().label("solve").check_limit(0).arm().unwrap();
    /// assert!(alarm.check().unwrap_err().to_string().starts_with("solve used up its checks"));
    /// ```
    pub fn label(self, label: impl Into<Arc<str>>) -> AlarmBuilder {
        AlarmBuilder { label: Some(label.into()), ..self }
    }

    /// Sets a limit on the processor time of the process, from arming. The alarm is late by up to 1 ms. It is also late
    /// by the processor time of other threads, because its timer measures the rest of the limit as wall time,
    /// as if one thread were busy.
    /// ```
    /// assert!(sigalarm::Alarm::builder().cpu_limit(std::time::Duration::ZERO).arm().unwrap().is_expired());
    /// ```
    pub fn cpu_limit(self, limit: Duration) -> AlarmBuilder {
        self.set(|wishes| wishes.cpu = Some((CpuOf::Process, limit)))
    }

    /// Sets a limit on the processor time of the arming thread, in place of [`cpu_limit`](AlarmBuilder::cpu_limit).
    /// With this option [`arm`](AlarmBuilder::arm) fails on Apple's systems, NetBSD and OpenBSD.
    /// ```
    /// assert!(sigalarm::Alarm::builder().thread_cpu_limit(std::time::Duration::ZERO).arm().unwrap().is_expired());
    /// ```
    pub fn thread_cpu_limit(self, limit: Duration) -> AlarmBuilder {
        self.set(|wishes| wishes.cpu = Some((CpuOf::Thread, limit)))
    }

    /// Sets a limit on the number of checks: the first `budget` return `Ok`, the next returns an error.
    ///
    /// The limit counts checks of the alarm and of alarms that it encloses, and the
    /// [`checkpoint`](crate::checkpoint)s of its thread. [`restart`](Alarm::restart) resets the count. While the guard
    /// is alive, every check in the process takes a lock.
    /// ```
    /// let alarm = sigalarm::Alarm::builder().check_limit(1).arm().unwrap();
    /// assert!(sigalarm::checkpoint().is_ok() && alarm.check().is_err());
    /// ```
    pub fn check_limit(self, budget: u64) -> AlarmBuilder {
        self.set(|wishes| wishes.budget = Some(Budget::new(budget)))
    }

    /// Makes `signal`, such as SIGINT (Ctrl-C) or SIGTERM, expire the alarm.
    ///
    /// A second signal takes the action of the previous disposition if no check has run since the first, or if all
    /// alarms with this signal have expired. So a second Ctrl-C ends the process. A signal that was ignored at arming,
    /// as under `nohup`, stays ignored.
    ///
    /// The drop of the last guard with this signal restores the previous disposition. That drop discards a signal that
    /// came after the last check.
    ///
    /// [`arm`](AlarmBuilder::arm) fails for SIGKILL, SIGSTOP, SIGALRM, SIGABRT, faults (SIGSEGV) and real-time signals.
    /// ```
    /// use signal_hook::{consts::SIGUSR1, low_level::raise};
    /// let alarm = sigalarm::Alarm::builder().ring_on(SIGUSR1).arm().unwrap();
    /// assert!(raise(SIGUSR1).is_ok() && alarm.check().is_err());
    /// ```
    pub fn ring_on(self, signal: i32) -> AlarmBuilder {
        match runtime::ring_signals::refusal(signal) {
            Some(why) => AlarmBuilder { error: self.error.or(Some(ArmError::signal(signal, why))), ..self },
            None => self.set(|wishes| wishes.signals |= 1 << signal),
        }
    }

    /// Ends the process if no check of the arming thread's alarms returns an error within `grace` after the deadline.
    ///
    /// This watchdog writes a line to standard error and exits with code 124. It runs no destructors and flushes no
    /// buffers. With this option [`arm`](AlarmBuilder::arm) fails on macOS, NetBSD and OpenBSD.
    /// ```
    /// let limit = std::time::Duration::from_secs(10);
    /// let _alarm = sigalarm::Alarm::builder().after(limit).abort_after(limit).arm().unwrap();
    /// ```
    pub fn abort_after(self, grace: Duration) -> AlarmBuilder {
        self.set(|wishes| {
            let dumps_core = wishes.watchdog.is_some_and(|watchdog| watchdog.dumps_core);
            wishes.watchdog = Some(Grace { grace, dumps_core });
        })
    }

    /// Sets a watchdog as `abort_after` does, but ends the process by [`abort`](std::process::abort), which dumps core.
    /// A handler of SIGABRT has five seconds.
    /// ```
    /// let limit = std::time::Duration::from_secs(10);
    /// let _alarm = sigalarm::Alarm::builder().after(limit).dump_core_after(limit).arm().unwrap();
    /// ```
    pub fn dump_core_after(self, grace: Duration) -> AlarmBuilder {
        self.set(|wishes| wishes.watchdog = Some(Grace { grace, dumps_core: true }))
    }

    /// Makes an expiry set `flag` to true, for code that reads an `Arc<AtomicBool>` instead of checking. The library
    /// never clears `flag`.
    ///
    /// At a deadline the SIGALRM handler sets `flag`, so the thread needs a private timer. With a deadline,
    /// [`arm`](AlarmBuilder::arm) fails on macOS, NetBSD and OpenBSD, and if RLIMIT_SIGPENDING allows no further timer.
    /// For limits on processor time and checks, a check sets `flag`.
    /// ```
    /// use std::sync::{Arc, atomic::{AtomicBool, Ordering}};
    /// let (limit, flag) = (std::time::Duration::from_millis(5), Arc::new(AtomicBool::new(false)));
    /// let _alarm = sigalarm::Alarm::builder().after(limit).flag(flag.clone()).arm().unwrap();
    /// while !flag.load(Ordering::Relaxed) {}
    /// ```
    pub fn flag(self, flag: Arc<AtomicBool>) -> AlarmBuilder {
        self.set(|wishes| wishes.flag = Some(flag))
    }

    /// Measures each stretch of `threshold` or longer in which the arming thread does not check; see
    /// [`Alarm::longest_gap`].
    ///
    /// The audit's timer sends four signals per `threshold`, but at most 4,000 a second. The audit measures wall time,
    /// so a preempted thread counts as one that does not check.
    /// ```
    /// let threshold = std::time::Duration::from_millis(4);
    /// let alarm = sigalarm::Alarm::builder().audit(threshold).arm().unwrap();
    /// std::thread::sleep(threshold * 5);
    /// assert!(alarm.check().is_ok() && alarm.longest_gap().is_some());
    /// ```
    pub fn audit(self, threshold: Duration) -> AlarmBuilder {
        self.set(|wishes| wishes.audit = Some(threshold))
    }

    /// Arms the alarm; its limits count from now. Does not block.
    ///
    /// # Errors
    ///
    /// [`ArmError`] if a system call fails or the system does not support an option; then nothing is armed.
    /// ```
    /// let builder = sigalarm::Alarm::builder().check_limit(10);
    /// for _page in 0..3 {
    ///     let _alarm = builder.clone().arm().unwrap(); // ten checks for each page
    /// }
    /// ```
    #[track_caller]
    pub fn arm(self) -> Result<Alarm, ArmError> {
        self.error.map_or(Ok(()), Err)?;
        let (label, wishes) = (self.label.as_ref(), self.wishes.as_ref());
        let key = runtime::arm(Plan { label, wishes, ..Plan::new(self.due, Location::caller()) })?;
        Ok(Alarm::of(key, self.label))
    }
}
