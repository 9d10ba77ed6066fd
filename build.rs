//! Tells the library what the compiler can do.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // `label` operands of `asm!`.
    autocfg::emit_possibility("sigalarm_asm_goto");
    if autocfg::new().probe_rustc_version(1, 87) {
        autocfg::emit("sigalarm_asm_goto");
    }
}
