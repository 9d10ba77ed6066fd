//! timeout(1): runs a command, and ends it when its time is up.
//!
//! ```text
//! cargo run --example timeout -- 10s COMMAND
//! cargo run --example timeout -- -v -s INT -k 5 1.5m COMMAND
//! ```
//!
//! It behaves as the one of the GNU core utilities does, down to exit statuses and messages, in one process with
//! one thread. No signal handler in it does any work: each signal rings a bell, and waiting for the next ring is one
//! read under an [`Alarm`](sigalarm::Alarm).

// The runtime's `main` would ignore SIGPIPE and open what is closed of the standard descriptors before ours ran. A
// command must find these as they would be without us.
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

/// What went wrong with `timeout` itself.
const CANCELED: c_int = 125;

// The name that the C library starts a program at.
#[allow(unsafe_code)]
// SAFETY: nothing else in the program has this name, and the types are the ones that C gives to it.
#[unsafe(no_mangle)]
extern "C" fn main(argc: c_int, argv: *const *const c_char) -> c_int {
    // SAFETY: this is what the C library calls `main` with.
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
