//! Items and blocks that cannot have checks.

use std::fmt;

use sigalarm::{TimedOut, cooperative, time_limit};

#[cooperative]
struct Solver;

#[cooperative]
impl Solver {
    fn new() -> Solver {
        Solver
    }
}

#[cooperative]
impl fmt::Display for Solver {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

#[cooperative]
mod empty {}

#[cooperative]
trait Job {
    fn run(&self) -> Result<(), TimedOut>;
}

#[cooperative(unwind)]
impl Drop for Solver {
    fn drop(&mut self) {}
}

#[cooperative(unwind)]
mod unwinding {
    #[sigalarm::time_limit("1s")]
    pub fn limited() -> Result<(), sigalarm::TimedOut> {
        Ok(())
    }
}

#[time_limit("1s")]
impl Job for Solver {
    fn run(&self) -> Result<(), TimedOut> {
        Ok(())
    }
}

#[time_limit("1s")]
enum Limited {}

fn main() {
    let solver = Solver::new();
    let _ = (solver.run(), solver.to_string(), unwinding::limited());
    let _: Option<Limited> = None;
}
