use std::io;
use std::os::fd::AsFd;
use std::panic::Location;
use std::process::{Child, ExitStatus};
use std::time::Duration;

use crate::alarm::Alarm;
use crate::error::TimedOut;
use crate::os::poll::{self, Readiness};
use crate::os::{child, clock};
use crate::runtime::{self, Waiting};

/// The longest timeout of a wait that no signal can end.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

impl Alarm {
    /// Runs a system call, such as `flock`, `connect` or `read`, which ends at the deadline.
    ///
    /// When this alarm or an enclosing one expires, the system call returns EINTR ([signal(7)]), at worst 10 ms late.
    /// After any other EINTR `call` runs again. `call` itself must not retry, as std's `read_exact`, `accept`,
    /// `connect` and `File::open` do: use [`reader`](Alarm::reader), or nix's functions.
    ///
    /// # Errors
    ///
    /// - After an expiry, kind [`TimedOut`](io::ErrorKind::TimedOut); [`TimedOut::find_in`] returns the [`TimedOut`].
    /// - [`ArmError`](crate::ArmError) if no timer can interrupt this thread, as on macOS, NetBSD and OpenBSD.
    /// - Otherwise the error of `call`.
    /// ```
    /// let (mut reader, _writer) = std::os::unix::net::UnixStream::pair()?;
    /// let alarm = sigalarm::Alarm::after(std::time::Duration::from_millis(20))?;
    /// assert!(alarm.blocking(|| std::io::Read::read(&mut reader, &mut [0])).is_err());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// [signal(7)]: https://man7.org/linux/man-pages/man7/signal.7.html
    #[track_caller]
    pub fn blocking<T>(&self, call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
        self.blocking_at(Location::caller(), call)
    }

    pub(crate) fn blocking_at<T>(
        &self,
        location: &'static Location<'static>,
        mut call: impl FnMut() -> io::Result<T>,
    ) -> io::Result<T> {
        self.check_at(location)?;
        let waiting = Waiting::begin(Some(self.key))?;
        let mut was_interrupted = false;
        loop {
            self.check_at(location)?;
            if was_interrupted {
                waiting.still_has_timer()?;
            }
            match call() {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {
                    was_interrupted = true;
                    runtime::recheck();
                }
                result => return result,
            }
        }
    }

    /// Sleeps for `time`, or returns a [`TimedOut`] once this alarm or an enclosing one expires. Uses [poll(2)].
    /// ```
    /// assert!(sigalarm::testing::expired().sleep(std::time::Duration::MAX).is_err());
    /// ```
    ///
    /// [poll(2)]: https://man7.org/linux/man-pages/man2/poll.2.html
    #[track_caller]
    pub fn sleep(&self, time: Duration) -> Result<(), TimedOut> {
        self.sleep_at(Location::caller(), time)
    }

    fn sleep_at(&self, location: &'static Location<'static>, time: Duration) -> Result<(), TimedOut> {
        let end = clock::now().after(time);
        self.check_at(location)?;
        let waiting = Waiting::begin(Some(self.key));
        loop {
            // The clock is read before the check, so that the check sees every deadline up to `end`.
            let left = clock::until(end);
            if left.is_zero() {
                runtime::recheck();
            }
            self.check_at(location)?;
            if left.is_zero() {
                return Ok(());
            }
            let timeout = left.min(self.wait_timeout(waiting.is_ok()));
            let _ = poll::wait(None, Some(timeout)); // Without a descriptor, only exhausted memory is an error.
            runtime::recheck();
        }
    }

    /// Closes the child's standard input, as [`Child::wait`] does, and waits until the child ends or the alarm expires.
    ///
    /// # Errors
    ///
    /// As [`blocking`](Alarm::blocking) after an expiry; the child keeps running. Otherwise as [waitid(2)].
    /// ```
    /// let mut child = std::process::Command::new("true").spawn().unwrap();
    /// assert!(sigalarm::testing::never().wait(&mut child).unwrap().success());
    /// ```
    ///
    /// [waitid(2)]: https://man7.org/linux/man-pages/man2/waitid.2.html
    #[track_caller]
    pub fn wait(&self, child: &mut Child) -> io::Result<ExitStatus> {
        let location = Location::caller();
        drop(child.stdin.take());
        loop {
            // `try_wait` comes first: if the child has been reaped, another process may have its id.
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            match Waiting::begin(Some(self.key)) {
                Ok(_waiting) => self.blocking_at(location, || child::await_end(child.id()))?,
                Err(_) => self.sleep_at(location, POLL_INTERVAL)?,
            }
        }
    }

    /// Calls `attempt` until it returns a value, or returns a [`TimedOut`] once the alarm or an enclosing one expires.
    ///
    /// For locks, channels (`recv_timeout`) and condition variables (`wait_timeout_while`), whose waits no signal ends.
    /// `attempt` waits for up to the given timeout, then returns `None`. The timeout ends at the deadline, after at
    /// most 10 ms; a [`ring`](Alarm::ring) is noticed only then.
    /// ```
    /// let lock = parking_lot::Mutex::new(7);
    /// let locked = sigalarm::testing::never().wait_for(|timeout| lock.try_lock_for(timeout));
    /// assert_eq!(*locked.unwrap(), 7);
    /// ```
    #[track_caller]
    #[doc(alias("recv", "lock", "wait_timeout", "condvar", "channel"))]
    pub fn wait_for<T>(&self, mut attempt: impl FnMut(Duration) -> Option<T>) -> Result<T, TimedOut> {
        let location = Location::caller();
        loop {
            self.check_at(location)?;
            if let Some(value) = attempt(self.wait_timeout(false)) {
                return Ok(value);
            }
            runtime::recheck(); // The deadline may have passed before the handler runs.
        }
    }

    /// Waits until `source` is ready, then calls `call`; again after `WouldBlock`.
    pub(crate) fn when_ready<T, F: AsFd>(
        &self,
        location: &'static Location<'static>,
        readiness: Readiness,
        source: &mut F,
        mut call: impl FnMut(&mut F) -> io::Result<T>,
    ) -> io::Result<T> {
        self.check_at(location)?;
        let waiting = Waiting::begin(Some(self.key));
        loop {
            self.check_at(location)?;
            let timeout = self.wait_timeout(waiting.is_ok());
            if !poll::wait(Some((source.as_fd(), readiness)), Some(timeout))? {
                runtime::recheck();
                continue;
            }
            match call(source) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(e) if e.kind() == io::ErrorKind::Interrupted => runtime::recheck(),
                result => return result,
            }
        }
    }

    /// Returns the longest time that a wait may take before it checks again.
    fn wait_timeout(&self, can_be_interrupted: bool) -> Duration {
        let left = clock::until(runtime::next_under(self.key));
        if can_be_interrupted { left } else { left.min(POLL_INTERVAL) }
    }
}
