//! Searches of unbounded length: a sample here, the rest in `.ci/deep`.

#[path = "../support/mod.rs"]
mod support;

mod model;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod single_step;
mod waits;

// `support/soak` uses these paths; it is part of `tools` too.
use support::{alarms, process};

fn main() {
    support::main(support::modules![
        model,
        #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
        single_step,
        waits,
    ]);
}
