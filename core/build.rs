//! Detects `label` operands of `asm!`, which compilers before 1.87 lack.

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-check-cfg=cfg(sigalarm_asm_goto)");

    if minor_version().is_some_and(|minor| minor >= 87) {
        println!("cargo:rustc-cfg=sigalarm_asm_goto");
    }
}

/// Parses "rustc 1.87.0 (17067e9ac 2025-05-09)".
fn minor_version() -> Option<u32> {
    let output = Command::new(std::env::var_os("RUSTC")?).arg("--version").output().ok()?;
    String::from_utf8(output.stdout).ok()?.split('.').nth(1)?.parse().ok()
}
