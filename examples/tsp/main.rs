//! An anytime travelling-salesman search: it improves a tour until its limit and prints the best one.
//!
//! ```text
//! cargo run --release --example tsp
//! cargo run --release --example tsp -- pr1002.tsp --limit 10s --svg tour.svg
//! ```
//!
//! The limit is an [`Alarm`], and the loops call `alarm.check()?`. Ctrl-C also ends the search with its best tour; a
//! second Ctrl-C kills the program.

mod construct;
mod exhaustive;
mod incumbent;
mod instance;
mod kdtree;
mod live;
mod local;
mod rng;
mod search;
mod svg;
mod tour;
mod tsplib;

use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::{self, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use sigalarm::{Alarm, ArmError, TimedOut};
use signal_hook::consts::SIGINT;

use incumbent::Incumbent;
use instance::Instance;
use live::Live;
use search::{Ended, Progress, Settings};

const BERLIN52: &str = include_str!("../data/berlin52.tsp");

/// Searches a short round trip through all the cities of a TSPLIB file
#[derive(Parser)]
struct Args {
    /// A TSPLIB file of type EUC_2D, CEIL_2D or GEO; `-` is standard input [default: berlin52, built in]
    file: Option<PathBuf>,
    /// How long to search, from the start of the program: 500ms, 2s, 1m 30s
    #[arg(long, default_value = "2s", value_parser = humantime::parse_duration)]
    limit: Duration,
    /// The seed of the random numbers
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Stop after N kicks
    #[arg(long, value_name = "N")]
    kicks: Option<u64>,
    /// Draw the tour
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Write the tour in TSPLIB's format
    #[arg(long, value_name = "FILE")]
    tour: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { message, code }) => {
            // A file name may contain control characters, even a line end.
            eprintln!("tsp: {}", message.replace(char::is_control, "\u{fffd}"));
            ExitCode::from(code)
        }
    }
}

/// A message and the exit status: 2 for wrong input, otherwise 1.
struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    fn input(message: String) -> Failure {
        Failure { message, code: 2 }
    }

    fn other(message: String) -> Failure {
        Failure { message, code: 1 }
    }
}

fn run(args: &Args) -> Result<(), Failure> {
    // The files are opened before the search, so that an unwritable file is reported early.
    let tour = args.tour.as_deref().map(Target::open).transpose()?;
    let svg = args.svg.as_deref().map(Target::open).transpose()?;
    let arm = || Alarm::builder().after(args.limit).ring_on(SIGINT).label("tsp").arm();
    let alarm = arm().map_err(|e| Failure::other(e.to_string()))?;
    let instance = load(args.file.as_deref())?;
    let mut best = Incumbent::new(&instance);
    let mut progress = Progress::default();
    let settings = Settings { seed: args.seed, kicks: args.kicks };
    let ended = search(&mut best, &mut progress, &settings, alarm);
    let ended = ended.map_err(|e| Failure::other(e.to_string()))?;

    print(&report(&best, &progress, &ended))?;
    let cities = || best.tour().cities();
    if let Some(target) = tour {
        target.write(&tsplib::tour_file(&instance, cities(), best.length()))?;
    }
    if let Some(target) = svg {
        target.write(&svg::draw(&instance, cities(), &caption(&best)))?;
    }
    Ok(())
}

/// Searches with a progress line. Dropping the alarm restores the process.
fn search(
    best: &mut Incumbent,
    progress: &mut Progress,
    settings: &Settings,
    alarm: Alarm,
) -> Result<Result<Ended, TimedOut>, ArmError> {
    let mut live = Live::new(best, &alarm)?;
    Ok(search::run(best, progress, settings, &mut live, &alarm))
}

fn load(path: Option<&Path>) -> Result<Instance, Failure> {
    let Some(path) = path else {
        return tsplib::read(BERLIN52.as_bytes()).map_err(|e| Failure::input(format!("berlin52: {e}")));
    };
    let read = if path == Path::new("-") {
        tsplib::read(io::stdin().lock())
    } else {
        let file = File::open(path).map_err(|e| Failure::input(format!("{}: {e}", path.display())))?;
        tsplib::read(BufReader::new(file))
    };
    read.map_err(|e| {
        Failure::input(match e.line {
            Some(line) => format!("{}:{line}: {e}", path.display()),
            None => format!("{}: {e}", path.display()),
        })
    })
}

fn report(best: &Incumbent, progress: &Progress, ended: &Result<Ended, TimedOut>) -> String {
    let mut text = String::new();
    compose(&mut text, best, progress, ended).expect("a String accepts every write");
    text
}

fn compose(
    text: &mut String,
    best: &Incumbent,
    progress: &Progress,
    ended: &Result<Ended, TimedOut>,
) -> fmt::Result {
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    writeln!(text, "{}: {} cities", best.instance.name, best.instance.len())?;
    for stage in &progress.stages {
        writeln!(text, "  {:<18} {:>10} {:>10.3} ms", stage.name, stage.length, millis(stage.at))?;
    }
    if progress.stages.last().is_some_and(|stage| best.found_at() > stage.at) {
        let (length, at) = (best.length(), millis(best.found_at()));
        writeln!(text, "  {:<18} {length:>10} {at:>10.3} ms", "last improvement")?;
    }
    writeln!(text, "length        {}", best.length())?;
    match best.instance.optimum() {
        Some(optimum) => {
            writeln!(text, "gap           {} to the optimum, {optimum}", gap(best.length(), optimum))?
        }
        None => writeln!(text, "gap           unknown: no known optimum")?,
    }
    writeln!(text, "improvements  {}, with {} kicks", best.improvements(), progress.kicks)?;
    match ended {
        Err(timed_out) => writeln!(text, "{timed_out}"),
        Ok(Ended::Exhausted) => writeln!(text, "search space exhausted"),
        Ok(Ended::Kicks(n)) => writeln!(text, "search ended after {n} kicks"),
    }
}

fn gap(length: i64, optimum: i64) -> String {
    format!("{:.2} %", 100.0 * (length - optimum) as f64 / optimum as f64)
}

fn caption(best: &Incumbent) -> String {
    let name: String = best.instance.name.chars().take(24).collect();
    let gap = best.instance.optimum().map(|optimum| format!(" · gap {}", gap(best.length(), optimum)));
    format!("{name} · {} cities · length {}{}", best.instance.len(), best.length(), gap.unwrap_or_default())
}

fn print(text: &str) -> Result<(), Failure> {
    match io::stdout().write_all(text.as_bytes()) {
        // The reader has closed the pipe.
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(|e| Failure::other(format!("standard output: {e}"))),
    }
}

struct Target<'a> {
    path: &'a Path,
    file: File,
}

impl<'a> Target<'a> {
    /// Keeps the old content until there is something to write.
    fn open(path: &'a Path) -> Result<Target<'a>, Failure> {
        let file = File::options().write(true).create(true).truncate(false).open(path);
        file.map(|file| Target { path, file }).map_err(|e| Target::failure(path, &e))
    }

    fn write(mut self, text: &str) -> Result<(), Failure> {
        // A device or a pipe has no length.
        let _ = self.file.set_len(0);
        self.file.write_all(text.as_bytes()).map_err(|e| Target::failure(self.path, &e))
    }

    fn failure(path: &Path, e: &io::Error) -> Failure {
        Failure::other(format!("{}: {e}", path.display()))
    }
}
