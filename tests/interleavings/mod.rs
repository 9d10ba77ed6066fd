//! Interleavings of threads: the library's own code, over a scripted kernel, under a scheduler that chooses at every
//! step who goes on. `.ci/interleavings` runs it.
//!
//! What is played is `src/bell` with all that it needs, as it ships. What is replaced is the kernel
//! ([`os::machine`](crate::os::machine)), and below it the atomics ([`os::memory`](crate::os::memory)), the lock, and
//! what a thread has of its own. A signal comes to a thread at any of its steps, which are its atomic operations, its
//! locks, its readings of the clock and its system calls; its handler takes steps of its own, and any other thread
//! may go on in between.
//!
//! # What it does not see
//!
//! - **A handler between two steps of the thread that it interrupts.** Between two steps a thread touches only what is
//!   its own or is under the lock, and a handler takes no lock and reads nothing that is under it: so it would find
//!   and leave the same as at the step before. That this is so, that what the compiler made of it is so, and that a
//!   handler may come while the lock is being taken or memory allocated, is for a real process to show.
//! - **Loads that are moved.** Stores wait here, and pass each other; a load is made where it stands. On x86-64 that
//!   is all there is.
//! - **The faces themselves**, the real kernel and the C library: here is what we believe of them.
//! - **`fork`, other signals than SIGALRM, processor time**, and system calls that fail.
//! - **Schedules that were not chosen.** There are more than can be played; some are chosen evenly, some with few
//!   changes of the thread.

mod scenarios;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, Once};

use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, MaxSteps, Runner, UngracefulShutdownConfig};

use crate::os::machine;

/// How many executions of each scenario; the environment says otherwise.
fn executions() -> usize {
    std::env::var("SIGALARM_EXECUTIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(2_000)
}

/// The same every time, unless `SHUTTLE_RANDOM_SEED` is set. With this one the clock read before the bell is stilled is
/// noticed in 20,000 executions; with others it may take more.
const SEED: u64 = 7;

/// Plays a scenario many times. A failure prints its schedule, and the seed repeats it.
fn explore(name: &str, scenario: fn()) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    static STEPS: AtomicUsize = AtomicUsize::new(0);
    static EXECUTIONS: AtomicUsize = AtomicUsize::new(0);
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(|e| e.into_inner());
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            hook(info);
            eprintln!("{}", machine::story());
            // Not through the destructors of what has failed: they may wait for what never comes.
            std::process::exit(101);
        }));
    });
    STEPS.store(0, Ordering::Relaxed);
    EXECUTIONS.store(0, Ordering::Relaxed);

    let run = |scheduler: Box<dyn Scheduler + Send>| {
        let mut config = Config::new();
        config.stack_size = 1 << 18;
        config.max_steps = MaxSteps::FailAfter(300_000);
        let mut shutdown = UngracefulShutdownConfig::new();
        shutdown.immediately_return_on_panic = true;
        config.ungraceful_shutdown_config = shutdown;
        Runner::new(scheduler, config).run(move || {
            machine::boot();
            let world = machine::power_on();
            scenario();
            machine::power_off(world);
            EXECUTIONS.fetch_add(1, Ordering::Relaxed);
            STEPS.fetch_add(shuttle::current::context_switches(), Ordering::Relaxed);
        });
    };
    let all = executions();
    run(Box::new(RandomScheduler::new_from_seed(SEED, all / 2)));
    // Few changes of the thread, at places chosen well: what random choice hits seldom.
    for depth in [2, 3, 5, 10] {
        run(Box::new(PctScheduler::new_from_seed(SEED, depth, all / 8)));
    }
    let (executions, steps) = (EXECUTIONS.load(Ordering::Relaxed), STEPS.load(Ordering::Relaxed));
    println!("{name}: {executions} executions, {steps} steps");
}
