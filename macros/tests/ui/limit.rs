//! Invalid limits and options.

use sigalarm::{TimedOut, time_limit};

#[time_limit]
fn missing() -> Result<(), TimedOut> {
    Ok(())
}

#[time_limit()]
fn empty() -> Result<(), TimedOut> {
    Ok(())
}

#[time_limit(10)]
fn number() -> Result<(), TimedOut> {
    Ok(())
}

#[time_limit(1.5)]
fn fraction() -> Result<(), TimedOut> {
    Ok(())
}

#[time_limit(1_000)]
fn grouped() -> Result<(), TimedOut> {
    Ok(())
}

#[time_limit(10u64)]
fn typed() -> Result<(), TimedOut> {
    Ok(())
}

#[time_limit(10s)]
fn unquoted() -> Result<(), TimedOut> {
    Ok(())
}

#[time_limit(1h 30min, try_arm)]
fn two_unquoted() -> Result<(), TimedOut> {
    Ok(())
}

#[time_limit(1.5 s)]
fn unquoted_with_a_space() -> Result<(), TimedOut> {
    Ok(())
}

#[time_limit("1s", "2s")]
fn two_limits() -> Result<(), TimedOut> {
    Ok(())
}

#[time_limit("1s")]
#[time_limit("2s")]
fn two_attributes() -> Result<(), TimedOut> {
    Ok(())
}

#[time_limit("10")]
fn no_unit() -> Result<(), TimedOut> {
    Ok(())
}

#[time_limit("10 secnds")]
fn no_such_unit() -> Result<(), TimedOut> {
    Ok(())
}

#[time_limit("")]
fn no_text() -> Result<(), TimedOut> {
    Ok(())
}

#[time_limit("soon")]
fn no_number() -> Result<(), TimedOut> {
    Ok(())
}

#[time_limit(label = "solve")]
fn only_a_label() -> Result<(), TimedOut> {
    Ok(())
}

#[time_limit("1s", lable = "solve")]
fn no_such_option() -> Result<(), TimedOut> {
    Ok(())
}

#[time_limit("1s", label = solve)]
fn no_literal() -> Result<(), TimedOut> {
    Ok(())
}

#[time_limit("1s", try_arm, try_arm)]
fn twice() -> Result<(), TimedOut> {
    Ok(())
}

#[time_limit("1s", try_arm = true)]
fn no_value() -> Result<(), TimedOut> {
    Ok(())
}

fn main() {
    let _ = (missing(), empty(), number(), fraction(), no_unit(), no_such_unit(), no_text(), no_number());
    let _ = (grouped(), typed(), unquoted(), two_unquoted(), unquoted_with_a_space(), two_limits(), two_attributes());
    let _ = (only_a_label(), no_such_option(), no_literal(), twice(), no_value());
}
