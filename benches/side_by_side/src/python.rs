//! Python's figures, measured by `python/peers.py` in its own process.

use std::collections::BTreeMap;
use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde::de::DeserializeOwned;

use crate::figures::{Curve, Group, Lateness, Way};
use crate::notice;
use crate::plan::Plan;

pub const VARIABLE: &str = "SIGALARM_BENCHES_PYTHON";

/// Prefers one with Pebble, and returns what is missing.
pub fn find() -> (Option<PathBuf>, Option<String>) {
    let works = |python: &PathBuf| Command::new(python).arg("-V").output().is_ok_and(|o| o.status.success());
    let system = PathBuf::from("python3");
    if !works(&system) {
        return (None, Some("no python3 on this machine".to_owned()));
    }
    let has_pebble = |python: &PathBuf| quiet(python, &["-c", "import pebble"]);
    if has_pebble(&system) {
        return (Some(system), None);
    }
    // Beside the program, under `target`.
    let venv = env::current_exe().expect("a path").with_file_name("venv");
    let own = venv.join("bin/python");
    if !has_pebble(&own) {
        let _ = quiet(&system, &["-m", "venv", &venv.to_string_lossy()])
            && quiet(&own, &["-m", "pip", "install", "--quiet", "pebble"]);
    }
    if has_pebble(&own) {
        (Some(own), None)
    } else {
        (Some(system), Some("Pebble cannot be installed".to_owned()))
    }
}

fn quiet(program: &PathBuf, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

pub fn versions(python: &PathBuf) -> BTreeMap<String, String> {
    ask_with(python, &["versions".to_owned()]).unwrap_or_default()
}

/// Runs `peers.py`; `None` without Python.
fn ask<T: DeserializeOwned>(arguments: &[String]) -> Option<T> {
    ask_with(&PathBuf::from(env::var_os(VARIABLE)?), arguments)
}

fn ask_with<T: DeserializeOwned>(python: &PathBuf, arguments: &[String]) -> Option<T> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/python/peers.py");
    let output = Command::new(python).arg(script).args(arguments).stderr(Stdio::inherit()).output().ok()?;
    assert!(output.status.success(), "peers.py failed");
    Some(serde_json::from_slice(&output.stdout).expect("peers.py prints JSON"))
}

pub fn add(group: &mut Group, what: &str, plan: &Plan) {
    let rows: Vec<(String, f64)> = ask(&[what.to_owned(), plan.rounds(150).to_string()]).unwrap_or_default();
    let base = group.ways[0].nanos;
    group.ways.extend(rows.into_iter().map(|(name, nanos)| Way {
        name,
        nanos,
        ratio: nanos / base,
        apart: true,
    }));
}

pub fn lateness(limit_us: u64, busy: bool, tries: usize) -> Option<Lateness> {
    let late: Vec<f64> = ask(&["notice".to_owned(), limit_us.to_string(), tries.to_string()])?;
    Some(notice::summary("Python", limit_us, busy, late))
}

pub fn transfer(sizes: &[usize], plan: &Plan) -> Option<Curve> {
    let mut arguments = vec!["transfer".to_owned()];
    arguments.extend(sizes.iter().map(usize::to_string));
    arguments.push(plan.rounds(15).to_string());
    let points: Vec<(f64, f64)> = ask(&arguments)?;
    Some(Curve { name: "Python `multiprocessing` (fork), `bytes`".to_owned(), points })
}
