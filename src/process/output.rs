use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

use crate::os::pipe;

/// Where the output of a job goes: see [`Builder::stdout`](super::Builder::stdout).
/// ```standalone_crate
/// sigalarm::process::Job::builder().stdout(sigalarm::process::Output::Null).run(|| println!("hidden")).unwrap();
/// ```
#[derive(Debug, Default)]
#[non_exhaustive]
pub enum Output {
    /// To the parent's output.
    #[default]
    Inherit,
    /// To /dev/null.
    Null,
    /// To this descriptor. A job that fills a pipe blocks until another thread or process reads.
    To(OwnedFd),
}

impl Output {
    pub(super) fn open(self) -> io::Result<Option<OwnedFd>> {
        let fd = match self {
            Output::Inherit => return Ok(None),
            Output::Null => File::options().write(true).open("/dev/null")?.into(),
            Output::To(fd) => fd,
        };
        // If the program has closed a standard stream, `fd` may have its number, which the child's `dup2` overwrites.
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
