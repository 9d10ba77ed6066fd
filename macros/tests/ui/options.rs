//! Unknown options and missing values.

use sigalarm::{TimedOut, cooperative};

#[cooperative(evry = 1024)]
fn unknown() -> Result<(), TimedOut> {
    Ok(())
}

#[cooperative(unwind, every = 4, unwind)]
fn twice() -> Result<(), TimedOut> {
    Ok(())
}

#[cooperative(unwind = true)]
fn no_value() -> Result<(), TimedOut> {
    Ok(())
}

#[cooperative(alarm)]
fn no_alarm() -> Result<(), TimedOut> {
    Ok(())
}

#[cooperative(every)]
fn no_stride() -> Result<(), TimedOut> {
    Ok(())
}

#[cooperative(crate)]
fn no_path() -> Result<(), TimedOut> {
    Ok(())
}

#[cooperative(every = 4 unwind)]
fn no_comma() -> Result<(), TimedOut> {
    Ok(())
}

#[cooperative(alarm = )]
fn no_expression() -> Result<(), TimedOut> {
    Ok(())
}

#[cooperative("every = 4")]
fn no_name() -> Result<(), TimedOut> {
    Ok(())
}

fn main() {
    // With an error, the function is unchanged.
    let _ = (unknown(), twice(), no_value(), no_alarm(), no_stride(), no_path(), no_comma(), no_expression(), no_name());
}
