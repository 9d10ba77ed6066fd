//! An online judge: runs untrusted submissions, each in a job, and prints a verdict for each.
//!
//! ```text
//! cargo run --release --features process --example grader
//! ```
//!
//! Verdicts: OK, WA (wrong answer), TLE (time limit exceeded), MLE (memory), OLE (output), RE (runtime error). The
//! submissions are functions here.

#![allow(unsafe_code)] // Some submissions call `fork` and `signal`.

use std::fs::File;
use std::hint::black_box;
use std::io::{self, Read, Seek, Write};
use std::time::{Duration, Instant};

use nix::libc;
use nix::sys::resource::{Resource, setrlimit};
use sigalarm::Alarm;
use sigalarm::process::{Job, JobError, KillReason, Output, Usage};

/// The task: the sum of the primes below this number.
const BELOW: u64 = 2_000_000;
const ANSWER: &str = "142913828922";

/// The limit is on processor time, so a busy machine changes no verdict. `WALL` stops submissions that sleep.
const TIME: Duration = Duration::from_millis(500);
const WALL: Duration = Duration::from_secs(60);
const GRACE: Duration = Duration::from_millis(100);
const MEMORY: u64 = 256 << 20;
const OUTPUT: usize = 64 << 10;

type Submission = (&'static str, &'static str, fn(u64) -> String);

const SUBMISSIONS: [Submission; 13] = [
    ("sieve", "OK", sieve),
    ("off by one", "WA", |below| sieve(below + 10_000)),
    ("by trial", "TLE", by_trial),
    ("endless loop", "TLE", |_| endless()),
    ("panics", "RE", |below| format!("{}", Vec::<u64>::new()[below as usize])),
    ("deep recursion", "RE", |below| recursive(below).to_string()),
    ("hoarder", "MLE", hoarder),
    ("chatterbox", "OLE", |_| "answer! ".repeat(1_000_000)),
    ("fork bomb", "TLE", |_| fork_bomb()),
    ("ignores SIGTERM", "TLE", |_| ignores_sigterm()),
    ("not UTF-8", "RE", |_| not_utf_8()),
    ("forger", "WA", forger),
    ("floods stderr", "OLE", |_| floods_stderr()),
];

fn sieve(below: u64) -> String {
    let mut composite = vec![false; below as usize];
    let mut sum = 0;
    for n in 2..below as usize {
        if !composite[n] {
            sum += n as u64;
            (n * n..below as usize).step_by(n).for_each(|multiple| composite[multiple] = true);
        }
    }
    sum.to_string()
}

fn by_trial(below: u64) -> String {
    let is_prime = |n: &u64| (2..*n).all(|divisor| n % divisor != 0);
    (2..below).filter(is_prime).sum::<u64>().to_string()
}

fn endless() -> String {
    loop {
        std::hint::spin_loop();
    }
}

#[allow(unconditional_recursion)]
fn recursive(n: u64) -> u64 {
    black_box([n; 16])[3] + recursive(n + 1)
}

fn hoarder(below: u64) -> String {
    let table: Vec<Vec<u64>> = (0..below).map(|_| black_box(vec![0; 100_000])).collect();
    table.len().to_string()
}

/// Two generations of forks, which then all loop.
fn fork_bomb() -> String {
    for _ in 0..2 {
        // SAFETY: the job has one thread.
        unsafe { libc::fork() };
    }
    endless()
}

fn ignores_sigterm() -> String {
    // SAFETY: ignoring a signal runs no code.
    unsafe { libc::signal(libc::SIGTERM, libc::SIG_IGN) };
    endless()
}

fn not_utf_8() -> String {
    let _ = io::stderr().write_all(b"\xff\xfe");
    std::process::abort()
}

fn forger(_: u64) -> String {
    println!("forger                  OK       0.1       0.1       1.0");
    "\nforger                  OK".to_owned()
}

fn floods_stderr() -> String {
    loop {
        let _ = io::stderr().write_all(&[b'x'; 4096]);
    }
}

struct Report {
    verdict: &'static str,
    wall: Duration,
    usage: Option<Usage>,
    remark: String,
}

/// Judges a submission. Returns an error if `interrupted` expires; the job is then dropped and killed.
fn judge(submission: fn(u64) -> String, interrupted: &Alarm) -> io::Result<Report> {
    let mut errors = scratch()?;
    let began = Instant::now();
    let job = Job::builder()
        .limit(WALL)
        .grace(GRACE)
        .memory_limit(MEMORY)
        // The kernel enforces this limit even if this program is killed.
        .cpu_limit(TIME)
        .value_limit(OUTPUT)
        .stdout(Output::Null)
        .stderr(errors.try_clone()?)
        .spawn(|| {
            // Limits the file that is the job's standard error.
            setrlimit(Resource::RLIMIT_FSIZE, OUTPUT as u64, OUTPUT as u64).expect("setrlimit");
            submission(BELOW)
        })
        .map_err(io::Error::other)?;
    let outcome = job.join();
    let wall = began.elapsed();
    let usage = job.usage();

    let mut said = Vec::new();
    errors.rewind()?;
    errors.take(OUTPUT as u64).read_to_end(&mut said)?;
    // With a backtrace the reason may be unknown, but Rust's message is there.
    let without_memory = String::from_utf8_lossy(&said).contains("memory allocation of");
    let (verdict, remark) = match &outcome {
        Ok(_) if usage.is_some_and(|used| used.user + used.system > TIME) => ("TLE", String::new()),
        Ok(answer) if answer == ANSWER => ("OK", String::new()),
        Ok(answer) => ("WA", answer.clone()),
        Err(JobError::TimedOut(e)) if interrupted.owns(e) => return Err(e.clone().into()),
        Err(JobError::TimedOut(_)) => ("TLE", "by the clock".to_owned()),
        Err(JobError::TooLarge { .. } | JobError::Killed { signal: libc::SIGXFSZ, .. }) => {
            ("OLE", String::new())
        }
        Err(JobError::Killed { reason: KillReason::CpuTime, .. }) => ("TLE", String::new()),
        Err(JobError::Killed { reason: KillReason::Memory, .. }) => ("MLE", String::new()),
        Err(JobError::Killed { .. }) if without_memory => ("MLE", String::new()),
        Err(e) => ("RE", e.to_string()),
    };
    Ok(Report { verdict, wall, usage, remark })
}

/// Opens a file that has no name, so the kernel deletes it when it is closed.
fn scratch() -> io::Result<File> {
    let path = std::env::temp_dir().join(format!("grader-{}", std::process::id()));
    let file = File::options().read(true).write(true).create_new(true).open(&path)?;
    std::fs::remove_file(path)?;
    Ok(file)
}

fn main() -> io::Result<()> {
    let interrupted = Alarm::builder().ring_on(libc::SIGINT).arm()?;
    println!("{:<18}{:>8}{:>10}{:>10}{:>10}  remark", "submission", "verdict", "wall ms", "cpu ms", "MiB");
    let mut unexpected = 0;
    for (name, expected, submission) in SUBMISSIONS {
        let Report { verdict, wall, usage, remark } = judge(submission, &interrupted)?;
        let millis = |time: Duration| time.as_secs_f64() * 1e3;
        let (cpu, memory) = match usage {
            Some(used) => (millis(used.user + used.system), used.max_resident as f64 / f64::from(1 << 20)),
            None => (f64::NAN, f64::NAN),
        };
        // The submission made this text, which must not start a new line.
        let remark: String = remark.escape_debug().take(60).collect();
        println!("{name:<18}{verdict:>8}{:>10.1}{cpu:>10.1}{memory:>10.1}  {remark}", millis(wall));
        unexpected += u32::from(verdict != expected);
    }
    if unexpected > 0 {
        return Err(io::Error::other(format!("{unexpected} verdicts are not as expected")));
    }
    Ok(())
}
