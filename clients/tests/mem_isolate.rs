//! What mem-isolate does with a function that panics, beside what a job does.
//!
//! On the main thread of its own, and without a harness: both fork.

use std::panic::{self, AssertUnwindSafe};

use sigalarm::process::{Job, JobError};

fn main() {
    panic::set_hook(Box::new(|_| {}));

    // A panic unwinds past the fork: what the caller does next is done by the child as well.
    let parent = std::process::id();
    let caught = panic::catch_unwind(AssertUnwindSafe(|| {
        mem_isolate::execute_in_isolated_process(|| -> u32 { panic!("in the child") })
    }));
    if std::process::id() != parent {
        assert!(caught.is_err());
        std::process::exit(77); // Here is the child, in the caller's code.
    }
    let told = caught.expect("the parent itself goes on").unwrap_err().to_string();
    assert!(told.contains("77"), "{told}");

    // A job's panic is a value of the parent's.
    match Job::spawn(|| -> u32 { panic!("in the child") }).unwrap().join() {
        Err(JobError::Panicked(panic)) => assert_eq!(panic.message(), "in the child"),
        other => panic!("{other:?}"),
    }
    assert_eq!(std::process::id(), parent);

    // And a value comes back from either.
    assert_eq!(mem_isolate::execute_in_isolated_process(|| 6 * 7).unwrap(), 42);
    assert_eq!(Job::spawn(|| 6 * 7).unwrap().join().unwrap(), 42);
    println!("well");
}
