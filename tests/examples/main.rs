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
