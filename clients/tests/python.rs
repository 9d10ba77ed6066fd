//! A Python program loads the library and uses SIGALRM itself.

use std::path::PathBuf;
use std::process::Command;

#[test]
fn python_host() {
    let Ok(version) = Command::new("python3").arg("--version").output() else {
        println!("skipped: no `python3` on this machine");
        return;
    };
    println!("{}", String::from_utf8_lossy(&version.stdout));
    let mut library: PathBuf = std::env::current_exe().unwrap();
    library.set_file_name(format!(
        "{}sigalarm_clients{}",
        std::env::consts::DLL_PREFIX,
        std::env::consts::DLL_SUFFIX
    ));
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/python/host.py");
    let output = Command::new("python3").arg(script).arg(&library).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stdout, b"well\n");
}
