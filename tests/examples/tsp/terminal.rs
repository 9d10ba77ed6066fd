//! Ctrl-C, the progress line, options.

use std::fs;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::super::{executable, finish, start, texts};
use super::{ending, file, instance, length, measure, report, run, scattered, scratch, value};
#[cfg(target_os = "linux")]
use {
    nix::{
        libc,
        sys::signal::{Signal, kill},
        unistd::Pid,
    },
    std::io::{Read as _, Write as _},
    std::os::{fd::FromRawFd as _, unix::process::CommandExt as _},
};

/// Returns whether a signal set in /proc/PID/status contains SIGINT; see proc_pid_status(5).
#[cfg(target_os = "linux")]
fn has_sigint(process: &str, set: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    u64::from_str_radix(value(&status, set), 16).unwrap() & 1 << (Signal::SIGINT as i32 - 1) != 0
}

#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_ends_the_search_with_a_report() {
    if has_sigint("self", "SigIgn:") {
        eprintln!("not tested: the parent ignores SIGINT, and its children inherit that");
        return;
    }
    let cities = scattered(2_000);
    let path = file("interrupted.tsp", instance("interrupted", &cities));
    let tour = scratch("interrupted.tour");
    let args = [&path, "--limit", "50s", "--tour", &tour];
    let child = start("tsp", &args);
    let pid = Pid::from_raw(child.id() as i32);
    let started = Instant::now();
    while !has_sigint(&pid.to_string(), "SigCgt:") {
        assert!(started.elapsed() < Duration::from_secs(20), "it never listens");
        sleep(Duration::from_millis(1));
    }
    sleep(Duration::from_millis(100)); // for a tour that is better than the first
    kill(pid, Signal::SIGINT).unwrap();

    let output = finish(child);
    let status = output.status;
    let (report, err) = texts(output);
    assert!(status.success() && err.is_empty(), "{status}\n{report}{err}");
    assert!(ending(&report).starts_with("tsp was interrupted by SIGINT after "), "{report}");
    assert_eq!(measure(&tour, &cities), length(&report), "the tour is written all the same");
    assert!(started.elapsed() < Duration::from_secs(40), "long before the limit");
}

#[cfg(target_os = "linux")]
#[allow(unsafe_code, clippy::undocumented_unsafe_blocks)] // Bare calls.
#[test]
fn terminal_shows_a_progress_line() {
    let (mut here, mut there) = (0, 0);
    let name = std::ptr::null_mut();
    let opened = unsafe { libc::openpty(&mut here, &mut there, name, std::ptr::null(), std::ptr::null()) };
    assert_eq!(opened, 0, "{}", std::io::Error::last_os_error());
    // Processes of other tests must not inherit them.
    for fd in [here, there] {
        unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
    let (mut here, there) = unsafe { (fs::File::from_raw_fd(here), fs::File::from_raw_fd(there)) };
    let mut command = Command::new(executable("tsp"));
    command.args(["--limit", "20s"]).env("TERM", "xterm").env_remove("NO_COLOR");
    command.stdin(there.try_clone().unwrap()).stderr(there).stdout(Stdio::piped());
    unsafe {
        command.pre_exec(|| {
            libc::signal(libc::SIGINT, libc::SIG_DFL);
            match libc::setsid() != -1 && libc::ioctl(0, libc::TIOCSCTTY, 0) == 0 {
                true => Ok(()),
                false => Err(std::io::Error::last_os_error()),
            }
        });
    }
    let child = command.spawn().unwrap();
    drop(command); // and with it the parent's handle of the other end
    let mut shown = String::new();
    let mut buffer = [0; 4096];
    let mut typed = false;
    // The kernel returns EIO after the other end closes.
    while let Ok(read @ 1..) = here.read(&mut buffer) {
        shown += &String::from_utf8_lossy(&buffer[..read]);
        if !typed && shown.matches(" improvements/s").count() >= 3 {
            here.write_all(b"\x03").unwrap();
            typed = true;
        }
    }
    let output = child.wait_with_output().unwrap();
    assert!(typed && output.status.success(), "{}: {shown:?}", output.status);
    assert!(shown.contains(" s  length "), "{shown:?}");
    let report = String::from_utf8(output.stdout).unwrap();
    assert!(ending(&report).starts_with("tsp was interrupted by SIGINT after "), "{report}");
}

#[test]
fn without_a_terminal_standard_error_stays_empty() {
    report(&["--limit", "1200ms"]);
}

#[test]
fn standard_input_is_read_as_a_file() {
    let text = "\u{feff}name small\ntype tsp\ndimension 2\nedge_weight_type euc_2d\nnode_coord_section\n1 0 0\n2 3 4\neof\n";
    let mut command = Command::new(executable("tsp"));
    let input = fs::File::open(file("stdin.tsp", text)).unwrap();
    let output = command.arg("-").stdin(input).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(length(&String::from_utf8(output.stdout).unwrap()), 10);
}

#[test]
fn wrong_options_are_usage_errors() {
    for args in
        [&["--limit", "soon"][..], &["--seed", "-1"], &["--kicks", "many"], &["a.tsp", "b.tsp"], &["--fast"]]
    {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{args:?}");
    }
}
