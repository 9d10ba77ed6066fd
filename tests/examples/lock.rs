//! The lock example: acquisition, waiting times, messages.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::executable;

fn lock(file: &Path) -> Command {
    let mut command = Command::new(executable("lock"));
    command
        .env("PATH", super::PATH)
        .arg(file)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn scratch(name: &str) -> PathBuf {
    let file = super::scratch("lock", name);
    let _ = fs::remove_file(&file);
    file
}

fn output(command: &mut Command) -> (Option<i32>, String, String) {
    let output = command.output().unwrap();
    let code = output.status.code();
    let (out, err) = super::texts(output);
    (code, out, err)
}

fn answer(code: i32, stdout: &str) -> (Option<i32>, String, String) {
    (Some(code), stdout.to_owned(), String::new())
}

fn holder(file: &Path) -> Child {
    let mut child =
        lock(file).args(["--", "sh", "-c", "echo ready; exec cat"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    child
}

fn let_go(mut holder: Child) {
    drop(holder.stdin.take());
    assert!(holder.wait().unwrap().success());
}

#[test]
fn free_lock_is_acquired() {
    let file = scratch("free");
    assert_eq!(output(&mut lock(&file)), answer(0, ""));
    assert_eq!(fs::read(&file).unwrap(), b"", "it was made");
    fs::write(&file, "content").unwrap();
    assert_eq!(output(lock(&file).args(["--limit", "0s", "--", "echo", "hello"])), answer(0, "hello\n"));
    assert_eq!(fs::read(&file).unwrap(), b"content");
}

#[test]
fn directory_and_read_only_file_can_be_locked() {
    let file = scratch("read-only");
    File::create(&file).unwrap();
    let mut permissions = fs::metadata(&file).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&file, permissions).unwrap();
    assert_eq!(output(&mut lock(&file)), answer(0, ""));
    assert_eq!(output(&mut lock(file.parent().unwrap())), answer(0, ""));
    assert_eq!(output(&mut lock("/dev/null".as_ref())), answer(0, ""));
}

#[test]
fn pipe_is_opened_without_blocking() {
    let pipe = scratch("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status();
    if !made.is_ok_and(|status| status.success()) {
        println!("skipped: no mkfifo on this machine");
        return;
    }
    assert_eq!(output(lock(&pipe).args(["--limit", "10s"])), answer(0, ""));
}

#[test]
fn limit_ends_the_wait() {
    let file = scratch("limit");
    let holder = holder(&file);
    for (limit, shown) in [("300ms", "0.3 s"), ("1s", "1 s"), ("0s", "0 s")] {
        let began = Instant::now();
        let (code, stdout, stderr) = output(lock(&file).args(["--limit", limit, "--", "echo", "hello"]));
        let took = began.elapsed();
        assert!(took >= humantime::parse_duration(limit).unwrap(), "too early: {took:?}");
        assert!(took < Duration::from_secs(20), "{took:?}");
        assert_eq!((code, &stdout[..]), (Some(124), ""));
        assert!(
            stderr.starts_with(&format!("lock: could not get the lock in {shown}, held by ")),
            "{stderr}"
        );
        #[cfg(target_os = "linux")]
        assert!(stderr.ends_with(&format!("held by pid {} (lock)\n", holder.id())), "{stderr}");
    }
    let_go(holder);
    assert_eq!(output(lock(&file).args(["--limit", "0s"])), answer(0, ""));
}

#[cfg(target_os = "linux")]
#[test]
fn shared_lock_has_several_holders() {
    let file = scratch("shared");
    File::create(&file).unwrap();
    use nix::fcntl::{Flock, FlockArg};
    let shared = || Flock::lock(File::open(&file).unwrap(), FlockArg::LockShared).unwrap();
    let (_one, _another) = (shared(), shared());
    let (code, _, stderr) = output(lock(&file).args(["--limit", "50ms"]));
    assert_eq!(code, Some(124));
    let pid = std::process::id();
    assert!(stderr.contains(&format!("held by pids {pid} (")), "{stderr}");
    assert_eq!(stderr.matches(&pid.to_string()).count(), 2, "{stderr}");
}

/// A child of the holder inherits the lock.
#[cfg(target_os = "linux")]
#[test]
fn holder_that_has_ended_is_unknown() {
    if Command::new("flock").arg("--version").output().is_err() {
        println!("skipped: no flock on this machine");
        return;
    }
    let file = scratch("ended");
    let script = "exec 9>\"$0\"; flock 9; \"$1\" \"$0\" --limit 50ms";
    let (code, _, stderr) =
        output(Command::new("sh").args(["-c", script]).arg(&file).arg(executable("lock")));
    assert_eq!(code, Some(124));
    assert_eq!(stderr, "lock: could not get the lock in 0.05 s, held by an unknown process\n");
}

#[test]
fn released_lock_is_acquired() {
    let file = scratch("patience");
    for limit in [&["--limit", "60s"][..], &[]] {
        let holder = holder(&file);
        let mut waiting = lock(&file).args(limit).args(["--", "echo", "hello"]).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(200));
        assert!(waiting.try_wait().unwrap().is_none(), "it did not wait");
        let_go(holder);
        let output = waiting.wait_with_output().unwrap();
        assert_eq!(
            (output.status.code(), &output.stdout[..], &output.stderr[..]),
            (Some(0), &b"hello\n"[..], &b""[..])
        );
    }
}

/// Each process adds one to a number. The sum is right only if the lock excludes the others.
#[test]
fn lock_is_exclusive() {
    let (file, number) = (scratch("turns"), scratch("number"));
    fs::write(&number, "0").unwrap();
    let add = "n=$(cat \"$0\"); sleep .01; echo $((n + 1)) >\"$0\"";
    let start = |_| lock(&file).args(["--limit", "60s", "--", "sh", "-c", add]).arg(&number).spawn().unwrap();
    let children: Vec<_> = (0..8).map(start).collect();
    for child in children {
        assert!(child.wait_with_output().unwrap().status.success());
    }
    assert_eq!(fs::read_to_string(number).unwrap(), "8\n");
}

#[test]
fn status_of_the_command_is_returned() {
    let file = scratch("status");
    for (script, code) in
        [("exit 0", 0), ("exit 7", 7), ("exit 124", 124), ("kill -TERM $$", 143), ("kill -9 $$", 137)]
    {
        assert_eq!(output(lock(&file).args(["--", "sh", "-c", script])), answer(code, ""));
    }
    let (code, _, stderr) = output(lock(&file).args(["--", "no_such_command"]));
    assert_eq!(code, Some(127));
    assert!(stderr.starts_with("lock: no_such_command: No such file or directory"), "{stderr}");
    let (code, _, stderr) = output(lock(&file).args(["--", "/etc/passwd"]));
    assert_eq!(code, Some(126));
    assert!(stderr.starts_with("lock: /etc/passwd: Permission denied"), "{stderr}");
}

#[test]
fn errors_are_reported() {
    let (code, _, stderr) = output(&mut lock("/no/such/file".as_ref()));
    assert_eq!(code, Some(125));
    assert!(stderr.starts_with("lock: /no/such/file: No such file or directory"), "{stderr}");
    for args in [&["--limit", "soon"][..], &["--limt", "1s"], &["command"], &["--limit", "-1s"]] {
        let (code, stdout, stderr) = output(lock(&scratch("wrong")).args(args));
        assert_eq!((code, &stdout[..]), (Some(125), ""), "{args:?}");
        assert!(!stderr.is_empty());
    }
    assert_eq!(output(&mut Command::new(executable("lock"))).0, Some(125));
    let (code, stdout, stderr) = output(Command::new(executable("lock")).arg("--help"));
    assert!(code == Some(0) && stdout.contains("124") && stderr.is_empty(), "{stdout}{stderr}");
}
