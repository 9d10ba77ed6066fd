//! The command's life under the limit.

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

/// Runs the command to its end, and answers with the exit status for this process.
pub fn run(name: &str, options: &Options) -> c_int {
    // The command is to find these as if it had been started directly. Those that it will be sent from here it finds
    // at their defaults, and SIGCHLD with them.
    let found = [SIGALRM, SIGPIPE, SIGTTIN, SIGTTOU].into_iter().filter_map(Disposition::of).collect();

    if !options.foreground {
        // A group of its own, so that all that the command starts can be reached. If it leads one already it is
        // refused, and has what it wants.
        let _ = setpgid(Pid::from_raw(0), Pid::from_raw(0));
    }
    // Before there is a command that could outlive this process.
    let inbox = match Inbox::open(&[SIGCHLD, SIGALRM, SIGINT, SIGQUIT, SIGHUP, SIGTERM, options.signal]) {
        Ok(inbox) => inbox,
        Err(e) => return fail(name, &format!("cannot wait for signals: {}", reason(&e))),
    };
    // They stop a whole group of which one wants the terminal, and are meant for that one.
    os::ignore(SIGTTIN);
    os::ignore(SIGTTOU);

    let mut command = Command::new(&options.command);
    command.args(&options.arguments);
    os::start_with(&mut command, found);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(e) => return not_started(name, options, &e),
    };
    // The mask is the command's, too, so these are let in only now.
    let heard: SigSet = [Signal::SIGCHLD, Signal::SIGALRM].into_iter().collect();
    let _ = heard.thread_unblock();

    let mut supervisor = Supervisor { name, options, child: &mut child, timed_out: false };
    match supervisor.wait(&inbox) {
        Ok(status) => supervisor.answer(status),
        Err(e) => {
            // Not without a limit.
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
    /// Waits for the command to end, and for what is to be sent to it meanwhile. Its time runs from here.
    fn wait(&mut self, inbox: &Inbox) -> io::Result<ExitStatus> {
        let mut deadline = moment(self.options.limit);
        let mut when_due = self.options.signal;
        let mut kill_after = self.options.kill_after;
        loop {
            let event = {
                let alarm = deadline.map_or_else(Alarm::never, Alarm::at)?;
                inbox.next(&alarm)
            };
            // Whatever it was: a command that has ended needs no signal.
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            let (signal, due) = match event {
                Ok(SIGCHLD) => continue,         // It was stopped, or goes on.
                Ok(SIGALRM) => (when_due, true), // Somebody else's alarm is as good as ours.
                Ok(signal) => (signal, false),
                Err(e) if e.kind() == io::ErrorKind::TimedOut => (when_due, true),
                Err(e) => return Err(e),
            };
            self.timed_out |= due;
            // Also after a signal from outside there is so much time and no more.
            if !kill_after.is_zero() {
                deadline = moment(mem::take(&mut kill_after));
                when_due = SIGKILL;
            } else if due {
                deadline = None;
            }
            self.send(signal);
        }
    }

    /// Sends a signal to the command and, unless it is in the foreground, to all that it has started.
    fn send(&self, signal: c_int) {
        if self.options.verbose {
            let command = quote(&self.options.command);
            say(self.name, &format!("sending signal {} to command {command}", signals::name(signal)));
        }
        // To itself first: it may have gone to a group of its own.
        let child = self.child.id() as pid_t;
        os::kill(child, signal);
        if self.options.foreground {
            return;
        }
        self.send_to_group(signal);
        // One that is stopped gets a signal only when it goes on.
        if signal != SIGKILL && signal != SIGCONT {
            os::kill(child, SIGCONT);
            self.send_to_group(SIGCONT);
        }
    }

    /// This process is in the group, and must not take the signal for a new one. (Unless it is KILL: then it ends
    /// here, and looks to its parent as the command would.)
    fn send_to_group(&self, signal: c_int) {
        // No harm comes of a SIGCHLD, but without it the end of the command would go unnoticed.
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
                // Who waits for this process is to see what it would have seen of the command. But not another core.
                if !self.timed_out && os::leave_no_core().is_ok() {
                    os::die_of(signal);
                }
                // Others must be able to tell that it had to be killed.
                preserve |= signal == SIGKILL;
                128 + signal
            }
            _ => return fail(self.name, &format!("unknown status from command ({})", status.into_raw())),
        };
        if self.timed_out && !preserve { TIMED_OUT } else { code }
    }
}

/// When `time` will have passed; `None` for zero, which means never, and for what no clock can show.
fn moment(time: Duration) -> Option<Instant> {
    if time.is_zero() { None } else { Instant::now().checked_add(time) }
}
