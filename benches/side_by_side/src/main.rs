//! The cost of sigalarm beside other crates, measured in the same run.
//!
//! ```text
//! cargo run --release -p sigalarm-benches
//! cargo run --release -p sigalarm-benches -- --quick
//! cargo run --release -p sigalarm-benches -- --only check,arm
//! cargo run --release -p sigalarm-benches -- --draw
//! ```
//!
//! Writes `docs/performance/figures.json` and pictures, and the tables in `docs/performance.md` and `README.md`.
//! `--quick` writes to `target/performance`, unless `--out` is given.

mod arm;
mod bare;
mod check;
mod counts;
mod figures;
mod growth;
mod instructions;
mod jobs;
mod machine;
mod notice;
mod paired;
mod plan;
mod python;
mod report;

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use clap::{Parser, Subcommand};

use crate::figures::{Figures, Section};
use crate::machine::Machine;
use crate::plan::Plan;

const SECTIONS: [&str; 9] =
    ["check", "instructions", "arm", "notice", "jobs", "workers", "transfer", "alarms", "threads"];

#[derive(Parser)]
#[command(about, version)]
struct Options {
    /// Measure rough figures in less than a minute
    #[arg(long, global = true)]
    quick: bool,
    /// Measure these sections only, and keep the other figures
    #[arg(long, value_delimiter = ',', value_parser = SECTIONS)]
    only: Vec<String>,
    /// Measure nothing and draw the existing figures
    #[arg(long)]
    draw: bool,
    /// The root of the tree in which docs/ and README.md are written
    #[arg(long)]
    out: Option<PathBuf>,
    #[command(subcommand)]
    role: Option<Role>,
}

#[derive(Subcommand)]
enum Role {
    /// Print one section to standard output
    #[command(hide = true)]
    Section { name: String },
    /// Run under callgrind
    #[command(hide = true)]
    Counted,
    /// Keep a core busy
    #[command(hide = true)]
    Hog,
}

fn main() -> Result<(), Box<dyn Error>> {
    // procspawn's own child processes end here.
    procspawn::init();
    let options = Options::parse();
    match &options.role {
        None => run(&options),
        Some(Role::Section { name }) => {
            let section = measure(name, &Plan { quick: options.quick });
            println!("{}", serde_json::to_string(&section)?);
            Ok(())
        }
        Some(Role::Counted) => {
            instructions::run_all();
            Ok(())
        }
        Some(Role::Hog) => {
            notice::hog();
            Ok(())
        }
    }
}

fn measure(name: &str, plan: &Plan) -> Section {
    match name {
        "check" => Section::Check(check::measure(plan)),
        "instructions" => instructions::measure(),
        "arm" => Section::Arm(arm::measure(plan)),
        "notice" => Section::Notice(notice::measure(plan)),
        "jobs" => Section::Jobs(jobs::jobs(plan)),
        "workers" => Section::Workers(jobs::workers(plan)),
        "transfer" => Section::Transfer(jobs::transfer(plan)),
        "alarms" => Section::Alarms(growth::alarms(plan)),
        "threads" => Section::Threads(growth::threads(plan)),
        _ => Section::Skipped("there is no such section".to_owned()),
    }
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let out = match &options.out {
        Some(out) => out.clone(),
        None if options.quick => env::current_exe()?.with_file_name("performance"),
        None => root.clone(),
    };
    let json = out.join("docs/performance/figures.json");
    let mut figures = Figures::default();
    if options.draw || !options.only.is_empty() {
        figures = serde_json::from_slice(&fs::read(&json)?)?;
    }
    if !options.draw {
        take(&mut figures, options)?;
        fs::create_dir_all(out.join("docs/performance"))?;
        fs::write(&json, figures.to_json()?)?;
    }
    report::write(&figures, &root, &out)?;
    println!("{}", out.join("docs/performance.md").display());
    Ok(())
}

/// Measures the sections, each in its own process.
fn take(figures: &mut Figures, options: &Options) -> Result<(), Box<dyn Error>> {
    let mut machine = Machine::here(options.quick);
    let (python, missing) = python::find();
    figures.skipped.remove("Python");
    if let Some(missing) = missing {
        println!("skipped: {missing}");
        figures.skipped.insert("Python".to_owned(), missing);
    }
    if let Some(python) = &python {
        machine.versions.extend(python::versions(python));
    }
    figures.machine = machine;
    let wanted = |name: &&str| options.only.is_empty() || options.only.iter().any(|only| only == name);
    for name in SECTIONS.into_iter().filter(wanted) {
        let began = Instant::now();
        eprintln!("{name}");
        let mut command = Command::new(env::current_exe()?);
        command.args(options.quick.then_some("--quick")).args(["section", name]).stderr(Stdio::inherit());
        if let Some(python) = &python {
            command.env(python::VARIABLE, python);
        }
        let output = command.output()?;
        if !output.status.success() {
            return Err(format!("{name}: {}", output.status).into());
        }
        let section = serde_json::from_slice(&output.stdout)?;
        if let Section::Skipped(why) = &section {
            println!("skipped: {name}: {why}");
        }
        figures.take(name, section);
        eprintln!("  {:.1} s", began.elapsed().as_secs_f64());
    }
    Ok(())
}
