//! The error messages, word for word: `tests/ui/*.rs` must not compile, and must say what is in the file
//! beside it. After a change that is meant, `TRYBUILD=overwrite cargo test -p sigalarm-macros --test ui`.

use std::process::Command;

/// The compiler that the files were written with. How a message is drawn changes from one release to the next,
/// and so do the words of those that are the compiler's own.
const COMPILER: &str = "rustc 1.95.";

#[test]
fn messages() {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().expect("the compiler says what it is");
    let version = String::from_utf8_lossy(&version.stdout);
    if !version.starts_with(COMPILER) {
        println!("skipped: the messages were written down with {COMPILER}x, and this is {}", version.trim());
        return;
    }
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
