//! The programs in `examples/`, from the outside, and two of their parsers under mutated inputs.

mod fuzz;
mod lock;
mod programs;
#[cfg(feature = "macros")]
mod sudoku;
#[cfg(target_os = "linux")]
// The timeout(1) to compare with is nowhere else, and much of it is read from /proc.
mod timeout;
mod tsp;

use std::path::{Path, PathBuf};

// For `examples/tsp/tsplib.rs`, which names it like this.
use fuzz::tsplib::instance;

/// Where commands are looked for. A directory that this user may not read would be another error than "not found".
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// An example's executable, which `cargo test` builds along with the tests.
fn executable(example: &str) -> PathBuf {
    // This test is target/<profile>/deps/examples-<hash>.
    let test = std::env::current_exe().unwrap();
    let name = format!("{example}{}", std::env::consts::EXE_SUFFIX);
    let path = test.parent().and_then(Path::parent).unwrap().join("examples").join(name);
    assert!(path.exists(), "there is no {}: run `cargo build --examples` first", path.display());
    path
}
