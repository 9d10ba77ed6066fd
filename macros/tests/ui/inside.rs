//! Misplaced attributes inside a function.

use sigalarm::{TimedOut, cooperative};

#[cooperative]
fn misplaced() -> Result<(), TimedOut> {
    #[cooperative(skip)]
    let x = loop {
        break 1;
    };
    #[cooperative(skip)]
    if x == 1 {}
    #[cooperative]
    println!("{x}");
    Ok(())
}

#[cooperative]
fn needless() -> Result<(), TimedOut> {
    #[cooperative]
    for _ in 0..3 {}
    Ok(())
}

#[cooperative]
fn too_much() -> Result<(), TimedOut> {
    #[cooperative(alarm = alarm)]
    for _ in 0..3 {}
    #[cooperative(every = 3, unwind)]
    for _ in 0..3 {}
    #[cooperative(crate = sigalarm)]
    for _ in 0..3 {}
    #[cooperative(skip, every = 3)]
    for _ in 0..3 {}
    #[cooperative(every = 0)]
    for _ in 0..3 {}
    Ok(())
}

#[cooperative]
fn out_of_sight() -> Result<(), TimedOut> {
    let count = |n| {
        #[cooperative(every = 4)]
        for _ in 0..n {}
    };
    count(3);
    Ok(())
}

mod members {
    #[sigalarm::cooperative]
    impl super::Solver {
        #[cooperative(skip, every = 4)]
        pub fn run(&self) -> Result<(), super::TimedOut> {
            for _ in 0..3 {}
            Ok(())
        }
    }
    use sigalarm::cooperative;
}

struct Solver;

fn main() {
    let _ = (misplaced(), needless(), too_much(), out_of_sight(), Solver.run());
}
