//! Tests of `src/runtime` on a simulated kernel ([`os`](crate::os)). A scheduler chooses which thread makes the next step: an
//! atomic operation, a lock operation, a clock read or a system call.
//!
//! Limits:
//!
//! - Handlers run between steps only. `tests/campaigns/single_step` runs them at each instruction.
//! - Stores are reordered, more than on x86-64; loads are not.
//! - `src/os`, `fork`, processor time, failing system calls, and signals other than SIGALRM and SIGINT are not tested.
//! - The schedules are a sample. Half are uniformly random, half have few thread switches.

mod scenarios;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, Once};

use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, MaxSteps, Runner, UngracefulShutdownConfig};

use crate::os::machine;

fn executions() -> usize {
    std::env::var("SIGALARM_EXECUTIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(2_000)
}

const SEED: u64 = 7;

fn explore(name: &str, scenario: fn()) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    static STEPS: AtomicUsize = AtomicUsize::new(0);
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(|e| e.into_inner());
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            hook(info);
            eprintln!("{}", machine::printed_log());
            // Unwinding would run destructors, which may block.
            std::process::exit(101);
        }));
    });
    STEPS.store(0, Ordering::Relaxed);

    let run = |scheduler: Box<dyn Scheduler + Send>| {
        let mut config = Config::new();
        config.stack_size = 1 << 18;
        config.max_steps = MaxSteps::FailAfter(300_000);
        let mut shutdown = UngracefulShutdownConfig::new();
        shutdown.immediately_return_on_panic = true;
        config.ungraceful_shutdown_config = shutdown;
        Runner::new(scheduler, config).run(move || {
            machine::run_process(scenario);
            STEPS.fetch_add(shuttle::current::context_switches(), Ordering::Relaxed);
        })
    };
    let all = executions();
    let mut done = run(Box::new(RandomScheduler::new_from_seed(SEED, all / 2)));
    for depth in [2, 3, 5, 10] {
        done += run(Box::new(PctScheduler::new_from_seed(SEED, depth, all / 8)));
    }
    println!("{name}: {done} executions, {} steps", STEPS.load(Ordering::Relaxed));
}
