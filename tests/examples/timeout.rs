//! The timeout example against GNU timeout(1), or alone where that is missing.

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::LazyLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::libc::{
    self, SIGABRT, SIGALRM, SIGHUP, SIGINT, SIGKILL, SIGPIPE, SIGQUIT, SIGSEGV, SIGTERM, SIGUSR1,
};
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

static UTF8: LazyLock<bool> = LazyLock::new(|| {
    let speaks =
        |path: &PathBuf| run(timeout(path, &["1", ""]).env("LC_ALL", "C.UTF-8")).stderr.contains('‘');
    THEIRS.as_ref().is_none_or(speaks)
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

#[test]
fn status_of_the_command_is_returned() {
    assert_eq!(both(&["10", "true"]).code, 0);
    assert_eq!(both(&["10", "false"]).code, 1);
    assert_eq!(script(&["10"], "exit 2").code, 2);
    assert_eq!(script(&["10"], "exit 255").code, 255);
    assert_eq!(script(&["10"], "exit 124").code, 124);
}

#[test]
fn deadly_signal_of_the_command_is_repeated() {
    for signal in [SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGKILL, SIGUSR1, SIGALRM, SIGPIPE, SIGSEGV, SIGABRT, 40]
    {
        let dies = format!("ulimit -c 0; kill -{signal} $$");
        assert_eq!(script(&["10"], &dies).code, death(signal));
        assert_eq!(script(&["--preserve-status", "10"], &dies).code, death(signal));
        // For a parent that is no shell too.
        let status = timeout(&ours(), &["10", "sh", "-c", &dies]).status().unwrap();
        assert_eq!(status.signal(), Some(signal), "{status}");
    }
}

/// A core file depends on the machine. Both programs must report it alike.
#[test]
fn core_dump_is_reported() {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("timeout");
    fs::create_dir_all(&place).unwrap();
    let seen = beside(|program| {
        let script = "ulimit -c unlimited 2>/dev/null; kill -SEGV $$";
        let mut child = timeout(program, &["10", "sh", "-c", script]).current_dir(&place).spawn().unwrap();
        let dumped = child.wait().unwrap().core_dumped();
        (dumped, finish(child))
    });
    assert_eq!(seen.1.code, death(SIGSEGV));
    assert!(!seen.0, "a core of timeout itself");
    fs::remove_dir_all(place).unwrap();
}

#[test]
fn limit_ends_the_command() {
    let began = Instant::now();
    assert_eq!(both(&[".1", "sleep", "20"]), Seen { code: 124, stdout: "".into(), stderr: "".into() });
    assert!(began.elapsed() >= Duration::from_millis(100));
    assert_eq!(both(&["-s", "INT", ".1", "sleep", "20"]).code, 124);
    assert_eq!(both(&["-s", "RTMIN+3", ".1", "sleep", "20"]).code, 124);
    assert_eq!(both(&["--signal=CONT", ".1", "sleep", "1"]).code, 124);
    let trap = format!("trap 'exit 3' TERM; {LOOP}");
    assert_eq!(sent(Signal::SIGALRM, &["30", "sh", "-c", &trap]).code, 124);
    assert_eq!(script(&[".1"], "trap '' TERM; sleep 1").code, 124);
}

#[test]
fn status_can_be_preserved() {
    let seen = both(&["--preserve-status", ".1", "sleep", "20"]);
    assert_eq!(seen.code, death(SIGTERM));
    let seen = both(&["--preserve-status", "-s", "USR1", ".1", "sleep", "20"]);
    assert_eq!(seen.code, death(SIGUSR1));
    let trap = format!("trap 'exit 3' TERM; {LOOP}");
    assert_eq!(sent(Signal::SIGALRM, &["--preserve-status", "30", "sh", "-c", &trap]).code, 3);
}

#[test]
fn kill_ends_the_group() {
    let ends = |args: &[&str]| {
        assert_eq!(both(args).code, death(SIGKILL));
        timeout(&ours(), args).status().unwrap()
    };
    assert_eq!(ends(&["-s", "KILL", ".1", "sleep", "20"]).signal(), Some(SIGKILL));
    assert_eq!(ends(&["-s", "9", "--foreground", ".1", "sleep", "20"]).code(), Some(137));
    assert_eq!(ends(&["-k", ".1", "-s0", ".1", "sleep", "20"]).signal(), Some(SIGKILL));
    assert_eq!(ends(&["-k.1", "-s0", "--foreground", ".1", "sleep", "20"]).code(), Some(137));
    assert_eq!(sent(Signal::SIGALRM, &["-k.2", "30", "sh", "-c", DEAF]).code, death(SIGKILL));
    assert_eq!(both(&["-k", "10", ".1", "sleep", "20"]).code, 124);
    assert_eq!(both(&["-k", "0", "-s0", ".1", "sleep", "1"]).code, 124);
}

#[test]
fn verbose_names_the_signal() {
    let lines = |signals: &[&str]| -> String {
        signals.iter().map(|s| format!("timeout: sending signal {s} to command 'sleep'\n")).collect()
    };
    assert_eq!(both(&["-v", ".1", "sleep", "20"]).stderr, lines(&["TERM"]));
    assert_eq!(both(&["--verbose", "-s0", "-k.1", ".1", "sleep", "20"]).stderr, lines(&["EXIT", "KILL"]));
    assert_eq!(both(&["-vs", "cld", "-k.1", ".1", "sleep", "20"]).stderr, lines(&["CHLD", "KILL"]));
    for (given, shown) in [("io", "POLL"), ("34", "RTMIN"), ("49", "RTMIN+15"), ("50", "RTMAX-14")] {
        assert_eq!(both(&["-vs", given, ".1", "sleep", "20"]).stderr, lines(&[shown]));
    }
}

#[test]
fn stopped_command_gets_the_signal() {
    assert_eq!(script(&[".2"], "kill -STOP $$; sleep 20").code, 124);
    assert_eq!(script(&[".5"], "sh -c 'kill -STOP $$; sleep 20'").code, 124);
}

#[test]
fn whole_group_is_ended() {
    // A surviving process would hold the pipe open.
    let began = Instant::now();
    assert_eq!(script(&[".2"], "sleep 20 & sleep 20 & wait").code, 124);
    assert!(began.elapsed() < Duration::from_secs(18), "{:?}", began.elapsed());
}

#[test]
fn foreground_ends_only_the_command() {
    let seen = beside(|program| {
        let script = "sleep 20 >/dev/null 2>&1 & echo $!; echo ready; exec sleep 20";
        let running = Running::start(timeout(program, &["--foreground", "30", "sh", "-c", script]));
        running.send(Signal::SIGALRM);
        let seen = running.finish();
        let left = Pid::from_raw(seen.stdout.trim().parse().unwrap());
        (seen.code, signal::kill(left, Signal::SIGKILL))
    });
    assert_eq!(seen, (124, Ok(())));
}

/// Field 5 of `stat` is the process group.
#[test]
fn group_is_created_except_in_the_foreground() {
    let leads = "set -- $(cat /proc/$$/stat); test $5 = $PPID && echo led by timeout";
    assert_eq!(script(&["10"], leads).stdout, "led by timeout\n");
    assert_eq!(script(&["--foreground", "10"], leads).stdout, "");
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

#[test]
fn signals_are_forwarded() {
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT] {
        assert_eq!(sent(signal, &["30", "cat"]).code, death(signal as i32));
        assert_eq!(sent(signal, &["--foreground", "30", "cat"]).code, death(signal as i32));
    }
    assert_eq!(sent(Signal::SIGUSR1, &["-s", "USR1", "30", "cat"]).code, death(SIGUSR1));
    let seen = sent(Signal::SIGTERM, &["-v", "30", "cat"]);
    assert_eq!(seen.stderr, "timeout: sending signal TERM to command 'cat'\n");
}

/// Waits for a trap without leaving processes or messages.
const LOOP: &str = "exec 2>/dev/null; echo ready; while :; do sleep .05; done";

const DEAF: &str = "trap '' TERM; echo ready; exec sleep 20";

#[test]
fn command_may_handle_forwarded_signals() {
    let script = format!("trap 'echo got it; exit 7' TERM; {LOOP}");
    let seen = sent(Signal::SIGTERM, &["30", "sh", "-c", &script]);
    assert_eq!(seen, Seen { code: 7, stdout: "got it\n".into(), stderr: "".into() });
}

#[test]
fn signals_are_forwarded_to_the_group() {
    let began = Instant::now();
    let seen = sent(Signal::SIGTERM, &["30", "sh", "-c", "(cat; sleep 20) & (echo ready; exec sleep 20)"]);
    assert_eq!(seen.code, death(SIGTERM));
    assert!(began.elapsed() < Duration::from_secs(18), "{:?}", began.elapsed());
}

#[test]
fn signal_to_the_whole_group_is_handled_once() {
    assert_eq!(script(&["10"], "kill -TERM 0; sleep 20").code, death(SIGTERM));
    // GNU timeout dies of it until it has stored the pid of its command.
    assert_eq!(script(&["10"], "trap '' TERM; sleep .5; kill -TERM 0; exit 5").code, 5);
}

#[test]
fn kill_follows_a_forwarded_signal() {
    assert_eq!(sent(Signal::SIGTERM, &["-k.2", "30", "sh", "-c", DEAF]).code, death(SIGKILL));
    assert_eq!(sent(Signal::SIGTERM, &["--foreground", "-k.2", "30", "sh", "-c", DEAF]).code, 137);
}

#[test]
fn foreign_sigalrm_ends_it_like_the_limit() {
    assert_eq!(sent(Signal::SIGALRM, &["30", "cat"]).code, 124);
    assert_eq!(sent(Signal::SIGALRM, &["0", "cat"]).code, 124);
    let preserving = ["-s", "INT", "--preserve-status", "30", "cat"];
    assert_eq!(sent(Signal::SIGALRM, &preserving).code, death(SIGINT));
}

/// `perl -e 'alarm 1; exec @ARGV' timeout …` leaves such a timer behind.
#[test]
fn inherited_timer_is_harmless() {
    let have_perl = Command::new("perl").arg("-v").output().is_ok();
    if !have_perl {
        println!("skipped: no perl on this machine");
        return;
    }
    let seen = beside(|program| {
        let mut command = Command::new("perl");
        command.args(["-e", "alarm 1; exec @ARGV or die"]).arg(program).args(["20", "sleep", "20"]);
        run(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped())).code
    });
    assert_eq!(seen, 124);
}

/// A background read from a terminal stops the whole group.
#[test]
fn terminal_does_not_stop_it() {
    for signal in [Signal::SIGTTIN, Signal::SIGTTOU] {
        let seen = beside(|program| {
            let running = Running::start(timeout(program, &["30", "cat"]));
            running.send(signal);
            running.send(Signal::SIGALRM);
            running.finish().code
        });
        assert_eq!(seen, 124);
    }
}

#[test]
fn nested_timeouts_end_both() {
    let began = Instant::now();
    assert_eq!(both(&["20", "/usr/bin/env", "sleep", "0"]).code, 0);
    let seen = beside(|program| {
        let program_name = program.to_str().unwrap();
        run(&mut timeout(program, &["-s", "ALRM", ".2", program_name, "-s", "INT", "15", "sleep", "20"])).code
    });
    assert_eq!(seen, 124);
    assert!(began.elapsed() < Duration::from_secs(18), "the command of the inner one went on");
}

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

#[test]
fn inherited_ignored_and_blocked_signals_are_handled() {
    use Signal::{SIGALRM, SIGCHLD, SIGINT, SIGTERM};
    let ends = |args: &[&str], ignored, blocked| {
        beside(|program| {
            let mut command = timeout(program, args);
            after(&mut command, ignored, blocked);
            run(&mut command).code
        })
    };
    assert_eq!(ends(&[".1", "sleep", "20"], &[], &[SIGALRM]), 124);
    assert_eq!(ends(&[".1", "sleep", "20"], &[SIGALRM], &[]), 124);
    assert_eq!(ends(&[".1", "sleep", "20"], &[SIGALRM, SIGCHLD], &[SIGALRM, SIGCHLD]), 124);
    assert_eq!(ends(&["10", "sh", "-c", "exit 3"], &[SIGCHLD], &[]), 3);
    assert_eq!(ends(&["10", "sh", "-c", "exit 3"], &[], &[SIGCHLD]), 3);
    assert_eq!(ends(&["10", "sh", "-c", "kill -9 $$"], &[], &[SIGTERM]), death(SIGKILL));
    assert_eq!(ends(&["10", "sh", "-c", "exec kill -TERM $$"], &[SIGTERM], &[]), death(libc::SIGTERM));
    // A shell ignores INT for its background jobs.
    let seen = beside(|program| {
        let mut command = timeout(program, &["30", "cat"]);
        after(&mut command, &[SIGINT], &[]);
        let running = Running::start(command);
        running.send(SIGINT);
        running.finish().code
    });
    assert_eq!(seen, death(libc::SIGINT));
    // A foreign SIGALRM, which the parent ignores.
    let seen = beside(|program| {
        let mut command = timeout(program, &["0", "cat"]);
        after(&mut command, &[SIGALRM], &[SIGALRM]);
        let running = Running::start(command);
        running.send(SIGALRM);
        running.finish().code
    });
    assert_eq!(seen, 124);
}

/// Exceptions are the signals that timeout handles, as in GNU timeout (and there ALRM, TTIN and TTOU).
#[test]
fn command_gets_the_original_signal_state() {
    use Signal::*;
    const LOOK: [&str; 4] = ["grep", "-E", "^Sig(Blk|Ign):", "/proc/self/status"];
    let look = |mut command: Command, ignored, blocked| {
        after(&mut command, ignored, blocked);
        let seen = run(&mut command);
        assert_eq!(seen.code, 0, "{seen:?}");
        seen.stdout
    };
    let states: [(&[Signal], &[Signal]); 4] = [
        (&[], &[]),
        (&[SIGALRM, SIGPIPE, SIGUSR1, SIGTTIN, SIGTTOU, SIGTSTP, SIGWINCH], &[]),
        (&[], &[SIGALRM, SIGCHLD, SIGTERM, SIGINT, SIGUSR1, SIGPIPE, SIGTTIN]),
        (&[SIGALRM, SIGPIPE], &[SIGALRM, SIGPIPE]),
    ];
    for (ignored, blocked) in states {
        for options in [&["10"][..], &["0"], &["--foreground", "-s", "USR2", "10"]] {
            let under = look(timeout(&ours(), &[options, &LOOK].concat()), ignored, blocked);
            assert_eq!(under, look(timeout("env".as_ref(), &LOOK), ignored, blocked), "{options:?}");
        }
    }
    let reached = &[SIGINT, SIGQUIT, SIGHUP, SIGTERM, SIGCHLD];
    let under = look(timeout(&ours(), &[&["10"], &LOOK[..]].concat()), reached, &[]);
    assert_eq!(under, look(timeout("env".as_ref(), &LOOK), &[], &[]));
}

#[test]
fn command_gets_the_original_descriptors() {
    for closed in ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", "4</dev/null"] {
        let seen = beside(|program| {
            let look = "for fd in 0 1 2 3 4 5 6; do test -e /proc/$$/fd/$fd && echo $fd; done >seen 2>/dev/null; true";
            let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("timeout-descriptors");
            fs::create_dir_all(&place).unwrap();
            let script = format!("\"$0\" 10 sh -c '{look}' {closed}");
            let mut command = Command::new("sh");
            command.current_dir(&place).arg("-c").arg(script).arg(program);
            let end = run(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped())).code;
            let seen = fs::read_to_string(place.join("seen")).unwrap();
            fs::remove_dir_all(place).unwrap();
            (end, seen)
        });
        assert_eq!(seen.0, 0);
    }
}

#[test]
fn names_and_arguments_need_not_be_text() {
    let seen = beside(|program| {
        let mut command = timeout(program, &["10", "printf", "%s"]);
        command.arg(std::ffi::OsStr::from_bytes(b"\xff\xfe \n"));
        command.stdout(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap().stdout
    });
    assert_eq!(seen, b"\xff\xfe \n");
}

#[test]
fn failing_commands_are_reported() {
    let wrong = |args: &[&str], code, why: &str| {
        let stderr = format!("timeout: failed to run command {why}\n");
        assert_eq!(both(args), Seen { code, stdout: "".into(), stderr });
    };
    wrong(&["10", "no_such_command"], 127, "'no_such_command': No such file or directory");
    wrong(&["10", "/no/such/command"], 127, "'/no/such/command': No such file or directory");
    wrong(&["10", ""], 127, "'': No such file or directory");
    wrong(&["10", "."], 126, "'.': Permission denied");
    wrong(&["10", "/etc/passwd"], 126, "'/etc/passwd': Permission denied");
    wrong(&["10", "/etc/passwd/x"], 126, "'/etc/passwd/x': Not a directory");
    wrong(&["10", "--", "true"], 127, "'--': No such file or directory");
    wrong(&["10", "-v", "true"], 127, "'-v': No such file or directory");
    wrong(&["10", "it's\tα\x07\\"], 127, r"'it\'s\t\316\261\a\\': No such file or directory");
}

#[test]
fn names_are_quoted_as_the_locale_does() {
    if !*UTF8 {
        println!("skipped: no locale C.UTF-8 on this machine");
        return;
    }
    for (name, quoted) in [
        ("no_such_command", "‘no_such_command’"),
        ("it's α", "‘it's α’"),
        ("‘curly’", r"‘‘curly\’’"),
        ("a\nb\\c\x1b\u{85}", r"‘a\nb\\c\033\302\205’"),
    ] {
        let seen = beside(|program| run(timeout(program, &["10", name]).env("LC_ALL", "C.UTF-8")));
        assert_eq!(
            seen.stderr,
            format!("timeout: failed to run command {quoted}: No such file or directory\n")
        );
    }
    let bytes = std::ffi::OsStr::from_bytes(b"\xff\xc3\xa9\xc3");
    let seen = beside(|program| run(timeout(program, &["10"]).arg(bytes).env("LC_ALL", "C.UTF-8")));
    assert!(seen.stderr.contains(r"‘\377é\303’"), "{}", seen.stderr);
}

#[test]
fn invalid_command_lines_are_refused() {
    let wrong = |args: &[&str], why: &str| {
        let why = if why.is_empty() { String::new() } else { format!("timeout: {why}\n") };
        let stderr = format!("{why}Try 'timeout --help' for more information.\n");
        assert_eq!(both(args), Seen { code: 125, stdout: "".into(), stderr });
    };
    wrong(&[], "");
    wrong(&["10"], "");
    wrong(&["--"], "");
    wrong(&["-v", "--", "10"], "");
    wrong(&["-x", "10", "true"], "invalid option -- 'x'");
    wrong(&["-vx", "10", "true"], "invalid option -- 'x'");
    wrong(&["-v-", "10", "true"], "invalid option -- '-'");
    wrong(&["-1", "true"], "invalid option -- '1'");
    wrong(&["--no-such", "10", "true"], "unrecognized option '--no-such'");
    wrong(&["--no-such=x", "10", "true"], "unrecognized option '--no-such=x'");
    wrong(&["--v", "10", "true"], "option '--v' is ambiguous; possibilities: '--verbose' '--version'");
    wrong(&["--foreground=1", "10", "true"], "option '--foreground' doesn't allow an argument");
    wrong(&["--f=1", "10", "true"], "option '--foreground' doesn't allow an argument");
    wrong(&["-s"], "option requires an argument -- 's'");
    wrong(&["-vk"], "option requires an argument -- 'k'");
    wrong(&["--sig"], "option '--signal' requires an argument");
    wrong(&["-s", "nonsense", "10", "true"], "'nonsense': invalid signal");
    wrong(&["-k", "nonsense", "10", "true"], "invalid time interval 'nonsense'");
    wrong(&["--kill-after=", "10", "true"], "invalid time interval ''");
    wrong(&["nonsense", "true"], "invalid time interval 'nonsense'");
    wrong(&["-", "true"], "invalid time interval '-'");
    wrong(&["", "true"], "invalid time interval ''");
    wrong(&["--", "-1", "true"], "invalid time interval '-1'");
    wrong(&["-s", "nonsense", "-x", "nonsense"], "'nonsense': invalid signal");
}

#[test]
fn valid_command_lines_are_accepted() {
    for args in [
        &["--", "10", "true"][..],
        &["-v", "--", "10", "true"],
        &["-vs", "HUP", "10", "true"],
        &["-vsHUP", "-k5", "10", "true"],
        &["--fore", "--pre", "--verb", "--si=9", "--k", "5", "10", "true"],
        &["-s", "HUP", "-s", "INT", "10", "true"],
        &["-s", "-k", "-k", "1", "10", "true"],
    ] {
        let end = if args.contains(&"-k") { 125 } else { 0 };
        assert_eq!(both(args).code, end, "{args:?}");
    }
    // Some versions of GNU timeout lack these options.
    assert_eq!(run(&mut timeout(&ours(), &["-fp", ".1", "sleep", "20"])).code, death(SIGTERM));
}

#[test]
fn durations_are_parsed() {
    for time in [
        "10",
        "10s",
        "10m",
        "10h",
        "10d",
        "10.5",
        "10.",
        "1.5m",
        ".5h",
        "1e1",
        "1E+1",
        "1.e1",
        "100e-1s",
        "0x10",
        "0X1P4",
        "0x1.8p3m",
        "0x.8p9",
        "0x10d",
        "inf",
        "Infinity",
        "infd",
        "1e400",
        "1e308d",
        "99999999999999999999d",
        "18446744073709551616",
        "9223372036854775808",
        "0",
        "0.0",
        "0d",
        "0x0",
        " 10",
        "\t\n\x0b10",
        "+10",
        "010",
    ] {
        assert_eq!(both(&[time, "true"]).code, 0, "{time:?}");
        assert_eq!(both(&["-k", time, "0", "true"]).code, 0, "{time:?}");
    }
    for time in [
        ".", "e", "1e", "1e+", "0x", "0x.p1", "0x1p", "nan", "NAN", "nan(1)", "-nan", "infx", "10 ", "10 s",
        "10S", "10D", "10ms", "10ss", "10sd", "1w", "10,5", "1_0", "1e1e1", "++1", "+-1", "10\n", "ten", "١",
    ] {
        assert_eq!(both(&["--", time, "true"]).code, 125, "{time:?}");
    }
    for time in [".05", "5e-2", "0x1p-4", "0.000001m", "1e-9", "0.00000001d"] {
        assert_eq!(both(&[time, "sleep", "20"]).code, 124, "{time:?}");
    }
    // Newer versions agree: a value that underflows is not zero.
    for time in ["1e-400", "1e-5000", "0x1p-9999"] {
        assert_eq!(run(&mut timeout(&ours(), &[time, "sleep", "20"])).code, 124, "{time:?}");
    }
}

#[test]
fn signals_are_parsed_by_name_and_number() {
    let names = Signal::iterator().map(|signal| signal.as_str().to_owned());
    let short = Signal::iterator().map(|signal| signal.as_str()[3..].to_lowercase());
    let others = [
        "EXIT",
        "SIGexit",
        "IOT",
        "CLD",
        "poll",
        "RTMIN",
        "SIGRTMAX",
        "rtmin+1",
        "RTMIN+30",
        "RTMIN+31",
        "RTMAX-30",
        "RTMAX-31",
        "RTMIN+",
        "RTMIN-1",
        "RTMAX+1",
        "RTMIN+x",
        "SIG",
        "SIGSIGTERM",
        "TERM ",
        " TERM",
        "",
        "TER",
        "TERMS",
        "+9",
        "-9",
        "9.0",
        "9 ",
        "0x9",
        "009",
        "99999999999",
        "127",
        "129",
        "137",
        "143",
    ];
    let numbers = (0..=66).map(|number: i32| number.to_string());
    for signal in names.chain(short).chain(numbers).chain(others.map(str::to_owned)) {
        both(&["-s", &signal, "10", "true"]);
    }
    assert_eq!(both(&["-s", "SIGUSR1", "10", "true"]).code, 0);
    assert_eq!(both(&["-s", "64", "10", "true"]).code, 0);
    assert_eq!(both(&["-s", "65", "10", "true"]).code, 125);
}

#[test]
fn help_and_version_are_printed() {
    for option in ["--help", "--version", "--h"] {
        let seen = run(&mut timeout(&ours(), &[option, "nonsense"]));
        assert!(seen.code == 0 && seen.stderr.is_empty() && seen.stdout.contains("timeout"), "{seen:?}");
        let full = |program: &Path| {
            let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
            run(timeout(program, &[option]).stdout(full))
        };
        let seen = beside(full);
        assert_eq!(seen.code, 125);
        assert_eq!(seen.stderr, "timeout: write error: No space left on device\n");
    }
}

#[test]
fn program_has_one_thread() {
    let running = Running::start(timeout(&ours(), &["30", "cat"]));
    let status = fs::read_to_string(format!("/proc/{}/status", running.child.id())).unwrap();
    assert!(status.lines().any(|line| line == "Threads:\t1"), "{status}");
    running.send(Signal::SIGTERM);
    assert_eq!(running.finish().code, death(SIGTERM));
}
