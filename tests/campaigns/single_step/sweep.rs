//! A window of code, stopped before each of its instructions in turn.

use std::collections::BTreeSet;
use std::process::exit;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::tracee::{self, Comes, Deal, NOT_TRACED, Previous};
use super::tracer::{self, Astray, Standing, Trace};
use crate::support::SECOND;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::WaitStatus;

const SAMPLE: usize = if cfg!(debug_assertions) { 2 } else { 5 };

const TRIES: usize = if cfg!(debug_assertions) { 4 } else { 40 };

const TRIES_OF_ONE: usize = 3;

const MOST_TRIES: usize = 6;

const ENOUGH: usize = 3;

/// Limits below and above the bound from which arming takes two calls of `setitimer`.
const SHORT: Duration = Duration::from_micros(900);
const LONG: Duration = Duration::from_micros(1_500);

#[derive(Clone, Copy)]
pub enum Choice {
    All,
    One(usize),
    /// Each instruction once; this combination takes every `of`-th.
    Once {
        part: usize,
        of: usize,
    },
    /// Evenly spread instructions, so many of them, from a random first one.
    Sample(usize),
    /// The same, for one combination of signal and disposition.
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
    /// Instructions that two equal runs both executed, by address, and those that a signal has interrupted.
    places: BTreeSet<u64>,
    interrupted: BTreeSet<u64>,
}

impl Tally {
    pub fn report(self, name: &str, began: Instant) -> ! {
        let Tally { instructions, deliveries, waiting, deaths, again, stepped, missed, failures, .. } = self;
        println!(
            "{name}: {instructions} instructions, {deliveries} interrupted ({waiting} with a signal waiting there, \
             {deaths} to end in death), {again} tried again, {stepped} stepped to, {missed} missed, \
             {failures} failures, {:.1?}",
            began.elapsed()
        );
        exit(i32::from(failures > 0))
    }

    fn left(&self) -> BTreeSet<u64> {
        &self.places - &self.interrupted
    }
}

/// The code between [`tracee::begin`] and [`tracee::end`].
#[derive(Clone, Copy)]
pub struct Window {
    pub name: &'static str,
    pub run: fn(&Deal),
    pub comes: &'static [Comes],
    /// Whether the window arms the alarm under test. A short limit takes another path.
    pub arms: bool,
    /// Whether the sweep continues up to the first system call after the end, which blocks.
    pub enters: bool,
}

pub fn sweep(window: Window) -> ! {
    const PREVIOUS: [(Previous, bool); 6] = [
        (Previous::Default, false),
        (Previous::Counts, false),
        (Previous::Ignores, false),
        (Previous::CountsBlocked, false),
        (Previous::Default, true),
        (Previous::Counts, true),
    ];

    let began = Instant::now();
    let mut tally = Tally::default();
    let mut deals = Vec::new();
    for &comes in window.comes {
        for (previous, second_thread) in PREVIOUS {
            let short = window.arms && comes == Comes::Ring;
            for time in if short { vec![SHORT, LONG] } else { vec![LONG] } {
                deals.push(Deal { previous, comes, time, second_thread });
            }
        }
    }
    if let Choice::Glance(_) = Choice::made() {
        // Less than the limit of a calm run.
        tracer::end_after(8 * SECOND);
        let chosen = phase() % deals.len();
        deals = vec![deals[chosen]];
    }
    let mut traces = Vec::new();
    for (n, deal) in deals.iter().enumerate() {
        let trace = match traced(window, deal) {
            Ok(trace) => trace,
            Err(why) => {
                println!("skipped: {}: {why}", window.name);
                exit(0);
            }
        };
        tally.instructions = tally.instructions.max(trace.len());
        if let (Choice::Once { .. }, Ok(again)) = (Choice::made(), traced(window, deal)) {
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
    tally.report(window.name, began)
}

/// Returns the instructions of a run without a signal, or why there is none.
fn traced(window: Window, deal: &Deal) -> Result<Trace, &'static str> {
    // Stepping outlasts a short timer. Only a window with a short limit may see it expire.
    let calm = Deal { time: if deal.time == SHORT { SHORT } else { 9 * SECOND }, ..*deal };
    let trace = match tracer::start(|| (window.run)(&calm)) {
        Ok(standing) => {
            let trace = standing.trace(tracee::end_address(), window.enters);
            standing.end();
            trace
        }
        Err(WaitStatus::Exited(_, NOT_TRACED)) => return Err("no process may be traced here"),
        Err(end) => panic!("{}, {deal:?}: not started: {end:?}", window.name),
    };
    match trace {
        Ok(trace) => Ok(trace),
        Err(Astray::Busy) => Err("the machine is too busy for single steps"),
        Err(_) => panic!("{}, {deal:?}: the end of the window was not reached", window.name),
    }
}

fn swept(window: Window, deal: &Deal, trace: &Trace, choice: Choice, tries: usize, tally: &mut Tally) {
    let enough = tally.failures + ENOUGH;
    for k in choice.of(trace.len()) {
        // A stepped thread repeats some calls because they take long. A running thread does not.
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

/// Retries until a signal has interrupted each instruction that two runs both executed. The C library's are optional:
/// the paths of its allocator depend on earlier allocations.
fn complete(window: Window, traces: &[(&Deal, Trace)], tally: &mut Tally) {
    let sent_first = |(deal, _): &&(&Deal, Trace)| deal.comes != Comes::Kill;
    let mut order: Vec<_> = traces.iter().collect();
    order.sort_by_key(sent_first);
    for pc in tally.left() {
        let tries = if is_own(pc) { MOST_TRIES } else { 1 };
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
    let report = |all: &BTreeSet<u64>| format!("{} of {}", (all - &left).len(), all.len());
    println!(
        "{}: interrupted {} instructions, and {} of the C library",
        window.name,
        report(&own),
        report(&others)
    );
    for pc in &own & &left {
        println!("{}: not interrupted: {}", window.name, place(pc));
    }
}

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
    for n in (0..tries).take_while(|_| !tracer::is_over()) {
        // A loaded machine needs more time to reach the instruction.
        if n % 3 == 2 && deal.time > SHORT {
            deal.time = (deal.time * 2).min(SECOND / 20);
        }
        let deal = &deal;
        let standing = match tracer::start(|| (window.run)(deal)) {
            Ok(standing) => standing,
            // The process died of its own timer before the thread was in place.
            Err(WaitStatus::Signaled(_, Signal::SIGALRM, _)) if deal.kills() && deal.comes != Comes::Kill => {
                tally.again += 1;
                continue;
            }
            Err(end) => return Err(format!("not started: {end:?}")),
        };
        match standing.run_to(trace, k) {
            Ok(()) => {
                if judged(standing, deal, tally)? {
                    tally.interrupted.insert(trace.pcs[k]);
                    return Ok(());
                }
            }
            // Steps instead of running, which is closer to the traced run.
            Err(Astray::Elsewhere) if n == 3 && (tries == MOST_TRIES || is_quick) => {
                standing.end();
                // Stepping is slow, and some paths need whole seconds.
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

/// Makes the signal pending, lets the thread run, and judges its end. Returns `false` if another thread took an early
/// signal and hit the trap.
fn judged(standing: Standing, deal: &Deal, tally: &mut Tally) -> Result<bool, String> {
    match deal.comes {
        Comes::Kill => {
            kill(standing.process, Signal::SIGALRM).expect("a child");
            if deal.second_thread {
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
        WaitStatus::Signaled(_, Signal::SIGTRAP, _) if deal.second_thread => Ok(false),
        _ => Err(format!("{end:?}")),
    }
}

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
