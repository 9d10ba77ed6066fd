//! Functions that cannot have checks or a limit.

use sigalarm::{TimedOut, cooperative, time_limit};

#[cooperative]
const fn constant() -> Result<(), TimedOut> {
    Ok(())
}

#[cooperative]
#[cooperative]
fn twice() -> Result<(), TimedOut> {
    Ok(())
}

#[cooperative(skip)]
fn skipped() -> Result<(), TimedOut> {
    Ok(())
}

#[cooperative(unwind)]
extern "C" fn callback() {}

#[cooperative(unwind)]
#[time_limit("1s")]
fn unwinding() -> Result<(), TimedOut> {
    Ok(())
}

#[time_limit("1s")]
#[cooperative(unwind)]
fn unwinding_too() -> Result<(), TimedOut> {
    Ok(())
}

#[time_limit("1s")]
const fn limited_constant() -> Result<(), TimedOut> {
    Ok(())
}

#[time_limit("1s")]
async fn limited_async() -> Result<(), TimedOut> {
    Ok(())
}

trait Job {
    #[cooperative]
    fn run(&self) -> Result<(), TimedOut>;

    #[time_limit("1s")]
    fn limited_run(&self) -> Result<(), TimedOut>;
}

impl Job for () {
    fn run(&self) -> Result<(), TimedOut> {
        Ok(())
    }

    fn limited_run(&self) -> Result<(), TimedOut> {
        Ok(())
    }
}

fn main() {
    let _ = (constant(), twice(), skipped(), callback(), unwinding(), unwinding_too());
    let _ = (limited_constant(), limited_async(), ().run(), ().limited_run());
}
