//! A window, stopped before each of its instructions in turn.

use std::collections::BTreeSet;
use std::process::exit;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::WaitStatus;

use super::tracee::{self, Comes, Deal, NOT_TRACED, Owner, SECOND};
use super::tracer::{self, Astray, Standing, Trace};

/// How many instructions of a window a sample takes.
const SAMPLE: usize = if cfg!(debug_assertions) { 2 } else { 5 };

/// How often to try again when the timer was quicker than the thread.
const TRIES: usize = if cfg!(debug_assertions) { 4 } else { 40 };

/// How often, where each instruction is to be interrupted once: [`complete`] comes after.
const TRIES_OF_ONE: usize = 3;

/// How often to try again to interrupt an instruction at all, of those that are each to be interrupted once.
const AGAIN_AND_AGAIN: usize = 6;

/// After so many failures in one sweep the rest will not tell more.
const ENOUGH: usize = 3;

/// On either side of what takes two calls of `setitimer` to arm.
const SHORT: Duration = Duration::from_micros(900);
const LONG: Duration = Duration::from_micros(1_500);

/// The instructions that are to be taken.
#[derive(Clone, Copy)]
pub enum Choice {
    All,
    One(usize),
    /// Each of them once, with one of so many things that may come: this one for every so many.
    Once {
        part: usize,
        of: usize,
    },
    /// Every n-th, so many in all. Which one is first changes from run to run.
    Sample(usize),
    /// The same of one combination of what may come and whose it is.
    Glance(usize),
}

impl Choice {
    pub fn made() -> Choice {
        match std::env::var("SIGALARM_STEP").ok().as_deref() {
            Some("all") => Choice::All,
            Some("once") => Choice::Once { part: 0, of: 1 },
            Some("sample") => Choice::Sample(SAMPLE),
            Some(text) => {
                Choice::One(text.parse().expect("SIGALARM_STEP is `all`, `once`, `sample` or a number"))
            }
            None => Choice::Glance(SAMPLE),
        }
    }

    /// For one of so many combinations of what may come and whose it is.
    pub fn shared(self, part: usize, of: usize) -> Choice {
        if let Choice::Once { .. } = self { Choice::Once { part, of } } else { self }
    }

    pub fn of(self, length: usize) -> Box<dyn Iterator<Item = usize>> {
        match self {
            Choice::All => Box::new(0..length),
            Choice::Once { part, of } => Box::new((part..length).step_by(of)),
            Choice::One(k) => Box::new((k..length).take(1)),
            Choice::Sample(most) | Choice::Glance(most) => {
                let stride = length.div_ceil(most).max(1);
                Box::new((phase() % stride..length).step_by(stride))
            }
        }
    }
}

fn phase() -> usize {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.subsec_nanos() as usize / 1_000)
}

/// What was tried in a scenario, and how it went.
#[derive(Default)]
pub struct Tally {
    pub instructions: usize,
    pub deliveries: usize,
    pub waiting: usize,
    pub deaths: usize,
    pub again: usize,
    pub stepped: usize,
    pub missed: usize,
    pub failures: usize,
    /// The instructions that were on the way of two runs alike, by their addresses, and those before which a signal came.
    /// (What only one of two came by hangs on another thread's being late, or on the moment.)
    places: BTreeSet<u64>,
    interrupted: BTreeSet<u64>,
}

impl Tally {
    /// The end of a scenario.
    pub fn told(self, name: &str, began: Instant) -> ! {
        let Tally { instructions, deliveries, waiting, deaths, again, stepped, missed, failures, .. } = self;
        println!(
            "{name}: {instructions} instructions, {deliveries} interrupted ({waiting} with a signal waiting there, \
             {deaths} to end in death), {again} tried again, {stepped} stepped to, {missed} missed, \
             {failures} failures, {:.1?}",
            began.elapsed()
        );
        exit(i32::from(failures > 0))
    }

    /// The instructions before which no signal has come yet.
    fn left(&self) -> BTreeSet<u64> {
        &self.places - &self.interrupted
    }
}

/// A window: the code between [`tracee::begin`] and [`tracee::end`], and what must be so afterwards.
#[derive(Clone, Copy)]
pub struct Window {
    pub name: &'static str,
    pub run: fn(&Deal),
    /// What may come in it.
    pub comes: &'static [Comes],
    /// It arms an alarm of the limit, which takes another way where the limit is short.
    pub arms: bool,
    /// It goes on to the first system call behind its end, where it waits.
    pub enters: bool,
}

/// Sweeps a window with everything that may come.
pub fn sweep(window: Window) -> ! {
    const OWNERS: [(Owner, bool); 6] = [
        (Owner::Default, false),
        (Owner::Counts, false),
        (Owner::Ignores, false),
        (Owner::Shut, false),
        (Owner::Default, true),
        (Owner::Counts, true),
    ];

    let began = Instant::now();
    let mut tally = Tally::default();
    let mut deals = Vec::new();
    for &comes in window.comes {
        for (owner, company) in OWNERS {
            let short = window.arms && comes == Comes::Ring;
            for time in if short { vec![SHORT, LONG] } else { vec![LONG] } {
                deals.push(Deal { owner, comes, time, company });
            }
        }
    }
    if let Choice::Glance(_) = Choice::made() {
        let chosen = phase() % deals.len();
        deals = vec![deals[chosen]];
    }
    let mut traces = Vec::new();
    for (n, deal) in deals.iter().enumerate() {
        let Some(trace) = traced(window, deal) else {
            println!("skipped: {}: no process may be traced here", window.name);
            exit(0);
        };
        tally.instructions = tally.instructions.max(trace.len());
        if let (Choice::Once { .. }, Some(again)) = (Choice::made(), traced(window, deal)) {
            tally.places.extend(trace.pcs.iter().filter(|pc| again.place_of(**pc).is_some()));
        }
        let choice = Choice::made().shared(n, deals.len());
        let tries = if let Choice::Once { .. } = choice { TRIES_OF_ONE } else { TRIES };
        swept(window, deal, &trace, choice, tries, &mut tally);
        traces.push((deal, trace));
    }
    if let Choice::Once { .. } = Choice::made() {
        complete(window, &traces, &mut tally);
    }
    tally.told(window.name, began)
}

/// The instructions of a window, by a run to which nothing happens; nothing if no process can be traced.
fn traced(window: Window, deal: &Deal) -> Option<Trace> {
    // Stepping takes longer than the time until a ring. Where the path depends on whether that is over, it must not be.
    let calm = Deal { time: if deal.time == SHORT { SHORT } else { 9 * SECOND }, ..*deal };
    let trace = match tracer::start(|| (window.run)(&calm)) {
        Ok(standing) => {
            let trace = standing.trace(tracee::end_address(), window.enters);
            standing.end();
            trace
        }
        Err(WaitStatus::Exited(_, NOT_TRACED)) => return None,
        Err(end) => panic!("{}, {deal:?}: not even begun: {end:?}", window.name),
    };
    let Ok(trace) = trace else { panic!("{}, {deal:?}: never at its end", window.name) };
    Some(trace)
}

fn swept(window: Window, deal: &Deal, trace: &Trace, choice: Choice, tries: usize, tally: &mut Tally) {
    let enough = tally.failures + ENOUGH;
    for k in choice.of(trace.len()) {
        // A thread that is stepped finds its calls take long and makes some of them again, which one that runs does not.
        let tries = if tries == TRIES_OF_ONE && trace.is_repeated(k) { 1 } else { tries };
        tally.deliveries += 1;
        if let Err(why) = interrupted(window, deal, trace, k, tries, tally) {
            tally.failures += 1;
            eprintln!(
                "{}, {deal:?}, instruction {k} of {}, {}: {why}",
                window.name,
                trace.len(),
                place(trace.pcs[k])
            );
            if tally.failures >= enough {
                break;
            }
        }
    }
}

/// Interrupts what has been missed, until a signal has come before each instruction that was on the way of two runs. Says
/// which of the program's own are not to be had: those on the way of a thread that is stepped and finds another one late.
/// Of the C library's there are more: what its allocator does depends on all that has been allocated before, in the process
/// that traces as well.
fn complete(window: Window, traces: &[(&Deal, Trace)], tally: &mut Tally) {
    // No timer can be quicker than what somebody sends, so that is tried first.
    let sent_first = |(deal, _): &&(&Deal, Trace)| deal.comes != Comes::Kill;
    let mut order: Vec<_> = traces.iter().collect();
    order.sort_by_key(sent_first);
    for pc in tally.left() {
        let tries = if is_own(pc) { AGAIN_AND_AGAIN } else { 1 };
        let ways = order.iter().filter_map(|(deal, trace)| Some((deal, trace, trace.place_of(pc)?)));
        for (deal, trace, k) in ways {
            swept(window, deal, trace, Choice::One(k), tries, tally);
            if tally.interrupted.contains(&pc) {
                break;
            }
        }
    }
    let (own, others): (BTreeSet<u64>, BTreeSet<u64>) = tally.places.iter().partition(|pc| is_own(**pc));
    let left = tally.left();
    let told = |all: &BTreeSet<u64>| format!("{} of {}", (all - &left).len(), all.len());
    println!(
        "{}: interrupted {} instructions, and {} of the C library",
        window.name,
        told(&own),
        told(&others)
    );
    for pc in &own & &left {
        println!("{}: not interrupted: {}", window.name, place(pc));
    }
}

/// Whether an instruction is this program's, and not the C library's.
fn is_own(pc: u64) -> bool {
    let exe = std::env::current_exe().unwrap_or_default();
    place(pc).starts_with(&*exe.to_string_lossy())
}

fn interrupted(
    window: Window,
    deal: &Deal,
    trace: &Trace,
    k: usize,
    tries: usize,
    tally: &mut Tally,
) -> Result<(), String> {
    let is_quick = deal.comes == Comes::Kill && !cfg!(debug_assertions);
    let mut deal = *deal;
    for n in 0..tries {
        // On a machine under load it takes a while to come there.
        if n % 3 == 2 && deal.time > SHORT {
            deal.time = (deal.time * 2).min(SECOND / 20);
        }
        let deal = &deal;
        let standing = match tracer::start(|| (window.run)(deal)) {
            Ok(standing) => standing,
            // Its own timer was quicker than it.
            Err(WaitStatus::Signaled(_, Signal::SIGALRM, _)) if deal.kills() && deal.comes != Comes::Kill => {
                tally.again += 1;
                continue;
            }
            Err(end) => return Err(format!("not even begun: {end:?}")),
        };
        match standing.run_to(trace, k) {
            Ok(()) => {
                if judged(standing, deal, tally)? {
                    tally.interrupted.insert(trace.pcs[k]);
                    return Ok(());
                }
            }
            // Once more without a jump: the slower it is, the more it is like the run that was traced. With a timer that is
            // to ring later than that it takes seconds, which an ordinary run has not.
            Err(Astray::Elsewhere) if n == 3 && (tries == AGAIN_AND_AGAIN || is_quick) => {
                standing.end();
                // Steps take their time; and some ways are for whole seconds.
                let time = if deal.time > SHORT { deal.time.max(2 * SECOND) } else { SHORT };
                let deal = &Deal { time, ..*deal };
                let Ok(standing) = tracer::start(|| (window.run)(deal)) else { continue };
                if standing.step_to(trace, k).is_ok() {
                    if judged(standing, deal, tally)? {
                        tally.stepped += 1;
                        tally.interrupted.insert(trace.pcs[k]);
                        return Ok(());
                    }
                } else {
                    standing.end();
                }
            }
            Err(_) => standing.end(),
        }
        tally.again += 1;
    }
    tally.missed += 1;
    Ok(())
}

/// The thread stands where it should: the signal comes, it goes on, and its end is looked at. `false` if nothing can be
/// said of it: another thread, whose signal came early, has met with the trap that was laid for this one.
fn judged(standing: Standing, deal: &Deal, tally: &mut Tally) -> Result<bool, String> {
    match deal.comes {
        Comes::Kill => {
            kill(standing.process, Signal::SIGALRM).expect("a child of ours");
            if deal.company {
                std::thread::sleep(Duration::from_micros(100));
            }
        }
        _ => std::thread::sleep(deal.time + Duration::from_micros(50)),
    }
    tally.waiting += usize::from(standing.signals_waiting() > 0);
    standing.release();
    let end = tracer::end_of(standing.process)?;
    match end {
        WaitStatus::Exited(_, 0) if !deal.kills() => Ok(true),
        WaitStatus::Signaled(_, Signal::SIGALRM, _) if deal.kills() => {
            tally.deaths += 1;
            Ok(true)
        }
        WaitStatus::Signaled(_, Signal::SIGTRAP, _) if deal.company => Ok(false),
        _ => Err(format!("{end:?}")),
    }
}

/// Where an instruction is, for `addr2line`.
pub fn place(pc: u64) -> String {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        let (Some(range), offset, file) = (words.next(), words.nth(1), words.nth(2)) else { continue };
        let number = |text: &str| u64::from_str_radix(text, 16).unwrap_or(0);
        let Some((from, to)) = range.split_once('-') else { continue };
        if (number(from)..number(to)).contains(&pc) {
            let offset = pc - number(from) + offset.map_or(0, number);
            return format!("{}+{offset:#x}", file.unwrap_or("?"));
        }
    }
    format!("{pc:#x}")
}
