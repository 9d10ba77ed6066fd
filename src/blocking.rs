//! Blocking calls, ended at the deadline.

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

impl Alarm {
    /// Runs a blocking system call, and ends it at the deadline.
    ///
    /// `call` makes one system call, or a C library's function that makes one, and hands back its error:
    /// `flock`, `connect`, `accept`, `waitpid`, `ioctl`, `read`. When the alarm, or one that encloses it, expires,
    /// the call returns with EINTR ([`io::ErrorKind::Interrupted`]) and `blocking` with the [`TimedOut`]. An EINTR
    /// for any other reason makes the call again.
    ///
    /// It works on every thread. A signal that comes between the check and the call would be lost, so the thread's timer
    /// repeats every 10 ms while the thread is blocked. The call ends at the deadline as a rule, and 10 ms after it at worst.
    ///
    /// The standard library's `read_exact`, `read_to_end`, `sleep` and others make an interrupted call again
    /// themselves and would never come back: use [`reader`](Alarm::reader) and [`sleep`](Alarm::sleep). So do its
    /// `TcpListener::accept`, `TcpStream::connect` and `File::open`: use those of `nix` or `libc`, which make one call. While
    /// it runs, the signal of another thread's timer interrupts that thread's system calls as well; at other times only those
    /// that are never restarted, `poll` for one.
    ///
    /// Costs some system calls of its own. See [signal(7)], "Interruption of system calls".
    ///
    /// # Errors
    ///
    /// Those of the call, but for `Interrupted`. At the deadline one of kind [`io::ErrorKind::TimedOut`] with the
    /// [`TimedOut`] inside ([`TimedOut::find_in`]). An [`ArmError`](crate::ArmError), as an `io::Error`, if no
    /// timer can interrupt the thread: the kernel refuses one, or the system has none for this thread (macOS, NetBSD, OpenBSD).
    ///
    /// # Examples
    ///
    /// ```
    /// use sigalarm::Alarm;
    /// use std::io::{ErrorKind, Read};
    /// use std::time::Duration;
    ///
    /// let (mut reader, _writer) = std::os::unix::net::UnixStream::pair()?;
    /// let alarm = Alarm::after(Duration::from_millis(20))?;
    /// let mut buffer = [0; 16];
    /// let e = alarm.blocking(|| reader.read(&mut buffer)).unwrap_err();
    /// assert_eq!(e.kind(), ErrorKind::TimedOut);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
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
        let waiting = Waiting::begin(Some(self.key()))?;
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

    /// Sleeps for `time`, or until the alarm or one that encloses it expires.
    ///
    /// Wakes at the deadline, not at the end of the time; also when another thread [`ring`](Alarm::ring)s. Zero sleeps not
    /// at all, and checks. See [poll(2)], by which it waits.
    ///
    /// # Errors
    ///
    /// [`TimedOut`], if that came first. With nothing left to sleep and an expired alarm it is an error as well.
    ///
    /// # Examples
    ///
    /// ```
    /// use sigalarm::Alarm;
    /// use std::time::Duration;
    ///
    /// let outer = Alarm::after(Duration::from_secs(60))?;
    /// assert!(outer.sleep(Duration::from_millis(1)).is_ok());
    ///
    /// let inner = Alarm::after(Duration::from_millis(20))?;
    /// assert!(inner.sleep(Duration::from_secs(3600)).is_err());
    /// # Ok::<(), sigalarm::ArmError>(())
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
        // Without a timer that could interrupt this thread it wakes for every deadline, and looks for a ring now and then.
        let waiting = Waiting::begin(Some(self.key()));
        loop {
            // In this order: if the deadline came before the end, it has passed by the time of the check.
            let left = clock::until(end);
            if left.is_zero() {
                runtime::recheck();
            }
            self.check_at(location)?;
            if left.is_zero() {
                return Ok(());
            }
            let nap = self.until_next(waiting.is_ok()).map_or(left, |next| left.min(next));
            // No descriptor is involved, so it cannot fail but for lack of memory: then this spins.
            let _ = poll::wait(None, Some(nap));
            runtime::recheck();
        }
    }

    /// Waits for a child process to end.
    ///
    /// As [`Child::wait`], it closes the child's standard input first, so that neither waits for the other. At the
    /// deadline the child goes on: wait again, or kill it.
    ///
    /// # Errors
    ///
    /// At the deadline one of kind [`io::ErrorKind::TimedOut`] with the [`TimedOut`] inside; otherwise those of
    /// [waitid(2)] and [`Child::wait`], such as ECHILD where other code has reaped the child, or where SIGCHLD is
    /// ignored.
    ///
    /// # Examples
    ///
    /// ```
    /// use sigalarm::Alarm;
    /// use std::process::Command;
    /// use std::time::Duration;
    ///
    /// let mut child = Command::new("sleep").arg("3600").spawn()?;
    /// let alarm = Alarm::after(Duration::from_millis(20))?;
    /// if alarm.wait(&mut child).is_err() {
    ///     child.kill()?;
    ///     child.wait()?;
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// [waitid(2)]: https://man7.org/linux/man-pages/man2/waitid.2.html
    #[track_caller]
    pub fn wait(&self, child: &mut Child) -> io::Result<ExitStatus> {
        let location = Location::caller();
        drop(child.stdin.take());
        // A child that has been waited for already answers at once, and its id may be another process's by now.
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        let id = child.id();
        // A thread that no timer can interrupt looks now and then.
        let Ok(_waiting) = Waiting::begin(Some(self.key())) else {
            loop {
                self.sleep_at(location, LOOK_AGAIN)?;
                if let Some(status) = child.try_wait()? {
                    return Ok(status);
                }
            }
        };
        self.blocking_at(location, || child::await_end(id))?;
        child.wait()
    }

    /// Waits for what has a descriptor to be ready and makes `call`, again as long as it says "not yet".
    pub(crate) fn when_ready<T, F: AsFd>(
        &self,
        location: &'static Location<'static>,
        readiness: Readiness,
        it: &mut F,
        mut call: impl FnMut(&mut F) -> io::Result<T>,
    ) -> io::Result<T> {
        self.check_at(location)?;
        let waiting = Waiting::begin(Some(self.key()));
        loop {
            self.check_at(location)?;
            let nap = self.until_next(waiting.is_ok());
            match poll::wait(Some((it.as_fd(), readiness)), nap) {
                Ok(true) => {}
                Ok(false) => {
                    runtime::recheck();
                    continue;
                }
                Err(e) => return Err(e),
            }
            match call(it) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(e) if e.kind() == io::ErrorKind::Interrupted => runtime::recheck(),
                result => return result,
            }
        }
    }

    /// How long until the next alarm is due that concerns a wait under this one. A wait that cannot be interrupted ends sooner, to
    /// look for a ring.
    fn until_next(&self, can_be_interrupted: bool) -> Option<Duration> {
        if !can_be_interrupted {
            return Some(self.timeout());
        }
        let next = runtime::next_under(self.key());
        (!next.is_never()).then(|| clock::until(next))
    }

    /// How long a wait that cannot be interrupted lasts before it checks.
    pub(crate) fn timeout(&self) -> Duration {
        clock::until(runtime::next_under(self.key())).min(LOOK_AGAIN)
    }
}

/// How often a wait that nothing can interrupt looks for a ring.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
