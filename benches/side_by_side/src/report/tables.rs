//! The tables that decide, and the few sentences in which figures stand. The other figures are in the pictures and in
//! `figures.json`.

use std::fmt::Write;

use super::pictures::{size, time};
use crate::figures::{Figures, Group, Lateness, PICTURED};

/// The work in the table of checks: a flat loop, recursion, a comparator, and loops that the compiler vectorises.
const WORK: [&str; 5] = ["hash", "fibonacci", "sort", "sum", "chunked"];

/// The kinds of check in that table.
const CHECKS: [&str; 7] = [
    "the same, and an error that might come",
    "`alarm.check()`",
    "`checkpoint()`",
    "`Arc<AtomicBool>` and a thread",
    "cancel-this",
    "tokio `CancellationToken`",
    "`Instant::now()`",
];

/// What belongs between the markers of that name; `None` for a name that nothing has.
pub fn named(name: &str, figures: &Figures) -> Option<String> {
    Some(match name {
        "picture" => picture(figures),
        "caption" => caption(figures),
        "summary" => summary(figures),
        "check" => check(figures),
        "notice" => notice(&figures.notice),
        _ => return None,
    })
}

/// In bytes: of a value from a job, for the summary.
const LARGE: f64 = 1e8;

fn caption(figures: &Figures) -> String {
    let mut text = figures.machine.caption();
    for (what, why) in &figures.skipped {
        write!(text, " Not measured ({what}): {why}.").expect("a string takes it");
    }
    wrapped(&text)
}

/// Lines of a length that can be read.
fn wrapped(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is one");
        if !line.is_empty() && line.len() + word.len() >= 118 {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join("\n")
}

fn picture(figures: &Figures) -> String {
    format!(
        "![What a check costs, beside the alternatives](docs/performance/check.svg)\n\n{}",
        wrapped(&format!(
            "Measured in one run: {}. [docs/performance.md](docs/performance.md) has the rest, and how to measure it.",
            figures.machine.short()
        ))
    )
}

fn header(out: &mut String, names: impl Iterator<Item = String>) {
    let names: Vec<String> = names.collect();
    writeln!(out, "| |{}", names.iter().map(|name| format!(" {name} |")).collect::<String>()).unwrap();
    writeln!(out, "|---|{}", "---:|".repeat(names.len())).unwrap();
}

fn line(out: &mut String, name: &str, cells: impl Iterator<Item = String>) {
    writeln!(out, "| {name} |{}", cells.map(|cell| format!(" {cell} |")).collect::<String>()).unwrap();
}

/// The kinds of check go down, the work goes across.
fn check(figures: &Figures) -> String {
    let Some(table) = &figures.check else { return "Not measured.\n".to_owned() };
    let rows = || table.rows.iter().filter(|row| WORK.contains(&&*row.key));
    let mut out = String::new();
    header(&mut out, rows().map(|row| row.title.clone()));
    line(&mut out, "bare, the time", rows().map(|row| time(row.cells[0].nanos)));
    for (at, name) in table.columns.iter().enumerate().filter(|(_, name)| CHECKS.contains(&&***name)) {
        let name = if *name == CHECKS[0] { "two `nop`s, and an error that might come" } else { name };
        line(&mut out, name, rows().map(|row| ratio(row.cells[at].ratio)));
    }
    out
}

fn ratio(ratio: f64) -> String {
    if ratio < 10.0 { format!("{ratio:.2}") } else { format!("{ratio:.1}") }
}

/// One limit, idle and busy.
fn notice(all: &[Lateness]) -> String {
    let mut out = String::new();
    let limit = time(PICTURED as f64 * 1e3).replace(".00", "");
    header(
        &mut out,
        ["idle", "every core busy"].map(|load| format!("{limit}, {load}: p50 / p99 / max, µs")).into_iter(),
    );
    for quiet in all.iter().filter(|one| one.limit_us == PICTURED && !one.busy) {
        let busy = all.iter().find(|one| one.name == quiet.name && one.limit_us == PICTURED && one.busy);
        let cell =
            |one: &Lateness| format!("{} / {} / {}", micros(one.p50), micros(one.p99), micros(one.max));
        line(&mut out, &quiet.name, [cell(quiet), busy.map_or_else(String::new, cell)].into_iter());
    }
    out
}

fn micros(value: f64) -> String {
    if value.abs() < 99.95 { format!("{value:.1}") } else { format!("{value:.0}") }
}

/// What the claims come to in this run.
fn summary(figures: &Figures) -> String {
    let mut lines: Vec<String> = Vec::new();
    if let Some(table) = &figures.check {
        let of = |column: &str| {
            let at = table.columns.iter().position(|name| name == column);
            let cells = ["hash", "xorshift", "chunked"].map(|key| {
                let row = table.rows.iter().find(|row| row.key == key);
                row.zip(at).map_or_else(|| "?".to_owned(), |(row, at)| ratio(row.cells[at].ratio))
            });
            cells.join(" / ")
        };
        lines.push(format!(
            "A loop (SipHash / xorshift / a sum in chunks) takes {} of its bare time with `alarm.check()?`, {} with \
             cancel-this, {} with `Instant::now()`.",
            of("`alarm.check()`"),
            of("cancel-this"),
            of("`Instant::now()`"),
        ));
    }
    if let Some(counts) = &figures.instructions {
        let at = |name: &str| counts.columns.iter().position(|column| column == name);
        let added = |title: &str, name: &str| {
            let row = counts.rows.iter().find(|(row, _)| row.contains(title));
            row.zip(at(name)).map_or(f64::NAN, |((_, added), at)| added[at])
        };
        lines.push(format!(
            "In instructions, a check adds {:.1} to each hashed number and {:.1} to each call of a recursion, of which an \
             error that might come takes {:.1}.",
            added("DefaultHasher", "`alarm.check()`"),
            added("fibonacci", "`alarm.check()`"),
            added("fibonacci", CHECKS[0]) - 2.0,
        ));
    }
    let way = |groups: &[Group], group: usize, word: &str| {
        groups.get(group)?.ways.iter().find(|way| way.name.contains(word)).cloned()
    };
    if let (Some(ours), Some(floor), Some(private), Some(thread), Some(peer)) = (
        way(&figures.arm, 0, "Alarm::after"),
        way(&figures.arm, 0, "with a lock"),
        way(&figures.arm, 2, "Alarm::after"),
        way(&figures.arm, 0, "thread per limit"),
        way(&figures.arm, 0, "cancel-this"),
    ) {
        lines.push(format!(
            "Arming and dropping the outermost alarm takes {}, {:.2} of its eight bare system calls ({:.2} with the lock, the \
             clock and the atomics between them), and {} with a private timer. A thread per limit takes {:.0} times as long, \
             cancel-this {:.0} times.",
            time(ours.nanos),
            ours.ratio,
            floor.ratio,
            time(private.nanos),
            thread.ratio / ours.ratio,
            peer.ratio / ours.ratio
        ));
    }
    if let (Some(nested), Some(restart)) =
        (way(&figures.arm, 1, "Alarm::after"), way(&figures.arm, 1, "restart"))
    {
        lines.push(format!(
            "A nested alarm takes {}, and a `restart` {}: neither makes a system call.",
            time(nested.nanos),
            time(restart.nanos)
        ));
    }
    let growth = figures.alarms.iter().find(|curve| curve.name.contains("in the middle"));
    let at = |alive: f64| growth?.points.iter().find(|point| point.0 == alive).map(|point| point.1);
    if let (Some(few), Some(many)) = (at(10.0), at(10_000.0)) {
        lines.push(format!(
            "With 10,000 alarms alive a nested one takes {:.2} times what it takes with 10.",
            many / few
        ));
    }
    if let Some(job) = way(&figures.jobs, 0, "Job::spawn") {
        let mut text =
            format!("An empty job takes {:.2} of a bare `fork` + `pipe` + `poll` + `waitpid`", job.ratio);
        if let Some(python) = way(&figures.jobs, 0, "multiprocessing") {
            write!(text, "; Python's takes {:.1} times as long", python.nanos / job.nanos).unwrap();
        }
        lines.push(text + ".");
    }
    let transfer = |name: &str| {
        let curve = figures.transfer.iter().find(|curve| curve.name.contains(name))?;
        curve.points.iter().find(|(bytes, _)| *bytes == LARGE).map(|(_, nanos)| *nanos)
    };
    if let (Some(ours), Some(bare)) = (transfer("a `String`"), transfer("read_to_end")) {
        lines.push(format!(
            "A `String` of {} comes back from a job in {}: {:.2} of a bare `fork` and pipe.",
            size(LARGE),
            time(ours),
            ours / bare
        ));
    }
    if let Some(worker) = way(&figures.workers, 0, "Worker::spawn") {
        lines.push(format!(
            "An empty worker takes {}: {:.2} of `std::thread::spawn` + `join`.",
            time(worker.nanos),
            worker.ratio
        ));
    }
    lines.iter().map(|line| format!("- {}\n", wrapped(line).replace('\n', "\n  "))).collect()
}
