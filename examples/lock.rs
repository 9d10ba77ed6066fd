//! Takes a lock on a file, with a limit on the wait.
//!
//! ```text
//! cargo run --example lock -- backup.lock --limit 3s -- rsync -a src dst
//! ```
//!
//! flock(2) has no time-out and no descriptor to poll, but a signal interrupts it. [`Alarm::blocking`] needs only that.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use clap::Parser;
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::libc;
use sigalarm::Alarm;

const TIMED_OUT: u8 = 124;
const FAILED: u8 = 125;
const CANNOT_RUN: u8 = 126;
const NOT_FOUND: u8 = 127;

/// Takes an exclusive lock on a file, runs a command and releases the lock.
///
/// The lock is that of flock(2), which is advisory. Without a command this program waits until the lock is free.
#[derive(Parser)]
#[command(after_help = "\
Exit status:
  0    the lock was taken, and no COMMAND was given
  124  the lock was not free within the limit
  125  this program itself failed
  126  COMMAND was found and cannot be run
  127  COMMAND was not found
  that of COMMAND otherwise, and 128 + N if signal N ended it")]
struct Args {
    /// The file to lock, created if missing, or a directory
    file: PathBuf,
    /// How long to wait for the lock: 500ms, 3s, 1m 30s; 0s not to wait [default: for ever]
    #[arg(long, value_parser = humantime::parse_duration)]
    limit: Option<Duration>,
    /// The command to run while the lock is held
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(e) => {
            let _ = e.print();
            return ExitCode::from(if e.use_stderr() { FAILED } else { 0 });
        }
    };
    match run(&args) {
        Ok(code) => ExitCode::from(code),
        Err((message, code)) => {
            // A file name may contain control characters, even a line end.
            eprintln!("lock: {}", message.replace(char::is_control, "\u{fffd}"));
            ExitCode::from(code)
        }
    }
}

fn run(args: &Args) -> Result<u8, (String, u8)> {
    let failed = |e: io::Error| (format!("{}: {e}", args.file.display()), FAILED);
    let file = open(&args.file).map_err(failed)?;
    let lock = match take(file, args.limit).map_err(failed)? {
        Some(lock) => lock,
        None => return Err((too_late(&args.file, args.limit), TIMED_OUT)),
    };
    let code = match args.command.split_first() {
        Some((command, arguments)) => carry_out(Command::new(command).args(arguments))?,
        None => 0,
    };
    drop(lock);
    Ok(code)
}

fn open(path: &Path) -> io::Result<File> {
    let mut how = OpenOptions::new();
    // Without O_NONBLOCK the open of a named pipe would block, before the limit is armed.
    how.read(true).mode(0o666).custom_flags(libc::O_CREAT | libc::O_NONBLOCK | libc::O_NOCTTY);
    match how.open(path) {
        Err(e) if e.kind() == io::ErrorKind::IsADirectory => File::open(path),
        result => result,
    }
}

/// Takes the lock; `None` when the limit has passed.
fn take(file: File, limit: Option<Duration>) -> io::Result<Option<Flock<File>>> {
    // Zero permits one attempt.
    let file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => return Ok(Some(lock)),
        Err((file, Errno::EWOULDBLOCK)) => file,
        Err((_, errno)) => return Err(errno.into()),
    };
    let alarm = limit.map_or_else(Alarm::never, Alarm::after)?;
    let mut file = Some(file);
    let taken = alarm.blocking(|| {
        let waiting = file.take().expect("each failed attempt returns the file");
        Flock::lock(waiting, FlockArg::LockExclusive).map_err(|(back, errno)| {
            file = Some(back);
            errno.into()
        })
    });
    match taken {
        Ok(lock) => Ok(Some(lock)),
        Err(e) if e.kind() == io::ErrorKind::TimedOut => Ok(None),
        Err(e) => Err(e),
    }
}

fn carry_out(command: &mut Command) -> Result<u8, (String, u8)> {
    let status = command.status().map_err(|e| {
        let code = if e.kind() == io::ErrorKind::NotFound { NOT_FOUND } else { CANNOT_RUN };
        (format!("{}: {e}", command.get_program().to_string_lossy()), code)
    })?;
    let code = status.code().or_else(|| Some(128 + status.signal()?));
    Ok(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(FAILED))
}

fn too_late(path: &Path, limit: Option<Duration>) -> String {
    let seconds = limit.unwrap_or_default().as_secs_f64();
    let holder = match &holders(path)[..] {
        [] => "an unknown process".to_owned(),
        [one] => format!("pid {one}"),
        several => format!("pids {}", several.join(", ")),
    };
    format!("could not get the lock in {seconds} s, held by {holder}")
}

#[cfg(not(target_os = "linux"))]
fn holders(_: &Path) -> Vec<String> {
    Vec::new()
}

#[cfg(target_os = "linux")]
use linux::holders;

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::{self, Metadata};
    use std::os::unix::fs::MetadataExt;
    use std::path::Path;

    use nix::sys::stat::{major, minor};

    /// Returns the holders that [proc_locks(5)](https://man7.org/linux/man-pages/man5/proc_locks.5.html) lists.
    pub fn holders(path: &Path) -> Vec<String> {
        let (Ok(file), Ok(table)) = (fs::metadata(path), fs::read_to_string("/proc/locks")) else {
            return Vec::new();
        };
        table.lines().filter_map(|line| holder(line, &file)).collect()
    }

    /// Parses `1: FLOCK  ADVISORY  WRITE 4711 08:02:3145730 0 EOF`.
    fn holder(line: &str, file: &Metadata) -> Option<String> {
        let mut words = line.split_whitespace().skip(1);
        // The line of a waiting process has an arrow here.
        if words.next()? != "FLOCK" {
            return None;
        }
        let pid: u32 = words.nth(2)?.parse().ok()?;
        let (device, inode) = words.next()?.rsplit_once(':')?;
        if inode.parse() != Ok(file.ino()) {
            return None;
        }
        // On some file systems (btrfs, overlays) `stat` shows another device than the kernel's table.
        let is_this = device == format!("{:02x}:{:02x}", major(file.dev()), minor(file.dev()));
        (is_this || has_open(pid, file)).then(|| describe(pid)).flatten()
    }

    fn has_open(pid: u32, file: &Metadata) -> bool {
        let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
        descriptors.flatten().any(|descriptor| {
            let same = |it: Metadata| (it.dev(), it.ino()) == (file.dev(), file.ino());
            fs::metadata(descriptor.path()).is_ok_and(same)
        })
    }

    /// Returns the pid and the program's name; `None` if the process is not visible.
    fn describe(pid: u32) -> Option<String> {
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
        Some(format!("{pid} ({})", name.trim_end()))
    }
}
