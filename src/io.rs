use std::io::{self, BufRead, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::panic::Location;

use nix::libc::STDIN_FILENO;

use crate::alarm::Alarm;
use crate::os::poll::Readiness;

impl Alarm {
    /// Returns a reader whose reads end at the deadline: for pipes, sockets and terminals.
    ///
    /// A read waits in poll(2), which reports regular files as always ready and cannot see bytes that `r` has buffered.
    /// So `r` must be unbuffered, or standard input. To read lines, put a [`BufReader`](io::BufReader) around the
    /// returned reader.
    ///
    /// # Errors
    ///
    /// After an expiry, [`io::ErrorKind::TimedOut`] with a [`TimedOut`](crate::TimedOut) inside. The failed read has
    /// consumed no bytes.
    ///
    /// # Standard input
    ///
    /// A read returns bytes that [`io::stdin`](std::io::stdin) has buffered. If there are none, it waits as
    /// [`blocking`](Alarm::blocking) does, with the same errors. The limit does not cover the wait for the lock of
    /// `io::stdin`.
    ///
    /// `alarm.reader(stdin().lock())` implements [`BufRead`]. If the deadline comes within a line, `read_line` leaves
    /// the first part in its `String`, and the next `read_line` appends the rest. But a part that ends within a UTF-8
    /// character is lost.
    /// ```
    /// let (here, _there) = std::os::unix::net::UnixStream::pair().unwrap();
    /// let alarm = sigalarm::Alarm::after(std::time::Duration::from_millis(20)).unwrap();
    /// let e = std::io::read_to_string(alarm.reader(&here)).unwrap_err();
    /// assert_eq!(e.kind(), std::io::ErrorKind::TimedOut);
    /// ```
    #[track_caller]
    #[doc(alias("stdin", "read_line"))]
    pub fn reader<R: Read + AsFd>(&self, r: R) -> Reader<'_, R> {
        Reader { alarm: self, inner: r, location: Location::caller() }
    }

    /// Returns a writer whose writes end at the deadline, with the errors of [`reader`](Alarm::reader).
    ///
    /// `write` returns the number of written bytes. After a failed `write_all` this number is unknown. `w` must be
    /// unbuffered: for standard output, pass a [`File`](std::fs::File) from `stdout().as_fd().try_clone_to_owned()?`.
    /// ```
    /// let (here, _there) = std::os::unix::net::UnixStream::pair().unwrap();
    /// let alarm = sigalarm::Alarm::after(std::time::Duration::from_millis(20)).unwrap();
    /// assert!(std::io::Write::write_all(&mut alarm.writer(&here), &vec![0; 10_000_000]).is_err());
    /// ```
    #[track_caller]
    pub fn writer<W: Write + AsFd>(&self, w: W) -> Writer<'_, W> {
        Writer { alarm: self, inner: w, location: Location::caller() }
    }
}

/// A reader with a time limit, returned by [`Alarm::reader`].
/// ```
/// let alarm = sigalarm::testing::expired();
/// let reader: sigalarm::Reader<std::io::Stdin> = alarm.reader(std::io::stdin());
/// assert!(std::io::read_to_string(reader).is_err());
/// ```
#[derive(Debug)]
pub struct Reader<'a, R> {
    alarm: &'a Alarm,
    inner: R,
    location: &'static Location<'static>,
}

/// A writer with a time limit, returned by [`Alarm::writer`].
/// ```
/// let alarm = sigalarm::testing::expired();
/// let mut writer: sigalarm::Writer<std::io::Stderr> = alarm.writer(std::io::stderr());
/// assert!(std::io::Write::write(&mut writer, b"late").is_err());
/// ```
#[derive(Debug)]
pub struct Writer<'a, W> {
    alarm: &'a Alarm,
    inner: W,
    location: &'static Location<'static>,
}

impl<R> Reader<'_, R> {
    /// Returns the reader underneath.
    /// ```
    /// let _stdin: std::io::Stdin = sigalarm::testing::never().reader(std::io::stdin()).into_inner();
    /// ```
    pub fn into_inner(self) -> R {
        self.inner
    }

    /// Borrows the reader underneath.
    /// ```
    /// let alarm = sigalarm::testing::never();
    /// let _stdin: &std::io::Stdin = alarm.reader(std::io::stdin()).get_ref();
    /// ```
    pub fn get_ref(&self) -> &R {
        &self.inner
    }
}

impl<W> Writer<'_, W> {
    /// Returns the writer underneath.
    /// ```
    /// let _stderr: std::io::Stderr = sigalarm::testing::never().writer(std::io::stderr()).into_inner();
    /// ```
    pub fn into_inner(self) -> W {
        self.inner
    }

    /// Borrows the writer underneath.
    /// ```
    /// let alarm = sigalarm::testing::never();
    /// let _stderr: &std::io::Stderr = alarm.writer(std::io::stderr()).get_ref();
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
            return self.read_through_buffer(|inner| inner.read(buffer));
        }
        self.alarm.when_ready(self.location, Readiness::Readable, &mut self.inner, |inner| inner.read(buffer))
    }
}

impl<R: BufRead + AsFd> BufRead for Reader<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self.read_through_buffer(|inner| inner.fill_buf().map(<[u8]>::len))? {
            0 => Ok(&[]), // The end of the file: another `fill_buf` would wait again.
            _ => self.inner.fill_buf(),
        }
    }

    fn consume(&mut self, bytes: usize) {
        self.inner.consume(bytes);
    }
}

impl<R: AsFd> Reader<'_, R> {
    fn read_through_buffer<T>(&mut self, mut call: impl FnMut(&mut R) -> io::Result<T>) -> io::Result<T> {
        let Reader { alarm, inner, location } = self;
        let called = alarm.blocking_at(location, || match call(inner) {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(None),
            result => result.map(Some),
        })?;
        called.map_or_else(|| alarm.when_ready(location, Readiness::Readable, inner, call), Ok)
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
