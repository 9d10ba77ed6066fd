//! A limit around one call, with one error type.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::time::Duration;

use crate::support::*;
use sigalarm::{Alarm, ArmError, TimedOut, checkpoint, try_within};

const LONG: Duration = Duration::from_secs(60);

fn checks(alarm: &Alarm) -> Result<u32, TimedOut> {
    alarm.check()?;
    checkpoint()?;
    Ok(42)
}

fn value_is_returned() {
    assert_eq!(try_within(LONG, checks).expect("in time"), 42);
    assert!(checkpoint().is_ok(), "the limit is left behind");
}

fn expiry_is_returned() {
    let e = try_within(Duration::ZERO, checks).expect_err("expired");
    assert_eq!(e.kind(), ErrorKind::TimedOut);
    let timed_out = TimedOut::find_in(&e).expect("a TimedOut");
    assert_eq!(timed_out.limit(), Some(Duration::ZERO));
    assert_eq!(timed_out.location().file(), file!());
    assert!(checkpoint().is_ok(), "the limit is left behind");
}

fn error_of_the_function_is_returned_unchanged() {
    let read = |_: &Alarm| std::fs::read("/no/such/file");
    let e = try_within(LONG, read).expect_err("there is none");
    assert!(e.kind() == ErrorKind::NotFound && e.raw_os_error().is_some());
    let e = try_within(LONG, |alarm| -> io::Result<()> {
        alarm.check()?;
        std::fs::read("/no/such/file")?;
        Ok(())
    });
    assert_eq!(e.expect_err("there is none").kind(), ErrorKind::NotFound);
}

fn enclosing_expiry_is_returned() {
    let outer = after(Duration::ZERO);
    let e = try_within(LONG, checks).expect_err("the outer limit");
    assert!(outer.owns(TimedOut::find_in(&e).expect("a TimedOut")));
}

fn one_question_mark_converts_both_errors() {
    fn answer(limit: Duration) -> Result<u32, Box<dyn Error>> {
        Ok(try_within(limit, checks)?)
    }
    assert_eq!(answer(LONG).expect("in time"), 42);
    let e = answer(Duration::ZERO).expect_err("expired");
    assert!(TimedOut::find_in(e.as_ref()).is_some());
}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
fn failure_to_arm_is_returned() {
    use nix::libc::{EPERM, SYS_rt_sigaction};

    process::forbid(SYS_rt_sigaction, EPERM);
    let e = try_within(LONG, |_| -> Result<(), TimedOut> { panic!("it ran without a limit") });
    let e = e.expect_err("the call is forbidden");
    assert!(TimedOut::find_in(&e).is_none() && e.kind() == ErrorKind::PermissionDenied);
    assert!(e.get_ref().is_some_and(|e| e.is::<ArmError>()), "{e}");
}

pub fn scenarios() -> Vec<Scenario> {
    scenarios![
        value_is_returned,
        expiry_is_returned,
        error_of_the_function_is_returned_unchanged,
        enclosing_expiry_is_returned,
        one_question_mark_converts_both_errors,
        #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
        failure_to_arm_is_returned,
    ]
}
