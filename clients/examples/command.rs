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
    let mut child = Killed(command.stdout(Stdio::piped()).process_group(0).spawn()?);
    let mut text = String::new();
    let stdout = child.0.stdout.take().expect("piped");
    alarm.reader(stdout).read_to_string(&mut text)?;
    let status = alarm.wait(&mut child.0)?;
    Ok((text, status))
}

/// A child that does not outlive its handle.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // While it has not been waited for, its number is nobody else's.
        if let Ok(None) = self.0.try_wait() {
            let group = nix::unistd::Pid::from_raw(self.0.id() as i32);
            let _ = nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL);
            let _ = self.0.wait();
        }
    }
}

/// The time-out inside of an I/O error.
pub fn timed_out(e: &io::Error) -> Option<&TimedOut> {
    e.get_ref()?.downcast_ref()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for script in ["echo done", "echo half; sleep 1000", "exec >&-; sleep 1000"] {
        let alarm = Alarm::builder().after(Duration::from_millis(500)).label(script).arm()?;
        match output(Command::new("sh").args(["-c", script]), &alarm) {
            Ok((text, status)) => println!("{script}: {text:?}, {status}"),
            Err(e) => match timed_out(&e) {
                Some(timed_out) => println!("{timed_out}"),
                None => return Err(e.into()),
            },
        }
    }
    Ok(())
}
