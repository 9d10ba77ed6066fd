//! How the command and timeout end.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use super::{DEAF, LOOP, Running, Seen, beside, both, death, finish, ours, run, script, sent, timeout};
use nix::libc::{SIGABRT, SIGALRM, SIGHUP, SIGINT, SIGKILL, SIGPIPE, SIGQUIT, SIGSEGV, SIGTERM, SIGUSR1};
use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;

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
    let place = super::super::scratch("timeout", "cores");
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

#[test]
fn program_has_one_thread() {
    let running = Running::start(timeout(&ours(), &["30", "cat"]));
    let status = fs::read_to_string(format!("/proc/{}/status", running.child.id())).unwrap();
    assert!(status.lines().any(|line| line == "Threads:\t1"), "{status}");
    running.send(Signal::SIGTERM);
    assert_eq!(running.finish().code, death(SIGTERM));
}
