//! Where a child's standard output and error go.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

use crate::os::pipe;

/// Where the output of a job goes: [`Builder::stdout`](super::Builder::stdout) and
/// [`stderr`](super::Builder::stderr).
///
/// ```standalone_crate
/// use sigalarm::process::{Job, Output};
/// use std::io::Read;
///
/// let (mut reader, writer) = std::io::pipe()?;
/// let job = Job::builder().stdout(std::os::fd::OwnedFd::from(writer)).stderr(Output::Null).spawn(|| println!("hello"))?;
/// job.join()?;
/// let mut text = String::new();
/// reader.read_to_string(&mut text)?;
/// assert_eq!(text, "hello\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
#[non_exhaustive]
pub enum Output {
    /// Where the parent's goes.
    #[default]
    Inherit,
    /// Nowhere.
    Null,
    /// To this descriptor: a file, the writing end of a pipe. A join does not read that pipe. A job that fills it blocks until
    /// another thread or process reads.
    To(OwnedFd),
}

impl Output {
    /// The descriptor to put in the stream's place; `None` to leave it as it is.
    pub(super) fn open(self) -> io::Result<Option<OwnedFd>> {
        let fd = match self {
            Output::Inherit => return Ok(None),
            Output::Null => File::options().write(true).open("/dev/null")?.into(),
            Output::To(fd) => fd,
        };
        // It may have the number of a closed standard stream, and be lost when that is redirected.
        pipe::above_streams(fd).map(Some)
    }
}

impl From<File> for Output {
    fn from(file: File) -> Output {
        Output::To(file.into())
    }
}

impl From<OwnedFd> for Output {
    fn from(fd: OwnedFd) -> Output {
        Output::To(fd)
    }
}
