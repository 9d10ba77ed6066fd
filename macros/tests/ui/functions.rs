//! Functions that cannot have checks or a limit.

use std::pin::Pin;

use sigalarm::{TimedOut, cooperative, time_limit};

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

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

#[time_limit("1s")]
fn limited_future() -> impl Future<Output = Result<(), TimedOut>> {
    async { Ok(()) }
}

/// The expansion of `#[async_trait]`.
#[time_limit("1s")]
fn limited_boxed() -> Pin<Box<dyn Future<Output = Result<(), TimedOut>> + Send>> {
    Box::pin(async { Ok(()) })
}

#[time_limit("1s")]
fn limited_alias() -> BoxFuture<Result<(), TimedOut>> {
    Box::pin(async { Ok(()) })
}

#[time_limit("1s")]
fn limited_in_a_result() -> Result<BoxFuture<()>, TimedOut> {
    Ok(Box::pin(async {}))
}

#[cooperative]
fn boxed() -> Pin<Box<dyn Future<Output = Result<(), TimedOut>> + Send>> {
    Box::pin(async { Ok(()) })
}

#[cooperative]
#[time_limit("1s")]
fn both_on_a_future() -> BoxFuture<Result<(), TimedOut>> {
    Box::pin(async { Ok(()) })
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
    let _ = (limited_future(), limited_boxed(), limited_alias(), limited_in_a_result(), boxed(), both_on_a_future());
    let _ = (limited_constant(), limited_async(), ().run(), ().limited_run());
}
