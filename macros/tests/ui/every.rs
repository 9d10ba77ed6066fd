//! Invalid strides.

use sigalarm::{TimedOut, cooperative};

const STRIDE: u32 = 1024;

#[cooperative(every = 0)]
fn never() -> Result<(), TimedOut> {
    Ok(())
}

#[cooperative(every = STRIDE)]
fn name() -> Result<(), TimedOut> {
    Ok(())
}

#[cooperative(every = 4 * 4)]
fn product() -> Result<(), TimedOut> {
    Ok(())
}

#[cooperative(every = -1)]
fn negative() -> Result<(), TimedOut> {
    Ok(())
}

#[cooperative(every = "1024")]
fn text() -> Result<(), TimedOut> {
    Ok(())
}

#[cooperative(every = 4294967296)]
fn huge() -> Result<(), TimedOut> {
    Ok(())
}

fn main() {
    let _ = (never(), name(), product(), negative(), text(), huge());
}
