//! A limit on a script: [Rhai](https://rhai.rs) calls `on_progress` at every operation.
//!
//! ```text
//! cargo run -p sigalarm-clients --example script
//! ```
//!
//! The hook must be `'static` and cannot borrow a guard, so it calls `checkpoint()`.

use std::time::Duration;

use rhai::{Dynamic, Engine, EvalAltResult};
use sigalarm::{Alarm, TimedOut, checkpoint};

pub fn engine() -> Engine {
    let mut engine = Engine::new();
    // The script's error, `ErrorTerminated`, carries this value.
    engine.on_progress(|_operations| checkpoint().err().map(Dynamic::from));
    engine
}

/// Each call of a function in the script wraps the error once.
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
                _ => return Err(e), // an error of the script, or an outer limit
            },
        }
    }
    Ok(())
}
