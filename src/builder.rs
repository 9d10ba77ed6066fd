//! An alarm with more to it than a limit.

use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use crate::alarm::Alarm;
use crate::error::ArmError;
use crate::os::clock;
use crate::runtime::{self, CpuOf, Due, Grace, Plan, Wishes};
use crate::schedule::Budget;

/// What an alarm is to be; made by [`Alarm::builder`], ended by [`arm`](AlarmBuilder::arm).
///
/// An alarm may expire for several reasons: whichever comes first. Without any it never expires by itself. Of two
/// deadlines the last one given counts.
///
/// ```
/// use sigalarm::Alarm;
/// use std::time::Duration;
///
/// let alarm = Alarm::builder().after(Duration::from_secs(10)).label("solve").arm()?;
/// assert_eq!(alarm.label(), Some("solve"));
/// # Ok::<(), sigalarm::ArmError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is armed before `arm()`"]
pub struct AlarmBuilder {
    due: Due,
    label: Option<Arc<str>>,
    wishes: Option<Wishes>,
    /// A signal that was asked for and cannot be; told by `arm`.
    refused: Option<(i32, &'static str)>,
}

impl AlarmBuilder {
    pub(crate) fn new() -> AlarmBuilder {
        AlarmBuilder { due: Due::Never, label: None, wishes: None, refused: None }
    }

    fn wish(mut self, change: impl FnOnce(&mut Wishes)) -> AlarmBuilder {
        change(self.wishes.get_or_insert_default());
        self
    }

    /// Expires when `limit` has passed since it was armed; see [`Alarm::after`].
    ///
    /// ```
    /// use sigalarm::Alarm;
    /// use std::time::Duration;
    ///
    /// let alarm = Alarm::builder().after(Duration::from_millis(2)).arm()?;
    /// while alarm.check().is_ok() {}
    /// assert!(alarm.elapsed() >= Duration::from_millis(2));
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn after(self, limit: Duration) -> AlarmBuilder {
        AlarmBuilder { due: Due::After(limit), ..self }
    }

    /// Expires at `deadline`; see [`Alarm::at`].
    ///
    /// ```
    /// use sigalarm::Alarm;
    /// use std::time::{Duration, Instant};
    ///
    /// let deadline = Instant::now() + Duration::from_secs(10);
    /// let alarms = ["parse", "solve"].map(|label| Alarm::builder().at(deadline).label(label).arm());
    /// for alarm in alarms {
    ///     assert_eq!(alarm?.deadline(), Some(deadline));
    /// }
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn at(self, deadline: Instant) -> AlarmBuilder {
        AlarmBuilder { due: Due::At(clock::from_instant(deadline)), ..self }
    }

    /// What the limit is on, for the sentence that [`TimedOut`](crate::TimedOut) makes: "solve timed out …". Any text; of
    /// several the last counts.
    ///
    /// ```
    /// use sigalarm::Alarm;
    /// use std::time::Duration;
    ///
    /// let depth = 3;
    /// let alarm = Alarm::builder().after(Duration::ZERO).label(format!("level {depth}")).arm()?;
    /// let timed_out = alarm.check().unwrap_err();
    /// assert!(timed_out.to_string().starts_with("level 3 timed out after "));
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn label(self, label: impl Into<Arc<str>>) -> AlarmBuilder {
        AlarmBuilder { label: Some(label.into()), ..self }
    }

    /// Expires also when the process has used `limit` of processor time, all its threads together, since it was armed:
    /// the same amount of work on a busy machine as on an idle one. The cause is [`Cause::Cpu`](crate::Cause::Cpu),
    /// and the error's limit and elapsed time are of processor time.
    ///
    /// Never early. In a process with one thread that checks, late by about a millisecond of processor time; with more
    /// threads running, processor time passes faster than the clock, and it can be late by as much as the other
    /// threads use. Zero has expired when it is armed. The last of `cpu` and [`thread_cpu`](AlarmBuilder::thread_cpu_limit)
    /// counts. See [clock_gettime(2)], CLOCK_PROCESS_CPUTIME_ID.
    ///
    /// ```
    /// use sigalarm::{Alarm, Cause};
    /// use std::time::Duration;
    ///
    /// let alarm = Alarm::builder().cpu_limit(Duration::from_millis(5)).after(Duration::from_secs(60)).arm()?;
    /// let timed_out = loop {
    ///     if let Err(e) = alarm.check() {
    ///         break e;
    ///     }
    /// };
    /// assert_eq!(timed_out.cause(), Cause::Cpu);
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    ///
    /// [clock_gettime(2)]: https://man7.org/linux/man-pages/man2/clock_gettime.2.html
    pub fn cpu_limit(self, limit: Duration) -> AlarmBuilder {
        self.wish(|wishes| wishes.cpu = Some((CpuOf::Process, limit)))
    }

    /// Expires also when the arming thread has used `limit` of processor time since. Otherwise as
    /// [`cpu`](AlarmBuilder::cpu_limit), and not late for other threads' sake.
    ///
    /// Apple's systems have no clock for it that others can read, and NetBSD's and OpenBSD's is not reached: there
    /// [`arm`](AlarmBuilder::arm) fails.
    ///
    /// ```
    /// use sigalarm::{Alarm, Cause};
    /// use std::time::Duration;
    ///
    /// let alarm = Alarm::builder().thread_cpu_limit(Duration::from_millis(5)).arm()?;
    /// let timed_out = loop {
    ///     if let Err(e) = alarm.check() {
    ///         break e;
    ///     }
    /// };
    /// assert_eq!(timed_out.cause(), Cause::Cpu);
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn thread_cpu_limit(self, limit: Duration) -> AlarmBuilder {
        self.wish(|wishes| wishes.cpu = Some((CpuOf::Thread, limit)))
    }

    /// Expires also when it has been checked more than `budget` times: the same answer on every machine, for runs that
    /// can be repeated and for tests. The cause is [`Cause::Checks`](crate::Cause::Checks).
    ///
    /// Every check counts that asks this alarm: its own, and those of the alarms inside it, and checkpoints of its
    /// thread. A budget of zero errs at the first. [`restart`](Alarm::restart) gives the whole budget again. A call that
    /// waits ([`sleep`](Alarm::sleep), a reader) checks each time that it is woken, and that is not the same each time.
    ///
    /// To count, every check of the process takes the slow path as long as the alarm lives: some tens of nanoseconds
    /// each. It installs no handler and sets no timer, also for a deadline, unless another method of the builder needs
    /// them.
    ///
    /// ```
    /// use sigalarm::{Alarm, Cause, checkpoint};
    ///
    /// let alarm = Alarm::builder().check_limit(2).arm()?;
    /// assert!(alarm.check().is_ok());
    /// assert!(checkpoint().is_ok());
    /// assert_eq!(alarm.check().unwrap_err().cause(), Cause::Checks);
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn check_limit(self, budget: u64) -> AlarmBuilder {
        self.wish(|wishes| wishes.budget = Some(Budget::new(budget)))
    }

    /// Expires also when this signal comes: SIGINT, SIGTERM, SIGHUP, SIGUSR1…, so that Ctrl-C ends a computation like
    /// a deadline and its best answer so far is not lost. The cause is [`Cause::Signal`](crate::Cause::Signal). May be
    /// called for several signals; several alarms may share one, and it expires them all.
    ///
    /// The first signal rings and is not forwarded. A later one is forwarded to the previous handler if no alarm listens any
    /// more, or if no check has answered the first: a second Ctrl-C takes the default action and ends the process. The last
    /// guard that listens restores the signal's disposition.
    ///
    /// A signal that was ignored when the alarm was armed stays so, as under `nohup`. A signal that every thread blocks does not come. Its handler lets interrupted system calls go on
    /// (SA_RESTART), except while a thread is in [`blocking`](Alarm::blocking), [`sleep`](Alarm::sleep) or a
    /// reader, which end. See [signal(7)].
    ///
    /// [`arm`](AlarmBuilder::arm) fails for a signal that cannot be handled (SIGKILL, SIGSTOP), that reports a fault
    /// (SIGSEGV…), for SIGALRM and SIGABRT, for real-time signals and numbers that are none.
    ///
    /// ```
    /// use sigalarm::{Alarm, Cause};
    /// use signal_hook::consts::SIGUSR1;
    ///
    /// let alarm = Alarm::builder().ring_on(SIGUSR1).arm()?;
    /// signal_hook::low_level::raise(SIGUSR1)?;
    /// assert_eq!(alarm.check().unwrap_err().cause(), Cause::Signal(SIGUSR1));
    ///
    /// let e = Alarm::builder().ring_on(9).arm().unwrap_err();
    /// assert!(e.to_string().contains("the kernel lets no process handle it"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// [signal(7)]: https://man7.org/linux/man-pages/man7/signal.7.html
    pub fn ring_on(mut self, signal: i32) -> AlarmBuilder {
        match runtime::ring_signals::refusal(signal) {
            Some(why) => self.refused = self.refused.or(Some((signal, why))),
            None => return self.wish(|wishes| wishes.signals |= 1 << signal),
        }
        self
    }

    /// Ends the process if a function never checks: when no check has returned the error `grace` after the deadline, the
    /// handler writes a line to standard error and ends the process with exit code 124, as timeout(1) does. If standard error
    /// is a pipe that is full, it writes no line.
    ///
    /// It works in a loop without checks and in a blocking system call. No destructor runs and no buffer is flushed. It does not happen when any check on the arming thread has erred in the meantime, or when
    /// the alarm was dropped, restarted, extended or disarmed in time. While the process is
    /// [`suspended`](crate::suspended()) it waits. A grace of zero ends the process at the
    /// deadline, unless a check is quicker. Without a deadline it does nothing.
    ///
    /// The grace starts when the handler handles the expiry, so a process that was stopped across the deadline has all of it.
    /// It has a timer of its own, directed at this thread: [`arm`](AlarmBuilder::arm) fails where there is none (macOS, NetBSD,
    /// OpenBSD). See [timeout(1)], and [_exit(2)].
    ///
    /// ```standalone_crate
    /// use sigalarm::Alarm;
    /// use std::time::Duration;
    ///
    /// # if std::env::var_os("TO_BE_ENDED").is_none() {
    /// #     // In a process of its own, to see how it ends.
    /// #     let this = std::env::current_exe()?;
    /// #     let ended = std::process::Command::new(this).env("TO_BE_ENDED", "1").output()?;
    /// #     let line = "sigalarm: parse has not answered 2 ms after its limit of 4 ms; ending the process. On its thread: parse";
    /// #     assert_eq!((ended.status.code(), ended.stderr.starts_with(line.as_bytes())), (Some(124), true));
    /// #     return Ok(());
    /// # }
    /// let limit = Duration::from_millis(4);
    /// let _alarm = Alarm::builder().after(limit).abort_after(limit / 2).label("parse").arm()?;
    /// loop {} // sigalarm: parse has not answered 2 ms after its limit of 4 ms; ending the process.
    ///         // On its thread: parse (src/main.rs:6)
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// [timeout(1)]: https://man7.org/linux/man-pages/man1/timeout.1.html
    /// [_exit(2)]: https://man7.org/linux/man-pages/man2/_exit.2.html
    pub fn abort_after(self, grace: Duration) -> AlarmBuilder {
        self.wish(|wishes| {
            let dumps_core = wishes.watchdog.is_some_and(|watchdog| watchdog.dumps_core);
            wishes.watchdog = Some(Grace { grace, dumps_core });
        })
    }

    /// As [`abort_after`](AlarmBuilder::abort_after), and by [abort(3)], so that there is a core dump to look at. The last of
    /// the two that is called sets the grace; the core dump, once asked for, stays.
    ///
    /// ```standalone_crate
    /// use sigalarm::Alarm;
    /// use std::time::Duration;
    ///
    /// # use std::os::unix::process::ExitStatusExt;
    /// # if std::env::var_os("TO_BE_ABORTED").is_none() {
    /// #     // In a process of its own, to see how it ends.
    /// #     let this = std::env::current_exe()?;
    /// #     let ended = std::process::Command::new(this).env("TO_BE_ABORTED", "1").output()?;
    /// #     assert_eq!(ended.status.signal(), Some(signal_hook::consts::SIGABRT), "{ended:?}");
    /// #     return Ok(());
    /// # }
    /// # use nix::sys::resource::{Resource, setrlimit};
    /// # setrlimit(Resource::RLIMIT_CORE, 0, 0)?; // a core file for each test would be too many
    /// let limit = Duration::from_millis(4);
    /// let _alarm = Alarm::builder().after(limit).dump_core_after(limit / 2).arm()?;
    /// loop {} // ends by SIGABRT, and the core dump shows where it was
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// [abort(3)]: https://man7.org/linux/man-pages/man3/abort.3.html
    pub fn dump_core_after(self, grace: Duration) -> AlarmBuilder {
        self.wish(|wishes| wishes.watchdog = Some(Grace { grace, dumps_core: true }))
    }

    /// Sets a flag of the caller's when the alarm expires, also if no code ever checks: for a solver, a parser or an engine that
    /// takes an `Arc<AtomicBool>` to be interrupted by.
    ///
    /// The signal handler sets it at the deadline, never early, and [`ring`](Alarm::ring) and a signal that it
    /// [`ring`s on](AlarmBuilder::ring_on) set it as well. A limit on processor time or on checks sets it at a check. The library
    /// never clears it: not when the alarm is dropped, restarted or extended. Where the engine wants an `AtomicUsize`, as
    /// tree-sitter does, give it one that a callback of the engine's copies the flag to; the crate's documentation shows how.
    ///
    /// The alarm has a timer of its own, directed at this thread: [`arm`](AlarmBuilder::arm) fails where there is none (macOS,
    /// NetBSD, OpenBSD), and where the process has as many as RLIMIT_SIGPENDING allows ([getrlimit(2)]). If the thread has
    /// SIGALRM blocked and a SIGALRM from elsewhere comes, the handler does not run there and does not set it; checks do.
    ///
    /// ```
    /// use sigalarm::Alarm;
    /// use std::sync::{Arc, atomic::{AtomicBool, Ordering}};
    /// use std::time::Duration;
    ///
    /// /// A solver that knows nothing of alarms.
    /// fn solve(interrupt: Arc<AtomicBool>) -> &'static str {
    ///     while !interrupt.load(Ordering::Relaxed) {}
    ///     "interrupted"
    /// }
    ///
    /// let interrupt = Arc::new(AtomicBool::new(false));
    /// let _alarm = Alarm::builder().after(Duration::from_millis(5)).flag(interrupt.clone()).arm()?;
    /// assert_eq!(solve(interrupt), "interrupted");
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    ///
    /// [getrlimit(2)]: https://man7.org/linux/man-pages/man2/getrlimit.2.html
    pub fn flag(self, flag: Arc<AtomicBool>) -> AlarmBuilder {
        self.wish(|wishes| wishes.flag = Some(flag))
    }

    /// Looks for places where checks are missing: [`Alarm::longest_gap`] returns the longest stretch without a check
    /// on the arming thread that is about as long as `threshold` or longer, and which check ended it.
    ///
    /// A check costs no more for it. The timer's signal comes four times a threshold (at most 4,000 times a second),
    /// and the slow path measures how long the next check took to come. So a stretch of the threshold's length is never
    /// missed; the length reported may be too short by a quarter of the threshold. Checks on other threads may answer
    /// instead of this one's: audit a program with one thread. An audit measures wall time, so a preempted thread looks like a
    /// missing check.
    ///
    /// ```
    /// use sigalarm::{Alarm, checkpoint};
    /// use std::time::{Duration, Instant};
    ///
    /// let alarm = Alarm::builder().audit(Duration::from_millis(4)).arm()?;
    /// let began = Instant::now();
    /// while began.elapsed() < Duration::from_millis(20) {} // a check is missing here
    /// checkpoint().unwrap();
    /// println!("{}", alarm.longest_gap().unwrap()); // 19.019 ms without a check, before the one at src/main.rs:7
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn audit(self, threshold: Duration) -> AlarmBuilder {
        self.wish(|wishes| wishes.audit = Some(threshold))
    }

    /// Arms the alarm: its times count from here. Does not block. [`Alarm::after`] says what it costs.
    ///
    /// # Errors
    ///
    /// [`ArmError`] if a system call fails, or for a signal that cannot ring; then nothing is armed.
    ///
    /// # Examples
    ///
    /// ```
    /// use sigalarm::Alarm;
    /// use std::time::Duration;
    ///
    /// let page = Alarm::builder().after(Duration::from_secs(10)).label("page");
    /// for _page in 0..3 {
    ///     let alarm = page.clone().arm()?; // ten seconds for each
    ///     assert_eq!(alarm.limit(), Some(Duration::from_secs(10)));
    /// }
    /// assert!(page.ring_on(signal_hook::consts::SIGKILL).arm().is_err());
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    #[track_caller]
    pub fn arm(self) -> Result<Alarm, ArmError> {
        if let Some((signal, why)) = self.refused {
            return Err(ArmError::signal(signal, why));
        }
        let (label, wishes) = (self.label.as_ref(), self.wishes.as_ref());
        let key = runtime::arm(Plan { label, wishes, ..Plan::new(self.due, Location::caller()) })?;
        Ok(Alarm::of(key, self.label))
    }
}
