//! Interleavings of threads: the library's own code, over a scripted kernel, under a scheduler that chooses at every step which
//! thread goes on. `.ci/parts/interleavings` runs it.
//!
//! `src/runtime` runs as it ships, with all that it needs. Replaced are the kernel ([`os::machine`](crate::os::machine)), the
//! atomics ([`os::memory`](crate::os::memory)), the lock, and thread-locals. A signal comes to a thread at any of its steps:
//! atomic operations, locks, readings of the clock and system calls.
//!
//! # Limits
//!
//! - **No handler runs between two steps.** There a thread touches only what is its own or is under the lock, which no handler
//!   takes. `tests/campaigns/single_step` shows that this holds for the compiled code.
//! - **Loads are not moved.** Stores are buffered, and pass each other; a load is made where it stands, as on x86-64.
//! - **The faces themselves**, the real kernel and the C library are not run: the machine is what this project believes of them.
//! - **`fork`, processor time and failing system calls** are not played; of signals, SIGALRM and SIGINT.
//! - **Not all schedules are run.** Half of them are chosen evenly, half with few changes of the thread.

mod scenarios;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, Once};

use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, MaxSteps, Runner, UngracefulShutdownConfig};

use crate::os::machine;

/// How many executions of each scenario, unless the environment says otherwise.
fn executions() -> usize {
    std::env::var("SIGALARM_EXECUTIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(2_000)
}

/// The same every time, unless `SHUTTLE_RANDOM_SEED` is set.
const SEED: u64 = 7;

/// Runs a scenario many times. A failure prints what has happened, and the seed repeats it.
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
            // Without the destructors of what has failed, which may wait for ever.
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
    // Few changes of the thread: schedules that even choice seldom makes.
    for depth in [2, 3, 5, 10] {
        run(Box::new(PctScheduler::new_from_seed(SEED, depth, all / 8)));
    }
    let (executions, steps) = (EXECUTIONS.load(Ordering::Relaxed), STEPS.load(Ordering::Relaxed));
    println!("{name}: {executions} executions, {steps} steps");
}
