//! The timeout example against GNU timeout(1), or alone where that is missing.

mod arguments;
mod ends;
mod signals;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::LazyLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{self, SigHandler, SigSet, Signal};
use nix::unistd::Pid;

fn ours() -> PathBuf {
    super::executable("timeout")
}

static THEIRS: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
    let path = PathBuf::from("/usr/bin/timeout");
    let version = Command::new(&path).arg("--version").output().ok().map(|output| output.stdout);
    let is_gnu = version.is_some_and(|text| String::from_utf8_lossy(&text).contains("GNU coreutils"));
    if !is_gnu {
        println!("skipped: no timeout of the GNU core utilities to compare with");
    }
    is_gnu.then_some(path)
});

#[derive(Debug, PartialEq)]
struct Seen {
    /// 128 + n for a death by signal n. GNU timeout sometimes exits with that code itself.
    code: i32,
    stdout: String,
    stderr: String,
}

fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| death(status.signal().unwrap()))
}

const fn death(signal: i32) -> i32 {
    128 + signal
}

fn timeout(program: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.arg0("timeout").env("LC_ALL", "C").env("PATH", super::PATH).args(args);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(command: &mut Command) -> Seen {
    finish(command.spawn().unwrap())
}

fn finish(child: Child) -> Seen {
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Seen { code: code(output.status), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Applies `look` to both programs and asserts equal results.
#[track_caller]
fn beside<T: PartialEq + std::fmt::Debug>(look: impl Fn(&Path) -> T) -> T {
    let seen = look(&ours());
    if let Some(theirs) = THEIRS.as_ref() {
        assert_eq!(seen, look(theirs), "left is ours, right is that of the core utilities");
    }
    seen
}

#[track_caller]
fn both(args: &[&str]) -> Seen {
    let began = Instant::now();
    let seen = beside(|program| run(&mut timeout(program, args)));
    assert!(began.elapsed() < Duration::from_secs(30), "{args:?} took {:?}", began.elapsed());
    seen
}

/// Runs `script` in a shell under the limit.
#[track_caller]
fn script(args: &[&str], script: &str) -> Seen {
    both(&[args, &["sh", "-c", script]].concat())
}

struct Running {
    child: Child,
    /// `cat` runs until this is closed.
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    said: String,
}

impl Running {
    /// Starts the command, which must echo or print the line "ready".
    fn start(mut command: Command) -> Running {
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        let mut to = child.stdin.take().unwrap();
        to.write_all(b"ready\n").unwrap();
        let mut from = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        while !said.ends_with("ready\n") {
            assert!(from.read_line(&mut said).unwrap() > 0, "it ended before it was ready: {said}");
        }
        said.truncate(said.len() - "ready\n".len());
        // GNU timeout may miss a signal that comes before it has started the command.
        let stat = format!("/proc/{}/stat", child.id());
        let is_in = |state| fs::read_to_string(&stat).unwrap().contains(state);
        while is_in(") R ") || is_in(") D ") {
            sleep(Duration::from_millis(1));
        }
        Running { child, to, from, said }
    }

    fn send(&self, signal: Signal) {
        signal::kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }

    fn finish(mut self) -> Seen {
        let began = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            if began.elapsed() > Duration::from_secs(60) {
                self.child.kill().unwrap();
                panic!("it does not end");
            }
            sleep(Duration::from_millis(1));
        }
        drop(self.to);
        self.from.read_to_string(&mut self.said).unwrap();
        Seen { stdout: self.said, ..finish(self.child) }
    }
}

#[track_caller]
fn sent(signal: Signal, args: &[&str]) -> Seen {
    beside(|program| {
        let running = Running::start(timeout(program, args));
        running.send(signal);
        running.finish()
    })
}

/// Waits for a trap without leaving processes or messages.
const LOOP: &str = "exec 2>/dev/null; echo ready; while :; do sleep .05; done";

const DEAF: &str = "trap '' TERM; echo ready; exec sleep 20";

/// Starts the command with exactly these signals ignored and blocked, whatever the tests inherit.
#[allow(unsafe_code)]
fn after(command: &mut Command, ignored: &'static [Signal], blocked: &'static [Signal]) {
    let prepare = move || {
        for signal in Signal::iterator().filter(|signal| ![Signal::SIGKILL, Signal::SIGSTOP].contains(signal))
        {
            let is_ignored = ignored.contains(&signal);
            // SAFETY: SIG_IGN and SIG_DFL run no code of the program.
            unsafe {
                signal::signal(signal, if is_ignored { SigHandler::SigIgn } else { SigHandler::SigDfl })?
            };
        }
        let mut mask = SigSet::empty();
        blocked.iter().for_each(|&signal| mask.add(signal));
        Ok(mask.thread_set_mask()?)
    };
    // SAFETY: system calls only, on locals.
    unsafe { command.pre_exec(prepare) };
}
