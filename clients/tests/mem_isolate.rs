//! Compares mem-isolate with a job, for a function that panics. Runs without a harness, because both fork.

use std::panic::{self, AssertUnwindSafe};

use sigalarm::process::{Job, JobError};

fn main() {
    panic::set_hook(Box::new(|_| {}));

    // With mem-isolate the panic unwinds past the fork, so the child runs the caller's code too.
    let parent = std::process::id();
    let caught = panic::catch_unwind(AssertUnwindSafe(|| {
        mem_isolate::execute_in_isolated_process(|| -> u32 { panic!("in the child") })
    }));
    if std::process::id() != parent {
        assert!(caught.is_err());
        std::process::exit(77); // The child, in the caller's code.
    }
    let message = caught.expect("the parent returns").unwrap_err().to_string();
    assert!(message.contains("77"), "{message}");

    // A job returns the panic to the parent.
    match Job::spawn(|| -> u32 { panic!("in the child") }).unwrap().join() {
        Err(JobError::Panicked(panic)) => assert_eq!(panic.message(), "in the child"),
        other => panic!("{other:?}"),
    }
    assert_eq!(std::process::id(), parent);

    assert_eq!(mem_isolate::execute_in_isolated_process(|| 6 * 7).unwrap(), 42);
    assert_eq!(Job::spawn(|| 6 * 7).unwrap().join().unwrap(), 42);
    println!("well");
}
