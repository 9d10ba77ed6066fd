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

const POLL_INTERVAL: Duration = Duration::from_millis(10);

impl Alarm {
    /// Runs `call`, which makes a system call such as `flock`, `connect` or `read`, and interrupts it at the deadline.
    ///
    /// When this alarm or an enclosing one expires, the system call fails with EINTR, at most 10 ms late. After an
    /// EINTR without an expiry, `call` runs again.
    ///
    /// `call` must return when its system call fails with EINTR. std's `read_exact`, `accept`, `connect` and
    /// `File::open` retry after EINTR, so no deadline ends them. Use [`reader`](Alarm::reader) or the functions of the
    /// nix crate instead.
    ///
    /// # Errors
    ///
    /// - After an expiry, an error of kind [`TimedOut`](io::ErrorKind::TimedOut). [`TimedOut::find_in`] returns the
    ///   [`TimedOut`] inside.
    /// - [`ArmError`](crate::ArmError) if no timer can interrupt this thread, as on macOS, NetBSD and OpenBSD.
    /// - Otherwise the error of `call`.
    /// ```
    /// let (mut reader, _writer) = std::os::unix::net::UnixStream::pair()?;
    /// let alarm = sigalarm::Alarm::after(std::time::Duration::from_millis(20))?;
    /// assert!(alarm.blocking(|| std::io::Read::read(&mut reader, &mut [0])).is_err());
    /// # Ok::<(), std::io::Error>(())
    /// ```
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

    /// Sleeps for `time`. Returns a [`TimedOut`] as soon as this alarm or an enclosing one expires.
    /// ```
    /// assert!(sigalarm::testing::expired().sleep(std::time::Duration::MAX).is_err());
    /// ```
    #[track_caller]
    pub fn sleep(&self, time: Duration) -> Result<(), TimedOut> {
        self.sleep_at(Location::caller(), time)
    }

    fn sleep_at(&self, location: &'static Location<'static>, time: Duration) -> Result<(), TimedOut> {
        let end = clock::now().after(time);
        self.check_at(location)?;
        let waiting = Waiting::begin(Some(self.key));
        loop {
            // The clock is read before the check. Otherwise a deadline before `end` could pass unreported between the
            // two.
            let left = clock::until(end);
            if left.is_zero() {
                runtime::recheck();
            }
            self.check_at(location)?;
            if left.is_zero() {
                return Ok(());
            }
            let timeout = left.min(self.wait_timeout(waiting.is_ok()));
            let _ = poll::wait(None, Some(timeout));
            runtime::recheck();
        }
    }

    /// Closes the child's standard input, as [`Child::wait`] does, and waits until the child ends or the alarm expires.
    ///
    /// # Errors
    ///
    /// The errors of [`blocking`](Alarm::blocking) and waitid(2). After an expiry the child keeps running.
    /// ```
    /// let mut child = std::process::Command::new("true").spawn().unwrap();
    /// assert!(sigalarm::testing::never().wait(&mut child).unwrap().success());
    /// ```
    #[track_caller]
    pub fn wait(&self, child: &mut Child) -> io::Result<ExitStatus> {
        let location = Location::caller();
        drop(child.stdin.take());
        loop {
            // If the child was already reaped, its id may name another process. So `try_wait`, which returns the stored
            // status, runs before waitid(2).
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            match Waiting::begin(Some(self.key)) {
                Ok(_waiting) => self.blocking_at(location, || child::await_end(child.id()))?,
                Err(_) => self.sleep_at(location, POLL_INTERVAL)?,
            }
        }
    }

    /// Calls `attempt` until it returns a value. Returns a [`TimedOut`] if the alarm or an enclosing one expires first.
    ///
    /// For waits that no signal interrupts: locks, channels (`recv_timeout`) and condition variables
    /// (`wait_timeout_while`). `attempt` gets a timeout: the time to the deadline, at most 10 ms. After the timeout it
    /// must return `None`. A [`ring`](Alarm::ring) ends the wait only between two attempts.
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
            runtime::recheck();
        }
    }

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

    fn wait_timeout(&self, can_be_interrupted: bool) -> Duration {
        let left = clock::until(runtime::next_under(self.key));
        if can_be_interrupted { left } else { left.min(POLL_INTERVAL) }
    }
}
