//! The tables, and the few sentences in which figures stand.

use std::fmt::Write;

use super::pictures::{plain, size, time};
use crate::figures::{Cell, Curve, Figures, Group, Lateness};

/// What belongs between the markers of that name; `None` for a name that nothing has.
pub fn named(name: &str, figures: &Figures) -> Option<String> {
    Some(match name {
        "picture" => picture(figures),
        "caption" => caption(figures),
        "summary" => summary(figures),
        "check" => check(figures),
        "places" => places(figures),
        "instructions" => instructions(figures),
        "arm" => groups(&figures.arm),
        "notice" => notice(&figures.notice),
        "jobs" => groups(&figures.jobs) + "\n" + &groups(&figures.workers),
        "transfer" => curves("its size", &figures.transfer, size, time),
        "alarms" => curves("alarms alive", &figures.alarms, plain, time),
        "threads" => curves("threads", &figures.threads, plain, |rate| format!("{rate:.1}")),
        _ => return None,
    })
}

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
        "![What a check costs, beside what else one could ask](docs/performance/check.svg)\n\n{}",
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
    let mut out = String::new();
    header(&mut out, table.rows.iter().map(|row| row.title.clone()));
    line(&mut out, "bare, the time", table.rows.iter().map(|row| time(row.cells[0].nanos)));
    for (at, name) in table.columns.iter().enumerate().skip(1) {
        line(&mut out, name, table.rows.iter().map(|row| ratio(row.cells[at].ratio)));
    }
    out
}

/// How far the copies of one function lie apart.
fn places(figures: &Figures) -> String {
    let Some(table) = &figures.check else { return "Not measured.\n".to_owned() };
    let mut out = String::new();
    header(&mut out, table.rows.iter().map(|row| row.title.clone()));
    let range = |cell: &Cell| format!("{:.2}–{:.2}", cell.lowest, cell.highest);
    for (at, name) in table.columns.iter().enumerate().take(6) {
        line(&mut out, name, table.rows.iter().map(|row| range(&row.cells[at])));
    }
    out
}

fn instructions(figures: &Figures) -> String {
    let Some(counts) = &figures.instructions else { return "Not measured.\n".to_owned() };
    let mut out = String::new();
    header(&mut out, counts.rows.iter().map(|(title, _)| title.clone()));
    for (at, name) in counts.columns.iter().enumerate().skip(1) {
        line(&mut out, name, counts.rows.iter().map(|(_, added)| format!("{:+.2}", added[at])));
    }
    out
}

fn ratio(ratio: f64) -> String {
    if ratio < 10.0 { format!("{ratio:.2}") } else { format!("{ratio:.1}") }
}

fn groups(groups: &[Group]) -> String {
    let mut out = String::new();
    for group in groups {
        writeln!(out, "| {} | median | ratio |\n|---|---:|---:|", group.title).unwrap();
        for way in &group.ways {
            // What was not measured in turn has no ratio within a round.
            let note = if way.apart { "≈ " } else { "" };
            line(&mut out, &way.name, [time(way.nanos), format!("{note}{}", ratio(way.ratio))].into_iter());
        }
        out.push('\n');
    }
    out
}

fn notice(all: &[Lateness]) -> String {
    let mut out = String::new();
    let mut limits: Vec<u64> = all.iter().map(|one| one.limit_us).collect();
    limits.dedup();
    limits.sort_unstable();
    limits.dedup();
    for busy in [false, true] {
        let load = if busy { "every core busy" } else { "idle" };
        let titles = limits.iter().map(|limit| format!("{}: p50 / p99 / max, µs", time(*limit as f64 * 1e3)));
        let titles: String =
            titles.map(|title| format!(" {} |", title.replace(".00", "").replace(".0", ""))).collect();
        writeln!(out, "| {load} |{titles}\n|---|{}", "---:|".repeat(limits.len())).unwrap();
        let mut names: Vec<&str> = Vec::new();
        for one in all {
            if !names.contains(&&*one.name) {
                names.push(&one.name);
            }
        }
        for name in names {
            let cells = limits.iter().map(|limit| {
                let found =
                    all.iter().find(|one| one.name == name && one.limit_us == *limit && one.busy == busy);
                found.map_or_else(String::new, |one| {
                    format!("{} / {} / {}", micros(one.p50), micros(one.p99), micros(one.max))
                })
            });
            line(&mut out, name, cells);
        }
        out.push('\n');
    }
    out
}

fn micros(value: f64) -> String {
    if value.abs() < 99.95 { format!("{value:.1}") } else { format!("{value:.0}") }
}

fn curves(what: &str, curves: &[Curve], title: fn(f64) -> String, number: fn(f64) -> String) -> String {
    let Some(first) = curves.first() else { return "Not measured.\n".to_owned() };
    let mut out = String::new();
    let titles = first.points.iter().map(|(x, _)| format!(" {} |", title(*x)));
    writeln!(out, "| {what} |{}\n|---|{}", titles.collect::<String>(), "---:|".repeat(first.points.len()))
        .unwrap();
    for curve in curves {
        line(&mut out, &curve.name, curve.points.iter().map(|(_, y)| number(*y)));
    }
    out
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
            "Of the bare loop's time (SipHash / xorshift / a sum in chunks) a loop with `alarm.check()?` takes {}, one \
             with cancel-this {}, one with `Instant::now()` {}.",
            of("`alarm.check()`"),
            of("cancel-this"),
            of("`Instant::now()`"),
        ));
    }
    let way = |groups: &[Group], group: usize, word: &str| {
        groups.get(group)?.ways.iter().find(|way| way.name.contains(word)).cloned()
    };
    if let (Some(ours), Some(thread), Some(peer)) = (
        way(&figures.arm, 0, "Alarm::after"),
        way(&figures.arm, 0, "thread per limit"),
        way(&figures.arm, 0, "cancel-this"),
    ) {
        lines.push(format!(
            "Arming and dropping the outermost alarm takes {}: {:.2} of its eight bare system calls. A thread per limit \
             takes {:.0} times as long as ours, cancel-this {:.0} times.",
            time(ours.nanos),
            ours.ratio,
            thread.ratio / ours.ratio,
            peer.ratio / ours.ratio
        ));
    }
    if let (Some(nested), Some(restart)) =
        (way(&figures.arm, 1, "Alarm::after"), way(&figures.arm, 1, "restart"))
    {
        lines.push(format!(
            "Nested it takes {}, and a `restart` {}: no system call in either.",
            time(nested.nanos),
            time(restart.nanos)
        ));
    }
    for busy in [false, true] {
        let find = |name: &str| {
            figures.notice.iter().find(|one| one.name == name && one.limit_us == 1_000 && one.busy == busy)
        };
        if let (Some(ours), Some(bare)) = (find("sigalarm"), find("bare `setitimer`")) {
            lines.push(format!(
                "A deadline of 1 ms is noticed after {} µs (p50) and {} µs (p99) {}: {:.2} and {:.2} of a bare \
                 `setitimer`.",
                micros(ours.p50),
                micros(ours.p99),
                if busy { "with every core busy" } else { "on an idle machine" },
                ours.p50 / bare.p50,
                ours.p99 / bare.p99
            ));
        }
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
            write!(text, "; Python's takes {:.1} times ours", python.nanos / job.nanos).unwrap();
        }
        lines.push(text + ".");
    }
    lines.iter().map(|line| format!("- {}\n", wrapped(line).replace('\n', "\n  "))).collect()
}
