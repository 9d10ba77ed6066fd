//! What a check costs: the same work bare, and asking everything that one could ask whether time is up.
//!
//! Every function is compiled eight times, at eight places, and called at eight depths of the stack. A short loop that
//! straddles a cache line can run at half its speed, the bare one as well as the checked, and so can one whose data does:
//! luck, which any change of the program, or the next start of it, deals anew. What is reported is the median of the eight
//! (of short vectorised loops the best), and the lowest and the highest beside it.

pub mod watch;
mod workloads;

use std::cmp::Ordering;
use std::convert::Infallible;
use std::hash::{DefaultHasher, Hasher};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use cancel_this::{Cancelled, DynamicCancellationTrigger, is_cancelled};
use sigalarm::{Alarm, TimedOut, checkpoint, cooperative, unwind_if_expired};

use self::watch::{Clocks, Stopped, Watches};
use self::workloads::workloads;
use crate::figures::{Cell, Row, Table};
use crate::paired::{median, take_turns};
use crate::plan::Plan;

/// How many copies there are of every function.
pub const PLACES: usize = 8;

/// How many numbers a chunk has.
pub const CHUNK: usize = 4_096;

/// Every which number is asked at in the strided sum.
pub const STRIDE: usize = 1_024;

const HOUR: Duration = Duration::from_secs(3_600);

/// What the work is called, in the order of the table.
pub const WORK: [(&str, &str); 9] = [
    ("hash", "1,024 `u64` through `DefaultHasher`"),
    ("xorshift", "xorshift, 10,000 rounds"),
    ("fibonacci", "recursion, `fibonacci(18)`"),
    ("walk", "walk over a tree of 4,095 nodes"),
    ("sort", "sort of 1,024 by a comparator"),
    ("floats", "sum of 10,000 `f64`, and a buffer to free"),
    ("sum", "sum of 65,536, a check per number"),
    ("chunked", "the same sum, a check per chunk of 4,096"),
    ("strided", "the same sum, a check at every 1,024th"),
];

/// Some instructions, the more the higher the number: what comes behind them lies elsewhere.
#[inline(always)]
fn shift<const PLACE: usize>() {
    if PLACE & 1 != 0 {
        black_box(1);
    }
    if PLACE & 2 != 0 {
        black_box((2, 3));
    }
    if PLACE & 4 != 0 {
        black_box((4, 5, 6, 7));
    }
}

/// Calls it so many steps of 16 bytes or more further down the stack: what a function keeps there lies elsewhere.
#[inline(never)]
fn lower(steps: usize, work: &mut dyn FnMut()) {
    if steps == 0 {
        work();
    } else {
        lower(steps - 1, work);
        black_box(()); // So that the call stays one.
    }
}

#[inline(always)]
fn step(mut x: u64) -> u64 {
    x ^= x << 13;
    x ^= x >> 7;
    x ^ (x << 17)
}

/// A node of the tree that is walked over.
pub struct Tree {
    value: u64,
    left: Option<Box<Tree>>,
    right: Option<Box<Tree>>,
}

impl Tree {
    fn of_depth(depth: u32, value: u64) -> Tree {
        let child = |way| (depth > 1).then(|| Box::new(Tree::of_depth(depth - 1, step(value ^ way))));
        Tree { value, left: child(1), right: child(2) }
    }
}

/// Says at every `STRIDE`th turn that it is time.
#[inline(always)]
fn is_turn(turn: &mut usize) -> bool {
    *turn += 1;
    turn.is_multiple_of(STRIDE)
}

/// As many instructions as a check has.
#[inline(always)]
#[allow(unsafe_code)]
fn two_nops() {
    // SAFETY: they do nothing.
    unsafe { std::arch::asm!("nop", "nop", options(nomem, nostack, preserves_flags)) };
}

/// As many, and a way out that is never taken, of which the compiler does not know that.
#[inline(always)]
#[allow(unsafe_code)]
fn never() -> bool {
    // SAFETY: they do nothing, and do not jump either.
    unsafe {
        std::arch::asm!(
            "nop", "nop", "/* {out} */",
            out = label { return true },
            options(nomem, nostack, preserves_flags),
        );
    }
    false
}

/// An error like any other, in that it is a pointer.
#[cold]
fn stopped() -> Arc<Stopped> {
    Arc::new(Stopped)
}

/// Ends a sort, as a comparator can.
#[cold]
fn unwind() -> ! {
    std::panic::resume_unwind(Box::new(Stopped))
}

workloads!(bare(watch: ()) -> Infallible, check: {}, every: |turn| {}, unwind: {});
// The signature of the checked ones, and nothing asked: what a `Result` costs.
workloads!(fallible(watch: ()) -> TimedOut, check: {}, every: |turn| {}, unwind: {});
// And two instructions that ask nothing: what room a check takes, whatever it is.
workloads!(idle(watch: ()) -> TimedOut,
    check: { two_nops(); },
    every: |turn| { if is_turn(&mut turn) { two_nops(); } },
    unwind: { two_nops(); }
);
// And an error that might come: the least that a check of two instructions with a `Result` can cost.
workloads!(fails(watch: ()) -> Arc<Stopped>,
    check: { if never() { return Err(stopped()); } },
    every: |turn| { if is_turn(&mut turn) && never() { return Err(stopped()); } },
    unwind: { if never() { unwind() } }
);
workloads!(guard(alarm: Alarm) -> TimedOut,
    check: { alarm.check()?; },
    every: |turn| { if is_turn(&mut turn) { alarm.check()?; } },
    unwind: { alarm.unwind_if_expired(); }
);
workloads!(ambient(watch: ()) -> TimedOut,
    check: { checkpoint()?; },
    every: |turn| { if is_turn(&mut turn) { checkpoint()?; } },
    unwind: { unwind_if_expired(); }
);
workloads!(attribute(watch: ()) -> TimedOut,
    attribute: cooperative, strided: cooperative(every = 1024), comparator: cooperative(unwind),
    check: {}, every: |turn| {}, unwind: {}
);
workloads!(cancel_this_plain(watch: ()) -> Cancelled,
    check: { is_cancelled!()?; },
    every: |turn| { if is_turn(&mut turn) { is_cancelled!()?; } },
    unwind: { if is_cancelled!().is_err() { unwind() } }
);
// The macro takes a name that it puts a `&` before.
workloads!(cancel_this_cached(watch: DynamicCancellationTrigger) -> Cancelled,
    check: { cancel_this::check_cancellation(watch)?; },
    every: |turn| { if is_turn(&mut turn) { cancel_this::check_cancellation(watch)?; } },
    unwind: { if cancel_this::check_cancellation(watch).is_err() { unwind() } }
);
workloads!(cancel_token(token: cancel::Token) -> cancel::Canceled,
    check: { token.check_cancel()?; },
    every: |turn| { if is_turn(&mut turn) { token.check_cancel()?; } },
    unwind: { if token.is_canceled() { unwind() } }
);

/// The peers that only say yes or no.
macro_rules! asked {
    ($($name:ident: $Watch:ty;)*) => {$(
        workloads!($name(watch: $Watch) -> Stopped,
            check: { if watch::Ask::is_over(watch) { return Err(Stopped); } },
            every: |turn| { if is_turn(&mut turn) && watch::Ask::is_over(watch) { return Err(Stopped); } },
            unwind: { if watch::Ask::is_over(watch) { unwind() } }
        );
    )*};
}
asked! {
    atomic: std::sync::Arc<std::sync::atomic::AtomicBool>;
    tokio_token: tokio_util::sync::CancellationToken;
    stop_token: watch::Polled;
    std_clock: std::time::Instant;
    quanta_clock: quanta::Instant;
    coarse_clock: watch::Coarse;
    coarse_recent: watch::CoarseRecent;
}

/// What the functions are given.
pub struct Input {
    numbers: Vec<u64>,
    floats: Vec<f64>,
    tree: Tree,
}

impl Input {
    pub fn new() -> Input {
        let numbers = (0..65_536_u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20).collect();
        let floats = (0..10_000).map(f64::from).collect();
        Input { numbers, floats, tree: Tree::of_depth(12, 1) }
    }
}

type Turn<'a> = Box<dyn FnMut() + 'a>;

/// One kind of check: its name, and the copies of each piece of work.
pub struct Column<'a> {
    pub name: &'static str,
    /// In the order of [`WORK`].
    pub work: [Vec<Turn<'a>>; 9],
}

macro_rules! copies {
    ($name:ident::$work:ident, |$run:ident| $call:expr) => {
        copies!($name::$work, |$run| $call, 0, 1, 2, 3, 4, 5, 6, 7)
    };
    ($name:ident::$work:ident, |$run:ident| $call:expr, $($place:literal),*) => {
        vec![$({
            let $run = $name::$work::<$place>;
            Box::new(move || {
                lower($place, &mut || {
                    black_box($call).ok();
                })
            }) as Turn<'_>
        }),*]
    };
}

macro_rules! column {
    ($title:expr, $name:ident, $watch:expr, $input:expr) => {{
        let (watch, input): (_, &Input) = ($watch, $input);
        let (all, few) = (&input.numbers[..], &input.numbers[..1_024]);
        Column {
            name: $title,
            work: [
                copies!($name::hash, |f| f(watch, black_box(few))),
                copies!($name::xorshift, |f| f(watch, black_box(10_000))),
                copies!($name::fibonacci, |f| f(watch, black_box(18))),
                copies!($name::walk, |f| f(watch, black_box(&input.tree))),
                copies!($name::sort, |f| f(watch, black_box(few))),
                copies!($name::floats, |f| f(watch, black_box(&input.floats))),
                copies!($name::sum, |f| f(watch, black_box(all))),
                copies!($name::chunked, |f| f(watch, black_box(all))),
                copies!($name::strided, |f| f(watch, black_box(all))),
            ],
        }
    }};
}

/// All columns, the bare one first.
pub fn columns<'a>(watches: &'a Watches, clocks: &'a Clocks, input: &'a Input) -> Vec<Column<'a>> {
    vec![
        column!("bare", bare, &(), input),
        column!("no check, a `Result` returned", fallible, &(), input),
        column!("two `nop`s for a check", idle, &(), input),
        column!("the same, and an error that might come", fails, &(), input),
        column!("`alarm.check()`", guard, &watches.alarm, input),
        column!("`checkpoint()`", ambient, &(), input),
        column!("`#[cooperative]`", attribute, &(), input),
        column!("`Arc<AtomicBool>` and a thread", atomic, &watches.flag.flag, input),
        column!("coarsetime, updater thread", coarse_recent, &clocks.coarse_recent, input),
        column!("cancel-this, cached", cancel_this_cached, &watches.triggers, input),
        column!("cancel-this", cancel_this_plain, &(), input),
        column!("tokio `CancellationToken`", tokio_token, &watches.tokio, input),
        column!("coarsetime", coarse_clock, &clocks.coarse, input),
        column!("quanta", quanta_clock, &clocks.quanta, input),
        column!("`Instant::now()`", std_clock, &clocks.std, input),
        column!("`cancel::Token`", cancel_token, &watches.cancel, input),
        column!("stop-token, polled", stop_token, &watches.stop, input),
    ]
}

/// Runs `f` with everything in force that is asked.
pub fn with_columns<T>(f: impl FnOnce(Vec<Column<'_>>) -> T) -> T {
    let result: Result<T, Cancelled> = cancel_this::on_timeout(HOUR, || {
        let (watches, clocks, input) = (Watches::new(HOUR), Clocks::new(HOUR), Input::new());
        Ok(f(columns(&watches, &clocks, &input)))
    });
    result.expect("an hour has not passed")
}

/// Measures all of it: a row for each piece of work, a cell for each kind of check.
pub fn measure(plan: &Plan) -> Table {
    with_columns(|mut columns| {
        let names: Vec<String> = columns.iter().map(|column| column.name.to_owned()).collect();
        let rows = WORK.iter().enumerate().map(|(at, (key, title))| {
            eprintln!("  {title}");
            let mut turns: Vec<&mut dyn FnMut()> = columns
                .iter_mut()
                .flat_map(|column| column.work[at].iter_mut().map(|turn| &mut **turn as &mut dyn FnMut()))
                .collect();
            let times = take_turns(&mut turns, plan.rounds(300), Duration::from_micros(100));
            Row {
                key: (*key).to_owned(),
                title: (*title).to_owned(),
                cells: cells(&times, is_vectorised(key)),
            }
        });
        Table { columns: names, rows: rows.collect() }
    })
}

/// Whether the bare loop is vectorised. Then it is of a few instructions, and runs at one of two speeds, by its place.
/// The median of eight such is a matter of luck; so of these the best placed copies are held against each other.
fn is_vectorised(key: &str) -> bool {
    matches!(key, "sum" | "chunked" | "strided")
}

/// Each copy's time is held against the bare copies of the same round, and the median taken over the rounds; then the
/// median of the copies is held against the median of the bare ones, or the best against the best.
fn cells(times: &[Vec<f64>], best: bool) -> Vec<Cell> {
    let rounds = times[0].len();
    let bare: Vec<f64> = (0..rounds).map(|round| median(times[..PLACES].iter().map(|t| t[round]))).collect();
    let copies: Vec<f64> =
        times.iter().map(|copy| median(copy.iter().zip(&bare).map(|(time, bare)| time / bare))).collect();
    let lowest = |values: &[f64]| values.iter().copied().fold(f64::INFINITY, f64::min);
    let typical = |values: &[f64]| if best { lowest(values) } else { median(values.iter().copied()) };
    let base = typical(&copies[..PLACES]);
    let cell = |(of, times): (&[f64], &[Vec<f64>])| {
        let nanos: Vec<f64> = times.iter().map(|copy| median(copy.iter().copied()) * 1e9).collect();
        Cell {
            nanos: typical(&nanos),
            ratio: typical(of) / base,
            lowest: lowest(of) / base,
            highest: of.iter().copied().fold(0.0, f64::max) / base,
        }
    };
    copies.chunks(PLACES).zip(times.chunks(PLACES)).map(cell).collect()
}

/// How many elements, calls, nodes or comparisons ask, in one piece of work.
pub fn elements(key: &str) -> f64 {
    match key {
        "hash" => 1_024.0,
        "xorshift" | "floats" => 10_000.0,
        // Each number of the sequence up to the 19th, twice, but for one.
        "fibonacci" => 8_361.0,
        "walk" => 4_095.0,
        "sort" => comparisons() as f64,
        "sum" => 65_536.0,
        "chunked" => (65_536 / CHUNK) as f64,
        "strided" => (65_536 / STRIDE) as f64,
        _ => unreachable!("a piece of work without a number of elements"),
    }
}

fn comparisons() -> u64 {
    let mut numbers = Input::new().numbers[..1_024].to_vec();
    let mut count = 0;
    numbers.sort_by(|a, b| {
        count += 1;
        step(*a).cmp(&step(*b))
    });
    count
}
