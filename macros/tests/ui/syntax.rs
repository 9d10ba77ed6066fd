//! The compiler reports a syntax error in a body once.

use sigalarm::{TimedOut, cooperative, time_limit};

#[cooperative]
fn checked() -> Result<(), TimedOut> {
    let sum = 1 +;
    Ok(())
}

#[time_limit("1s")]
fn limited() -> Result<(), TimedOut> {
    let _pair = (1 2);
    Ok(())
}

struct Solver;

#[cooperative]
impl Solver {
    fn run(&self) -> Result<(), TimedOut> {
        let _pair = (1 2);
        Ok(())
    }

    #[time_limit("1s")]
    fn limited(&self) -> Result<(), TimedOut> {
        let _pair = (1 2);
        Ok(())
    }
}

fn main() {
    let _ = (checked(), limited(), Solver.run(), Solver.limited());
}
