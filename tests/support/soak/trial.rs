//! Sequences in processes of their own: a death or a hang is a failure, as is a panic.
//!
//! A failing sequence is minimized. Failures depend on timing, so each shorter sequence gets several tries.

#![allow(unsafe_code, clippy::undocumented_unsafe_blocks)]

use std::fmt::Write;
use std::panic;
use std::time::{Duration, Instant};

use super::op::{self, Op};
use super::player;
use super::tally::Tally;
use crate::alarms::LATE;
use nix::libc;

const HANG: Duration = Duration::from_secs(60);

const SHRINKING: Duration = Duration::from_secs(25);

/// Successes after which a shorter sequence counts as sound.
const TRIES: usize = 12;

/// Runs `f` in a child. Returns its failure.
pub fn isolated(tally: &Tally, hang: Duration, f: impl FnOnce()) -> Result<(), String> {
    tally.complain("");
    let child = unsafe { libc::fork() };
    if child < 0 {
        return Err(format!("fork: {}", std::io::Error::last_os_error()));
    }
    if child == 0 {
        unsafe { libc::setpgid(0, 0) };
        let tally: &'static Tally = unsafe { &*std::ptr::from_ref(tally) };
        panic::set_hook(Box::new(move |info| {
            // The first failure message says most.
            if tally.complaint().is_empty() {
                tally.complain(&info.to_string());
            }
        }));
        let failed = panic::catch_unwind(panic::AssertUnwindSafe(f)).is_err();
        unsafe { libc::_exit(i32::from(failed)) };
    }
    let (began, mut status) = (Instant::now(), 0);
    let mut hung = false;
    while unsafe { libc::waitpid(child, &mut status, libc::WNOHANG) } == 0 {
        if began.elapsed() > hang && !hung {
            hung = true;
            unsafe { libc::kill(child, libc::SIGKILL) };
        }
        std::thread::sleep(Duration::from_micros(500));
    }
    // Kills its descendants too.
    unsafe { libc::kill(-child, libc::SIGKILL) };
    if hung {
        Err(format!("hangs; {}", tally.complaint()))
    } else if libc::WIFSIGNALED(status) {
        Err(format!("died of signal {}; {}", libc::WTERMSIG(status), tally.complaint()))
    } else if libc::WEXITSTATUS(status) != 0 {
        Err(tally.complaint())
    } else {
        Ok(())
    }
}

fn try_once(ops: &[Op], stormy: bool, tally: &'static Tally) -> Result<(), String> {
    tally.processes.add(1);
    isolated(tally, HANG, || player::play(ops, stormy, tally)).map_err(|why| {
        let at = tally.at.get() as usize;
        format!("{why}\nat operation {at}, {:?}", ops.get(at))
    })
}

pub fn seed(seed: u64, stormy: bool, times: usize, tally: &'static Tally) -> Result<(), String> {
    let ops = op::sequence(seed);
    for _ in 0..times {
        try_once(&ops, stormy, tally).map_err(|why| report(seed, &ops, stormy, &why, tally))?;
    }
    Ok(())
}

fn report(seed: u64, ops: &[Op], stormy: bool, why: &str, tally: &'static Tally) -> String {
    let (short, short_why) = shorter(ops, stormy, why, tally);
    let mut text = format!(
        "seed {seed}: {why}\n\nthe shortest sequence found that fails, {} operations:\n",
        short.len()
    );
    for op in &short {
        let _ = writeln!(text, "    {op:?}");
    }
    let stormy = if stormy { " --stormy" } else { "" };
    let _ = writeln!(text, "it fails with: {short_why}");
    let _ = write!(
        text,
        "\nto repeat: cargo run --release -p sigalarm-tools --bin soak -- --repeat {seed}{stormy}"
    );
    text
}

fn shorter(ops: &[Op], stormy: bool, why: &str, tally: &'static Tally) -> (Vec<Op>, String) {
    let began = Instant::now();
    let mut best = (ops.to_vec(), why.to_owned());
    // Operations after the failure have no effect on it.
    best.0.truncate(tally.at.get() as usize + 1);
    let mut size = best.0.len().div_ceil(2).max(1);
    loop {
        let mut from = 0;
        let mut shrunk = false;
        while from < best.0.len() {
            if began.elapsed() > SHRINKING {
                return best;
            }
            let mut fewer = best.0.clone();
            fewer.drain(from..(from + size).min(best.0.len()));
            match (0..TRIES).find_map(|_| try_once(&fewer, stormy, tally).err()) {
                Some(why) => {
                    best = (fewer, why);
                    shrunk = true;
                }
                None => from += size,
            }
        }
        if size == 1 && !shrunk {
            return best;
        }
        size = size.div_ceil(2).min(best.0.len().max(1));
    }
}

const AGAIN: usize = 30;

/// Plays one seed. A failure that does not repeat is printed and counted, and does not fail.
fn seed_that_repeats(seed: u64, stormy: bool, tally: &'static Tally) -> Result<(), String> {
    let ops = op::sequence(seed);
    let Err(why) = try_once(&ops, stormy, tally) else { return Ok(()) };
    for _ in 0..AGAIN {
        try_once(&ops, stormy, tally).map_err(|why| report(seed, &ops, stormy, &why, tally))?;
    }
    tally.unrepeated.add(1);
    println!("seen once, and not in {AGAIN} times more: seed {seed}: {why}");
    Ok(())
}

/// Plays seeds from `first` on in several processes.
pub fn campaign(
    first: u64,
    time: Duration,
    workers: u64,
    stormy: bool,
    tally: &'static Tally,
) -> Result<(), String> {
    let end = Instant::now() + time;
    in_parallel(workers, tally, |worker, own| {
        let mut next = first + worker;
        while Instant::now() < end {
            seed_that_repeats(next, stormy, own)?;
            next += workers;
        }
        Ok(())
    })
}

/// Splits a number of things into batches, each in a process of its own.
pub fn in_batches(
    name: &str,
    first: u64,
    all: u64,
    batch: u64,
    workers: u64,
    tally: &'static Tally,
    run: fn(u64, u64, &'static Tally),
) -> Result<(), String> {
    in_parallel(workers, tally, |worker, own| {
        for n in (worker..all.div_ceil(batch)).step_by(workers as usize) {
            let (seed, many) = (first + n, batch.min(all - n * batch));
            own.processes.add(1);
            isolated(own, LATE * 20, || run(seed, many, own))
                .map_err(|why| format!("{name}, seed {seed}: {why}"))?;
        }
        Ok(())
    })
}

pub fn in_parallel(
    workers: u64,
    tally: &'static Tally,
    f: impl Fn(u64, &'static Tally) -> Result<(), String>,
) -> Result<(), String> {
    let mut children = Vec::new();
    for worker in 0..workers {
        let own = Tally::new();
        match unsafe { libc::fork() } {
            -1 => return Err(format!("fork: {}", std::io::Error::last_os_error())),
            0 => {
                unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
                let result = f(worker, own);
                tally.absorb(own);
                if let Err(why) = &result {
                    own.complain(why);
                }
                unsafe { libc::_exit(i32::from(result.is_err())) }
            }
            child => children.push((child, own)),
        }
    }
    let mut result = Ok(());
    while !children.is_empty() {
        let mut status = 0;
        let ended = unsafe { libc::waitpid(-1, &mut status, 0) };
        let Some(place) = children.iter().position(|(child, _)| *child == ended) else { continue };
        let (_, own) = children.remove(place);
        if status != 0 && result.is_ok() {
            result = Err(format!(
                "{}{}",
                own.complaint(),
                if status & 0x7f != 0 { "; a worker died" } else { "" }
            ));
            for (child, _) in &children {
                unsafe { libc::kill(*child, libc::SIGKILL) };
            }
        }
    }
    result
}
