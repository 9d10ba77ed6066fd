//! Tells the library what the compiler and the machine can do.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let compiler = autocfg::new();
    let target = |what: &str| env::var(format!("CARGO_CFG_TARGET_{what}")).unwrap_or_default();

    // `label` operands of `asm!`.
    autocfg::emit_possibility("sigalarm_asm_goto");
    if compiler.probe_rustc_version(1, 87) {
        autocfg::emit("sigalarm_asm_goto");
    }

    // A call that keeps the caller's registers, in a naked function.
    autocfg::emit_possibility("sigalarm_preserve_all");
    let is_machine = target("ARCH") == "x86_64" && target("POINTER_WIDTH") == "64" && target("OS") == "linux";
    if is_machine && compiler.probe_rustc_version(1, 88) {
        autocfg::emit("sigalarm_preserve_all");
    }
}
