//! The error messages: `tests/ui/*.rs` must fail with the output in the `.stderr` file of the same name. After an
//! intended change, run `TRYBUILD=overwrite cargo test -p sigalarm-macros --test ui`.

use std::process::Command;

/// The compiler that wrote the files. Layout and words of messages change between releases.
const COMPILER: &str = "rustc 1.95.";

#[test]
fn messages() {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().expect("a version");
    let version = String::from_utf8_lossy(&version.stdout);
    if !version.starts_with(COMPILER) {
        println!("skipped: the messages are those of {COMPILER}x, and this is {}", version.trim());
        return;
    }
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
