//! Items that the compiler can parse and the macros cannot.

use sigalarm::{TimedOut, cooperative, time_limit};

struct Solver;

macro_rules! solver {
    ($body:block) => {
        #[cooperative]
        fn checked(n: u8) -> Result<(), TimedOut> {
            // The macros need a comma.
            match n { 0 => $body _ => $body }
            Ok(())
        }

        impl Solver {
            #[time_limit("1s")]
            fn limited(&self, n: u8) -> Result<(), TimedOut> {
                match n { 0 => $body _ => $body }
                Ok(())
            }
        }

        #[cooperative]
        impl Solver {
            fn run(&self, n: u8) -> Result<(), TimedOut> {
                match n { 0 => $body _ => $body }
                Ok(())
            }
        }
    };
}

solver!({ println!("solved") });

fn main() {
    let _ = (checked(1), Solver.limited(1), Solver.run(1));
}
