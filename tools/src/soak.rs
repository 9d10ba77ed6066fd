//! Random sequences, signal storms and forks, compared with a model.
//!
//! ```text
//! cargo run --release -p sigalarm-tools --bin soak -- --for 10m
//! cargo run --release -p sigalarm-tools --bin soak -- --repeat 4711
//! ```
//!
//! A failure prints its seed, a short failing sequence, and the command that repeats it.

#[allow(dead_code)] // The tests use more of these two.
#[path = "../../tests/support/alarms.rs"]
mod alarms;
#[path = "../../tests/support/soak/mod.rs"]
mod engine;
#[allow(dead_code)]
#[path = "../../tests/support/process.rs"]
mod process;

use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::Parser;

use engine::{Tally, forks, scopes, storm, trial};

#[derive(Parser)]
#[command(about = "Runs random sequences of alarm operations and compares them with a model")]
struct Args {
    /// How long to run sequences, sequences in a storm of signals, and threads, in turn
    #[arg(long = "for", value_name = "TIME", default_value = "1m", value_parser = humantime::parse_duration)]
    time: Duration,

    /// The first seed [default: from the clock]
    #[arg(long)]
    seed: Option<u64>,

    /// The number of parallel processes
    #[arg(long, default_value_t = 2)]
    workers: u64,

    /// First, arm this many alarms of a microsecond to a millisecond in a storm of signals
    #[arg(long, default_value_t = 0)]
    alarms: u64,

    /// First, fork this many times
    #[arg(long, default_value_t = 0)]
    forks: u64,

    /// Run only threads that arm and drop outermost guards
    #[arg(long)]
    scopes: bool,

    /// Run only this seed, a hundred times
    #[arg(long, value_name = "SEED")]
    repeat: Option<u64>,

    /// With --repeat: in a storm of signals
    #[arg(long, requires = "repeat")]
    stormy: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let tally = Tally::new();
    let began = Instant::now();
    let result = match args.repeat {
        Some(seed) => trial::seed(seed, args.stormy, 100, tally),
        None => soak(&args, tally),
    };
    println!("{tally}\n{:<34}{:>14.0?}", "time", began.elapsed());
    match result {
        Ok(()) if tally.is_empty() => {
            println!("\nFAILED: no operation was run; ask for more time, or for --alarms or --forks");
            ExitCode::FAILURE
        }
        Ok(()) => {
            println!("no repeatable failure: no alarm was early, lost or leaked");
            ExitCode::SUCCESS
        }
        Err(why) => {
            println!("\nFAILED: {why}");
            ExitCode::FAILURE
        }
    }
}

fn soak(args: &Args, tally: &'static Tally) -> Result<(), String> {
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs() << 20);
    let first = args.seed.unwrap_or_else(clock);
    println!("{:<34}{first:>14}", "first seed");
    storm::campaign(first, args.alarms, args.workers, tally)?;
    forks::campaign(first, args.forks, args.workers, tally)?;
    let end = Instant::now() + args.time;
    let piece = |share: u32| {
        let longest = (args.time / 10 * share).min(Duration::from_secs(30 * u64::from(share)));
        longest.min(end.saturating_duration_since(Instant::now()))
    };
    for round in 0.. {
        if Instant::now() >= end {
            break;
        }
        let seed = first + (round << 32);
        if !args.scopes {
            trial::campaign(seed, piece(4), args.workers, false, tally)?;
            trial::campaign(seed, piece(2), args.workers, true, tally)?;
        }
        scopes::campaign(seed, piece(4), args.workers, tally)?;
    }
    Ok(())
}
