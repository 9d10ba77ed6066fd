use std::ffi::c_int;
use std::io;
use std::mem;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use nix::libc::{
    EAGAIN, EMFILE, ENFILE, ENOENT, SIGALRM, SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGKILL, SIGPIPE, SIGQUIT,
    SIGTERM, SIGTTIN, SIGTTOU, pid_t,
};
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::{Pid, setpgid};
use sigalarm::Alarm;

use crate::inbox::Inbox;
use crate::message::{quote, reason, say};
use crate::options::Options;
use crate::os::{self, Disposition};
use crate::{CANCELED, signals};

const TIMED_OUT: c_int = 124;
const CANNOT_RUN: c_int = 126;
const NOT_FOUND: c_int = 127;

pub fn run(name: &str, options: &Options) -> c_int {
    // The command inherits these dispositions.
    let found = [SIGALRM, SIGPIPE, SIGTTIN, SIGTTOU].into_iter().filter_map(Disposition::of).collect();

    if !options.foreground {
        // In a group of its own, a signal reaches all processes of the command. A group leader already has a group.
        let _ = setpgid(Pid::from_raw(0), Pid::from_raw(0));
    }
    // The handlers are installed before the command starts, so that no signal is missed.
    let inbox = match Inbox::open(&[SIGCHLD, SIGALRM, SIGINT, SIGQUIT, SIGHUP, SIGTERM, options.signal]) {
        Ok(inbox) => inbox,
        Err(e) => return fail(name, &format!("cannot wait for signals: {}", reason(&e))),
    };
    // These signals stop a whole group if one process uses the terminal.
    os::ignore(SIGTTIN);
    os::ignore(SIGTTOU);

    let mut command = Command::new(&options.command);
    command.args(&options.arguments);
    os::start_with(&mut command, found);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(e) => return not_started(name, options, &e),
    };
    // This process unblocks the signals after the spawn, because the command inherits the mask.
    let heard: SigSet = [Signal::SIGCHLD, Signal::SIGALRM].into_iter().collect();
    let _ = heard.thread_unblock();

    let mut supervisor = Supervisor { name, options, child: &mut child, timed_out: false };
    match supervisor.wait(&inbox) {
        Ok(status) => supervisor.answer(status),
        Err(e) => {
            let _ = child.kill();
            let _ = child.wait();
            fail(name, &format!("error waiting for command: {}", reason(&e)))
        }
    }
}

fn not_started(name: &str, options: &Options, e: &io::Error) -> c_int {
    if matches!(e.raw_os_error(), Some(EAGAIN | EMFILE | ENFILE)) {
        return fail(name, &format!("fork system call failed: {}", reason(e)));
    }
    say(name, &format!("failed to run command {}: {}", quote(&options.command), reason(e)));
    if e.raw_os_error() == Some(ENOENT) { NOT_FOUND } else { CANNOT_RUN }
}

fn fail(name: &str, what: &str) -> c_int {
    say(name, what);
    CANCELED
}

struct Supervisor<'a> {
    name: &'a str,
    options: &'a Options,
    child: &'a mut Child,
    timed_out: bool,
}

impl Supervisor<'_> {
    /// Waits for the command to end, and sends the signals that are due.
    fn wait(&mut self, inbox: &Inbox) -> io::Result<ExitStatus> {
        let mut deadline = moment(self.options.limit);
        let mut when_due = self.options.signal;
        let mut kill_after = self.options.kill_after;
        loop {
            let event = {
                let alarm = deadline.map_or_else(Alarm::never, Alarm::at)?;
                inbox.next(&alarm)
            };
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            let (signal, due) = match event {
                Ok(SIGCHLD) => continue,         // It was stopped or continued.
                Ok(SIGALRM) => (when_due, true), // Another process may send SIGALRM.
                Ok(signal) => (signal, false),
                Err(e) if e.kind() == io::ErrorKind::TimedOut => (when_due, true),
                Err(e) => return Err(e),
            };
            self.timed_out |= due;
            // `kill_after` also starts at a signal from outside.
            if !kill_after.is_zero() {
                deadline = moment(mem::take(&mut kill_after));
                when_due = SIGKILL;
            } else if due {
                deadline = None;
            }
            self.send(signal);
        }
    }

    /// Sends a signal to the command and, unless in the foreground, to its process group.
    fn send(&self, signal: c_int) {
        if self.options.verbose {
            let command = quote(&self.options.command);
            say(self.name, &format!("sending signal {} to command {command}", signals::name(signal)));
        }
        // The command gets a signal of its own, because it may have left the group.
        let child = self.child.id() as pid_t;
        os::kill(child, signal);
        if self.options.foreground {
            return;
        }
        self.send_to_group(signal);
        // A stopped process handles the signal only after SIGCONT.
        if signal != SIGKILL && signal != SIGCONT {
            os::kill(child, SIGCONT);
            self.send_to_group(SIGCONT);
        }
    }

    /// Signals the process group, which includes this process. KILL ends this process too.
    fn send_to_group(&self, signal: c_int) {
        // Ignoring SIGCHLD would hide the end of the command.
        if signal != SIGCHLD {
            os::ignore(signal);
        }
        os::kill(0, signal);
    }

    fn answer(&self, status: ExitStatus) -> c_int {
        let mut preserve = self.options.preserve_status;
        let code = match (status.code(), status.signal()) {
            (Some(code), _) => code,
            (_, Some(signal)) => {
                if status.core_dumped() {
                    say(self.name, "the monitored command dumped core");
                }
                // The parent then sees the command's status.
                if !self.timed_out && os::leave_no_core().is_ok() {
                    os::die_of(signal);
                }
                // The status must show that the command was killed.
                preserve |= signal == SIGKILL;
                128 + signal
            }
            _ => return fail(self.name, &format!("unknown status from command ({})", status.into_raw())),
        };
        if self.timed_out && !preserve { TIMED_OUT } else { code }
    }
}

/// Returns `time` from now; `None` for zero, which means no limit, and for times beyond the clock.
fn moment(time: Duration) -> Option<Instant> {
    if time.is_zero() { None } else { Instant::now().checked_add(time) }
}
