//! An online judge in miniature: runs submissions that nobody has read, each in a job, and says what became of them.
//!
//! ```text
//! cargo run --release --features process --example grader
//! ```
//!
//! The verdicts are those that judges give: OK, WA (wrong answer), TLE (time limit exceeded), MLE (memory), OLE
//! (output), RE (runtime error). Real submissions would be programs, loaded or interpreted; these are functions, which
//! misbehave as well as any.

#![allow(unsafe_code)] // What submissions do is not always nice.

use std::fs::File;
use std::hint::black_box;
use std::io::{self, Read, Seek};
use std::time::{Duration, Instant};

use nix::libc;
use sigalarm::Alarm;
use sigalarm::process::{Job, JobError, Usage};

/// The task: the sum of the primes below this.
const BELOW: u64 = 2_000_000;
const ANSWER: &str = "142913828922";

const TIME: Duration = Duration::from_millis(500);
const GRACE: Duration = Duration::from_millis(100);
const MEMORY: u64 = 256 << 20;
const OUTPUT: usize = 64 << 10;

/// A name, what it is to be judged as, and the thing itself.
type Submission = (&'static str, &'static str, fn(u64) -> String);

const SUBMISSIONS: [Submission; 10] = [
    ("sieve", "OK", sieve),
    ("off by one", "WA", |below| sieve(below + 10_000)),
    ("by trial", "TLE", by_trial),
    ("endless loop", "TLE", |_| endless()),
    ("panics", "RE", |below| format!("{}", Vec::<u64>::new()[below as usize])),
    ("deep recursion", "RE", |below| recursive(below).to_string()),
    ("hoarder", "MLE", hoarder),
    ("chatterbox", "OLE", |_| "answer! ".repeat(1_000_000)),
    ("fork bomb", "TLE", |_| fork_bomb()),
    ("deaf to SIGTERM", "TLE", |_| deaf()),
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
    let table: Vec<Vec<u64>> = (0..below).map(|n| black_box(vec![n; 1_000])).collect();
    table.len().to_string()
}

/// Kept small: six generations, and then all wait.
fn fork_bomb() -> String {
    for _ in 0..6 {
        // SAFETY: the job has one thread.
        unsafe { libc::fork() };
    }
    endless()
}

fn deaf() -> String {
    // SAFETY: to ignore a signal runs no code.
    unsafe { libc::signal(libc::SIGTERM, libc::SIG_IGN) };
    endless()
}

/// What became of a submission.
struct Report {
    verdict: &'static str,
    wall: Duration,
    usage: Option<Usage>,
    remark: String,
}

/// Until `interrupted`: then the job goes down with the wait for it, and all that it has started.
fn judge(submission: fn(u64) -> String, interrupted: &Alarm) -> io::Result<Report> {
    let mut complaints = scratch()?;
    let began = Instant::now();
    let job = Job::builder()
        .limit(TIME)
        .grace(GRACE)
        .memory_limit(MEMORY)
        // The kernel keeps to it also when this program is killed, and nobody is left to end a fork bomb.
        .cpu_limit(2 * TIME)
        .value_limit(OUTPUT)
        .stderr(complaints.try_clone()?)
        .spawn(|| submission(BELOW))
        .map_err(io::Error::other)?;
    let outcome = job.join();
    let wall = began.elapsed();

    let mut said = String::new();
    complaints.rewind()?;
    complaints.read_to_string(&mut said)?;
    let (verdict, remark) = match &outcome {
        // A function that does not check is not told of its limit: it may be through before it is ended.
        Ok(_) if wall > TIME => ("TLE", String::new()),
        Ok(answer) if answer == ANSWER => ("OK", String::new()),
        Ok(answer) => ("WA", answer.clone()),
        Err(JobError::TimedOut(e)) if interrupted.owns(e) => return Err(e.clone().into()),
        Err(JobError::TimedOut(_)) => ("TLE", job.exit().map(|exit| exit.to_string()).unwrap_or_default()),
        Err(JobError::Killed { signal: libc::SIGXCPU, .. }) => ("TLE", String::new()),
        Err(JobError::TooLarge { .. }) => ("OLE", String::new()),
        // Rust aborts when there is no memory left, and says so.
        Err(JobError::Killed { .. }) if said.contains("memory allocation of") => ("MLE", String::new()),
        Err(e) => ("RE", e.to_string()),
    };
    Ok(Report { verdict, wall, usage: job.usage(), remark })
}

/// A file without a name, gone with the last who holds it.
fn scratch() -> io::Result<File> {
    let path = std::env::temp_dir().join(format!("grader-{}", std::process::id()));
    let file = File::options().read(true).write(true).create_new(true).open(&path)?;
    std::fs::remove_file(path)?;
    Ok(file)
}

fn main() -> io::Result<()> {
    let interrupted = Alarm::builder().ring_on(libc::SIGINT).arm()?;
    println!("{:<18}{:>8}{:>10}{:>10}{:>10}  remark", "submission", "verdict", "wall ms", "cpu ms", "MiB");
    let mut surprises = 0;
    for (name, expected, submission) in SUBMISSIONS {
        let Report { verdict, wall, usage, remark } = judge(submission, &interrupted)?;
        let millis = |time: Duration| time.as_secs_f64() * 1e3;
        let (cpu, memory) = match usage {
            Some(used) => (millis(used.user + used.system), used.max_resident as f64 / f64::from(1 << 20)),
            None => (f64::NAN, f64::NAN),
        };
        let remark: String = remark.chars().take(60).collect();
        println!("{name:<18}{verdict:>8}{:>10.1}{cpu:>10.1}{memory:>10.1}  {remark}", millis(wall));
        surprises += u32::from(verdict != expected);
    }
    if surprises > 0 {
        return Err(io::Error::other(format!("{surprises} verdicts are not as expected")));
    }
    Ok(())
}
