//! Readers and writers that end at the deadline.

use std::io::{self, BufRead, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::panic::Location;

use nix::libc::STDIN_FILENO;

use crate::alarm::Alarm;
use crate::os::poll::Readiness;

impl Alarm {
    /// Returns a reader whose every read ends at the deadline: for pipes, sockets, terminals, whatever has a descriptor.
    ///
    /// At the deadline a read fails with [`io::ErrorKind::TimedOut`] and the [`TimedOut`](crate::TimedOut) inside;
    /// never with `Interrupted`, which `read_exact` and its like would try again. No byte is lost: what was read
    /// before has been returned, and the rest is still to be read. Put std's
    /// [`BufReader`](io::BufReader) around it for lines; `read_to_end` leaves in the buffer what had come.
    ///
    /// It takes a descriptor in blocking mode or not, and shared with another process or not. A regular file is
    /// always ready; then the reader only checks. A read of zero bytes does not wait. `r` may be a reference.
    ///
    /// Each read makes some system calls of its own. See [poll(2)], by which it waits. Of what has a buffer of its own the wait
    /// sees only the descriptor, so `r` must not have one, unless it is standard input.
    ///
    /// # Standard input
    ///
    /// [`io::stdin`](std::io::stdin) has a buffer, which is shared by the whole process. A reader of it, or of its
    /// [`lock`](io::Stdin::lock), first takes what is in that buffer. It then waits in read(2), as
    /// [`blocking`](Alarm::blocking) does: late by 10 ms at worst, with an [`ArmError`](crate::ArmError) where no timer can
    /// interrupt the thread. What it has read and not returned stays in std's buffer, for the next reader and for std.
    ///
    /// The lock has [`BufRead`]: `read_line` and `lines` read a line with a limit. If the deadline comes in the middle of
    /// a line, `read_line` leaves the first part in its `String`, and a second call adds the rest. (It drops a part that ends
    /// within a UTF-8 character; `read_until` drops nothing.)
    ///
    /// The limit does not cover the wait for std's lock while another thread reads from standard input: in `lock`, and in each
    /// read of a reader without it.
    ///
    /// ```no_run
    /// use sigalarm::Alarm;
    /// use std::io::{BufRead, ErrorKind, stdin};
    /// use std::time::Duration;
    ///
    /// let alarm = Alarm::after(Duration::from_secs(10))?;
    /// let mut name = String::new();
    /// eprintln!("Your name?");
    /// match alarm.reader(stdin().lock()).read_line(&mut name) {
    ///     Err(e) if e.kind() == ErrorKind::TimedOut => eprintln!("{e}"),
    ///     result => assert_eq!(result?, name.len()),
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Examples
    ///
    /// ```
    /// use sigalarm::Alarm;
    /// use std::io::{BufRead, BufReader, ErrorKind, Write};
    /// use std::os::unix::net::UnixStream;
    /// use std::time::Duration;
    ///
    /// let (here, mut there) = UnixStream::pair()?;
    /// there.write_all(b"first\nsec")?;
    ///
    /// let alarm = Alarm::after(Duration::from_millis(20))?;
    /// let mut lines = BufReader::new(alarm.reader(&here)).lines();
    /// assert_eq!(lines.next().unwrap()?, "first");
    /// assert_eq!(lines.next().unwrap().unwrap_err().kind(), ErrorKind::TimedOut);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// [poll(2)]: https://man7.org/linux/man-pages/man2/poll.2.html
    #[track_caller]
    #[doc(alias("stdin", "read_line"))]
    pub fn reader<R: Read + AsFd>(&self, r: R) -> Reader<'_, R> {
        Reader { alarm: self, inner: r, location: Location::caller() }
    }

    /// A writer whose every write ends at the deadline.
    ///
    /// At the deadline a write fails with [`io::ErrorKind::TimedOut`] and the [`TimedOut`](crate::TimedOut) inside.
    /// A write that had put out a part says so first, as `write` does, and the next one fails: no byte is lost or
    /// written twice. (`write_all` does not tell how far it came; that is how it is made.)
    ///
    /// Otherwise as [`reader`](Alarm::reader). `w` must not have a buffer of its own, as [`io::stdout`](std::io::stdout) has:
    /// when std empties it, it makes interrupted calls again. Use a [`File`](std::fs::File) made of a clone of the descriptor
    /// (`stdout().as_fd().try_clone_to_owned()?.into()`).
    ///
    /// # Examples
    ///
    /// ```
    /// use sigalarm::Alarm;
    /// use std::io::{ErrorKind, Write};
    /// use std::os::unix::net::UnixStream;
    /// use std::time::Duration;
    ///
    /// let (here, _nobody_reads) = UnixStream::pair()?;
    /// let alarm = Alarm::after(Duration::from_millis(20))?;
    /// let e = alarm.writer(&here).write_all(&vec![0; 10_000_000]).unwrap_err();
    /// assert_eq!(e.kind(), ErrorKind::TimedOut);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn writer<W: Write + AsFd>(&self, w: W) -> Writer<'_, W> {
        Writer { alarm: self, inner: w, location: Location::caller() }
    }
}

/// A reader under a limit; made by [`Alarm::reader`].
///
/// ```
/// use sigalarm::Alarm;
/// use std::io::{ErrorKind, Read, Write};
/// use std::os::unix::net::UnixStream;
///
/// let (here, mut there) = UnixStream::pair()?;
/// there.write_all(b"ready")?;
///
/// let alarm = Alarm::never()?;
/// let mut reader = alarm.reader(here);
/// let mut word = [0; 5];
/// reader.read_exact(&mut word)?;
/// assert_eq!(&word, b"ready");
/// alarm.ring(); // now a read ends at once, whatever there is to read
/// assert_eq!(reader.read_exact(&mut word).unwrap_err().kind(), ErrorKind::TimedOut);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Reader<'a, R> {
    alarm: &'a Alarm,
    inner: R,
    /// Where it was made: that is what a time-out names, since std's adapters stand between it and the reads.
    location: &'static Location<'static>,
}

/// A writer under a limit; made by [`Alarm::writer`].
///
/// ```
/// use sigalarm::Alarm;
/// use std::io::{self, Write};
/// use std::os::unix::net::UnixStream;
/// use std::time::Duration;
///
/// let (here, there) = UnixStream::pair()?;
/// let alarm = Alarm::after(Duration::from_secs(10))?;
/// let mut writer = alarm.writer(here);
/// writeln!(writer, "{} tours", 42)?;
/// alarm.ring();
/// assert!(writeln!(writer, "and one more").is_err());
/// drop(writer);
/// assert_eq!(io::read_to_string(there)?, "42 tours\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Writer<'a, W> {
    alarm: &'a Alarm,
    inner: W,
    location: &'static Location<'static>,
}

impl<R> Reader<'_, R> {
    /// The reader underneath, which knows no limit.
    ///
    /// ```
    /// use sigalarm::Alarm;
    /// use std::io::{self, Read, Write};
    /// use std::os::unix::net::UnixStream;
    /// use std::time::Duration;
    ///
    /// let (here, mut there) = UnixStream::pair()?;
    /// there.write_all(b"name\neverything else")?;
    /// drop(there);
    ///
    /// let alarm = Alarm::after(Duration::from_secs(10))?;
    /// let mut greeting = alarm.reader(here);
    /// greeting.read_exact(&mut [0; 5])?; // under the limit
    /// let rest = io::read_to_string(greeting.into_inner())?; // and without it
    /// assert_eq!(rest, "everything else");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn into_inner(self) -> R {
        self.inner
    }

    /// The reader underneath, to look at.
    ///
    /// ```
    /// use sigalarm::Alarm;
    /// use std::io;
    /// use std::net::Shutdown;
    /// use std::os::unix::net::UnixStream;
    ///
    /// let (here, there) = UnixStream::pair()?;
    /// let alarm = Alarm::never()?;
    /// let reader = alarm.reader(here);
    /// reader.get_ref().shutdown(Shutdown::Write)?; // nothing to say, only to hear
    /// assert_eq!(io::read_to_string(there)?, "");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get_ref(&self) -> &R {
        &self.inner
    }
}

impl<W> Writer<'_, W> {
    /// The writer underneath, which knows no limit.
    ///
    /// ```
    /// use sigalarm::Alarm;
    /// use std::io::Write;
    /// use std::process::{Command, Stdio};
    /// use std::time::Duration;
    ///
    /// let mut cat = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    /// let alarm = Alarm::after(Duration::from_secs(60))?;
    /// let mut writer = alarm.writer(cat.stdin.take().unwrap());
    /// writer.write_all(b"meow")?;
    /// drop(writer.into_inner()); // closes it
    /// assert_eq!(cat.wait_with_output()?.stdout, b"meow");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn into_inner(self) -> W {
        self.inner
    }

    /// The writer underneath, to look at.
    ///
    /// ```
    /// use sigalarm::Alarm;
    /// use std::fs::File;
    /// use std::io::IsTerminal;
    ///
    /// let alarm = Alarm::never()?;
    /// let writer = alarm.writer(File::create("/dev/null")?);
    /// assert!(!writer.get_ref().is_terminal()); // no colours, then
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get_ref(&self) -> &W {
        &self.inner
    }
}

impl<R: Read + AsFd> Read for Reader<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            self.alarm.check_at(self.location)?;
            return Ok(0);
        }
        if self.inner.as_fd().as_raw_fd() == STDIN_FILENO {
            return self.buffered(|inner| inner.read(buffer));
        }
        self.alarm.when_ready(self.location, Readiness::Readable, &mut self.inner, |inner| inner.read(buffer))
    }
}

/// For what has a buffer: [`io::StdinLock`], see [`Alarm::reader`].
impl<R: BufRead + AsFd> BufRead for Reader<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self.buffered(|inner| inner.fill_buf().map(<[u8]>::len))? {
            0 => Ok(&[]), // At the end of the file it would be read again.
            _ => self.inner.fill_buf(),
        }
    }

    fn consume(&mut self, bytes: usize) {
        self.inner.consume(bytes);
    }
}

impl<R: AsFd> Reader<'_, R> {
    /// Makes a call that takes bytes out of a buffer and, if that is empty, reads once. poll(2) does not see the buffer, so the
    /// call comes first.
    fn buffered<T>(&mut self, mut call: impl FnMut(&mut R) -> io::Result<T>) -> io::Result<T> {
        let Reader { alarm, inner, location } = self;
        let called = alarm.blocking_at(location, || match call(inner) {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(None),
            result => result.map(Some),
        })?;
        match called {
            Some(value) => Ok(value),
            None => alarm.when_ready(location, Readiness::Readable, inner, call),
        }
    }
}

impl<W: Write + AsFd> Write for Writer<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            self.alarm.check_at(self.location)?;
            return Ok(0);
        }
        self.alarm.when_ready(self.location, Readiness::Writable, &mut self.inner, |inner| inner.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.alarm.when_ready(self.location, Readiness::Writable, &mut self.inner, Write::flush)
    }
}
