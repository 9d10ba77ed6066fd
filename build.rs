//! Tells the library what the compiler and the machine can do.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let compiler = autocfg::new();

    // `label` operands of `asm!`.
    autocfg::emit_possibility("sigalarm_asm_goto");
    if compiler.probe_rustc_version(1, 87) {
        autocfg::emit("sigalarm_asm_goto");
    }
}
