//! Threads that arm and drop outermost guards at once, with limits of microseconds.
//!
//! This process gets no foreign SIGALRM, so its own handler must never run. If it does, an expiry met the restored
//! disposition or was taken for foreign.

use std::sync::atomic::{AtomicI32, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::rng::Rng;
use super::tally::Tally;
use super::trial::{in_parallel, isolated};
use crate::alarms::{LATE, US};
use crate::process;
use nix::libc::{self, SA_RESTART, SA_SIGINFO};
use sigalarm::Alarm;

const KEPT: usize = 64;

static OPERATIONS: [AtomicU64; KEPT] = [const { AtomicU64::new(0) }; KEPT];
static MOMENTS: [AtomicU64; KEPT] = [const { AtomicU64::new(0) }; KEPT];
static NEXT: AtomicUsize = AtomicUsize::new(0);

/// The `si_code` of the wrong signal, and the value of `NEXT` then.
static CODE: AtomicI32 = AtomicI32::new(i32::MIN);
static WHEN: AtomicUsize = AtomicUsize::new(0);

extern "C" fn visitor(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // The kernel's pointer, valid during the handler.
    #[allow(unsafe_code, clippy::undocumented_unsafe_blocks)]
    let code = unsafe { (*info).si_code };
    WHEN.store(NEXT.load(Ordering::SeqCst), Ordering::SeqCst);
    CODE.store(code, Ordering::SeqCst);
}

#[derive(Clone, Copy)]
enum Doing {
    Arms = 1,
    Armed,
    Drops,
    Dropped,
}

fn note(began: Instant, thread: u64, operation: Doing) {
    let place = NEXT.fetch_add(1, Ordering::SeqCst) % KEPT;
    OPERATIONS[place].store(thread << 8 | operation as u64, Ordering::SeqCst);
    MOMENTS[place].store(began.elapsed().as_nanos() as u64, Ordering::SeqCst);
}

fn doings() -> String {
    let last = NEXT.load(Ordering::SeqCst);
    let line = |n: usize| {
        let (operation, at) =
            (OPERATIONS[n % KEPT].load(Ordering::SeqCst), MOMENTS[n % KEPT].load(Ordering::SeqCst));
        let what = ["?", "arms", "armed", "drops", "dropped"][(operation & 0xff) as usize % 5];
        format!("    {n:>10} {at:>14} ns: thread {} {what}\n", operation >> 8)
    };
    (last.saturating_sub(KEPT)..last).map(line).collect()
}

/// Runs for `time`, in processes of two to eight threads.
pub fn campaign(first: u64, time: Duration, workers: u64, tally: &'static Tally) -> Result<(), String> {
    let end = Instant::now() + time;
    let piece = Duration::from_secs(3).min(time / 4);
    in_parallel(workers, tally, |worker, own| {
        for seed in (first + worker..).step_by(workers as usize) {
            if Instant::now() >= end {
                break;
            }
            own.processes.add(1);
            isolated(own, LATE * 3, || run(seed, piece, own))
                .map_err(|why| format!("scopes, seed {seed}, {} threads: {why}", threads(seed)))?;
        }
        Ok(())
    })
}

fn threads(seed: u64) -> u64 {
    2 + seed % 7
}

fn run(seed: u64, time: Duration, tally: &'static Tally) {
    let function = visitor as extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);
    process::set_action(function as usize, SA_SIGINFO | SA_RESTART, &[]);
    let before = process::state();
    let began = Instant::now();
    std::thread::scope(|s| {
        for thread in 0..threads(seed) {
            s.spawn(move || hammer(thread, Rng::new(seed << 8 | thread), began, time, tally));
        }
    });
    complain_of_visitors();
    assert_eq!(process::state(), before, "the process is not as it was");
}

fn complain_of_visitors() {
    let code = CODE.load(Ordering::SeqCst);
    assert_eq!(
        code,
        i32::MIN,
        "a SIGALRM (si_code {code}; 128 is a ring, 0 one that was sent again) came to the program at {}:\n{}",
        WHEN.load(Ordering::SeqCst),
        doings()
    );
}

fn hammer(thread: u64, mut rng: Rng, began: Instant, time: Duration, tally: &'static Tally) {
    let mut alarms = 0;
    while began.elapsed() < time {
        let limit = Duration::from_nanos(match rng.below(16) {
            0 => rng.below(1_000),
            1..4 => rng.below(10_000),
            4..12 => rng.below(100_000),
            12..15 => 40_000 + rng.below(4_000),
            _ => rng.below(3_000_000),
        } as u64);
        note(began, thread, Doing::Arms);
        let armed = Instant::now();
        let alarm = Alarm::after(limit).expect("arming");
        note(began, thread, Doing::Armed);
        alarms += 1;
        match rng.below(4) {
            0 => {}
            1 | 2 => {
                let until = (limit + Duration::from_nanos(rng.below(6_000) as u64)).saturating_sub(3 * US);
                while armed.elapsed() < until {}
            }
            _ => loop {
                if let Err(e) = alarm.check() {
                    assert!(
                        armed.elapsed() >= limit && alarm.owns(&e) && e.elapsed() >= limit,
                        "early: {e:?}"
                    );
                    let late = armed.elapsed() - limit;
                    tally.latest.at_least(late.as_nanos() as u64);
                    tally.time_outs.add(1);
                    break;
                }
                assert!(armed.elapsed() < limit + LATE, "an alarm is lost");
            },
        }
        if rng.below(3) == 0 {
            let inner = Alarm::after(limit / 2).expect("arming");
            let _ = inner.check();
            alarms += 1;
        }
        note(began, thread, Doing::Drops);
        drop(alarm);
        note(began, thread, Doing::Dropped);
        if alarms % 64 == 0 {
            complain_of_visitors();
        }
    }
    tally.alarms.add(alarms);
    tally.threads.add(1);
}
