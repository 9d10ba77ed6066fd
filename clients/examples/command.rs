//! A limit on another program: one alarm for reading its output and for waiting for its end.
//!
//! ```text
//! cargo run -p sigalarm-clients --example command
//! ```
//!
//! `Command::output` has no limit. The output is read first, because a child with a full pipe blocks.

use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use sigalarm::{Alarm, TimedOut};

/// At the deadline kills the command's process group and returns an error of kind `TimedOut`.
pub fn output(command: &mut Command, alarm: &Alarm) -> io::Result<(String, ExitStatus)> {
    // A process group of its own, so that its children are killed with it.
    let mut running =
        Running { child: command.stdout(Stdio::piped()).process_group(0).spawn()?, reaped: false };
    let mut text = String::new();
    let stdout = running.child.stdout.take().expect("piped");
    alarm.reader(stdout).read_to_string(&mut text)?;
    let status = alarm.wait(&mut running.child)?;
    running.reaped = true;
    Ok((text, status))
}

struct Running {
    child: Child,
    reaped: bool,
}

impl Drop for Running {
    fn drop(&mut self) {
        // The child may have ended and left others behind. Its pid is not reused before it is reaped, so the group can
        // be killed.
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
