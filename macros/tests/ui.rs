//! Compares the error messages of `tests/ui/*.rs` with the `.stderr` files. `TRYBUILD=overwrite cargo test -p
//! sigalarm-macros --test ui` writes the files.

use std::process::Command;

/// The compiler that wrote the files; other releases print other messages.
const COMPILER: &str = "rustc 1.95.";

#[test]
fn messages_are_as_recorded() {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().expect("a version");
    let version = String::from_utf8_lossy(&version.stdout);
    if !version.starts_with(COMPILER) {
        println!("skipped: the messages are those of {COMPILER}x, and this is {}", version.trim());
        return;
    }
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
