//! A limit on a script: [Rhai](https://rhai.rs) calls `on_progress` at every operation.
//!
//! ```text
//! cargo run -p sigalarm-clients --example script
//! ```
//!
//! The hook must be `'static`, so it cannot borrow a guard: it asks `checkpoint()`, which knows this thread's alarms.
//! One engine serves any number of scripts, with a limit for each of them or with none.

use std::time::Duration;

use rhai::{Dynamic, Engine, EvalAltResult};
use sigalarm::{Alarm, TimedOut, checkpoint};

/// An engine whose scripts end when an alarm of the calling thread expires.
pub fn engine() -> Engine {
    let mut engine = Engine::new();
    // The value that ends the script comes out of it in `ErrorTerminated`.
    engine.on_progress(|_operations| checkpoint().err().map(Dynamic::from));
    engine
}

/// The time-out, if that is what ended the script.
///
/// One that ends inside of a function of the script's comes wrapped in the name of the function, once for each call.
pub fn timed_out(error: &EvalAltResult) -> Option<TimedOut> {
    match error {
        EvalAltResult::ErrorTerminated(token, _) => token.clone().try_cast(),
        EvalAltResult::ErrorInFunctionCall(_, _, inner, _) => timed_out(inner),
        _ => None,
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let engine = engine();
    for script in ["let n = 0; while n < 1000 { n += 1 } n", "loop {}"] {
        let alarm = Alarm::builder().after(Duration::from_millis(500)).label(script).arm()?;
        match engine.eval::<i64>(script) {
            Ok(answer) => println!("{script}: {answer}"),
            Err(e) => match timed_out(&e) {
                Some(timed_out) if alarm.owns(&timed_out) => println!("{timed_out}"),
                _ => return Err(e), // a mistake in the script, or an outer limit: not ours to handle
            },
        }
    }
    Ok(())
}
