//! Signals to timeout, and what the command inherits.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{DEAF, LOOP, Running, Seen, after, beside, death, ours, run, script, sent, timeout};
use nix::libc::{self, SIGINT, SIGKILL, SIGTERM, SIGUSR1};
use nix::sys::signal::Signal;

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
            let place = super::super::scratch("timeout", "descriptors");
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
