//! The programs in `examples/`, run as commands, and two of their parsers under mutated inputs.

mod fuzz;
mod lock;
mod programs;
#[cfg(feature = "macros")]
mod sudoku;
#[cfg(target_os = "linux")]
mod timeout;
mod tsp;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use fuzz::tsplib::instance;

/// An unreadable directory would give another error than "not found".
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

fn executable(example: &str) -> PathBuf {
    // This test is target/<profile>/deps/examples-<hash>.
    let test = std::env::current_exe().unwrap();
    let name = format!("{example}{}", std::env::consts::EXE_SUFFIX);
    let path = test.parent().and_then(Path::parent).unwrap().join("examples").join(name);
    assert!(path.exists(), "there is no {}: run `cargo build --examples` first", path.display());
    path
}

fn start(example: &str, args: &[&str]) -> Child {
    let mut command = Command::new(executable(example));
    command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn run(example: &str, args: &[&str]) -> Output {
    finish(start(example, args))
}

/// Waits for the end. The output fits the pipes, so it can be read afterwards.
fn finish(mut child: Child) -> Output {
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if started.elapsed() > Duration::from_secs(100) {
            child.kill().unwrap();
            panic!("the example does not end");
        }
        sleep(Duration::from_millis(5));
    }
    child.wait_with_output().unwrap()
}

/// Returns standard output and standard error.
fn texts(output: Output) -> (String, String) {
    (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

/// Returns the output of a successful run without messages on standard error.
fn printed(example: &str, args: &[&str]) -> String {
    let output = run(example, args);
    let status = output.status;
    let (out, err) = texts(output);
    assert!(status.success() && err.is_empty(), "{example} {args:?}: {status}\n{out}{err}");
    out
}

/// Returns a path in a directory of the test's own.
fn scratch(test: &str, name: &str) -> PathBuf {
    // Two runs at once must not share files.
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(std::process::id().to_string()).join(test);
    std::fs::create_dir_all(&directory).unwrap();
    directory.join(name)
}
