//! Asks two questions. The default is taken at the limit, and at Ctrl-C.
//!
//! ```text
//! cargo run --example prompt -- 5s
//! ```

use std::error::Error;
use std::io::{self, BufRead, ErrorKind, Write, stdin, stdout};
use std::time::Duration;

use sigalarm::Alarm;
use signal_hook::consts::SIGINT;

fn main() -> Result<(), Box<dyn Error>> {
    let limit = match std::env::args().nth(1) {
        Some(text) => {
            humantime::parse_duration(&text).map_err(|e| format!("{text:?} is not a limit like 5s: {e}"))?
        }
        None => Duration::from_secs(10),
    };
    let name = ask("Your name?", "world", limit)?;
    let greetings = ask("How many greetings?", "1", limit)?;
    for _ in 0..greetings.parse().map_err(|e| format!("{greetings:?} is not a number: {e}"))? {
        println!("Hello, {name}!");
    }
    Ok(())
}

fn ask(question: &str, default: &str, limit: Duration) -> io::Result<String> {
    print!("{question} [{default}] ");
    stdout().flush()?;
    let alarm = Alarm::builder().after(limit).ring_on(SIGINT).arm()?;
    let mut answer = String::new();
    match alarm.reader(stdin().lock()).read_line(&mut answer) {
        Ok(_) => {}
        Err(e) if e.kind() == ErrorKind::TimedOut => {
            println!();
            answer.clear(); // a partial line
        }
        Err(e) => return Err(e),
    }
    let answer = answer.trim();
    Ok(if answer.is_empty() { default } else { answer }.to_owned())
}
