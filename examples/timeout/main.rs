//! timeout(1): runs a command, and ends it at a limit.
//!
//! ```text
//! cargo run --example timeout -- -v -s INT -k 5 1.5m COMMAND
//! ```
//!
//! Exit statuses and messages are those of the GNU core utilities. The program has one thread, which waits for signals
//! in a read under an [`Alarm`](sigalarm::Alarm).

// Rust's own `main` would ignore SIGPIPE and open closed standard descriptors. The command must inherit both unchanged.
#![no_main]

mod duration;
mod inbox;
mod message;
mod options;
mod os;
mod run;
mod signals;

use std::ffi::{c_char, c_int};
use std::io::{self, Write};
use std::process::exit;

use options::Request;

/// The exit status if `timeout` itself fails.
const CANCELED: c_int = 125;

#[allow(unsafe_code)]
// SAFETY: the name is unique in the program, and the signature is C's.
#[unsafe(no_mangle)]
extern "C" fn main(argc: c_int, argv: *const *const c_char) -> c_int {
    // SAFETY: the C library passes valid arguments to `main`.
    let arguments = unsafe { os::arguments(argc, argv) };
    let mut arguments = arguments.iter().map(|argument| argument.as_os_str());
    let name = arguments.next().unwrap_or("timeout".as_ref()).to_string_lossy();
    match options::parse(arguments) {
        Ok(Request::Run(options)) => run::run(&name, &options),
        Ok(Request::Help) => print(&name, &options::help(&name)),
        Ok(Request::Version) => print(&name, concat!("timeout (sigalarm) ", env!("CARGO_PKG_VERSION"), "\n")),
        Err(wrong) => {
            if let Some(what) = wrong {
                message::say(&name, &what);
            }
            message::write(&format!("Try '{name} --help' for more information.\n"));
            CANCELED
        }
    }
}

fn print(name: &str, text: &str) -> ! {
    let mut out = io::stdout();
    if let Err(e) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        message::say(name, &format!("write error: {}", message::reason(&e)));
        exit(CANCELED);
    }
    exit(0)
}
