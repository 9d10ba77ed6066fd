//! A limit on another program: its output is read and its end waited for, both under one alarm.
//!
//! ```text
//! cargo run -p sigalarm-clients --example command
//! ```
//!
//! `Command::output` waits for ever. Reading has to come first, or a child with much to say waits for its reader; and
//! the end of its output is not its end, so both need the limit.

use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use sigalarm::{Alarm, TimedOut};

/// What a command printed, and how it ended. At the deadline it is killed, with all that it has started.
///
/// # Errors
///
/// At the deadline one of kind `TimedOut`, with the [`TimedOut`] inside; otherwise those of starting and of reading.
pub fn output(command: &mut Command, alarm: &Alarm) -> io::Result<(String, ExitStatus)> {
    // A process group of its own, so that nothing is left of it.
    let mut running =
        Running { child: command.stdout(Stdio::piped()).process_group(0).spawn()?, reaped: false };
    let mut text = String::new();
    let stdout = running.child.stdout.take().expect("piped");
    alarm.reader(stdout).read_to_string(&mut text)?;
    let status = alarm.wait(&mut running.child)?;
    running.reaped = true;
    Ok((text, status))
}

/// A child, and whatever it has started, that does not outlive its handle.
struct Running {
    child: Child,
    reaped: bool,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended and left others behind. As long as nobody has reaped it, not by `try_wait` either, its
        // number is nobody else's, and its group can be killed.
        if !self.reaped {
            let group = nix::unistd::Pid::from_raw(self.child.id() as i32);
            let _ = nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL);
            let _ = self.child.wait();
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for script in ["echo done", "echo half; sleep 1000", "exec >&-; sleep 1000"] {
        let alarm = Alarm::builder().after(Duration::from_millis(500)).label(script).arm()?;
        match output(Command::new("sh").args(["-c", script]), &alarm) {
            Ok((text, status)) => println!("{script}: {text:?}, {status}"),
            Err(e) => match TimedOut::find_in(&e) {
                Some(timed_out) => println!("{timed_out}"),
                None => return Err(e.into()),
            },
        }
    }
    Ok(())
}
