//! Which pictures there are.

use super::bars::{Bars, Panel as BarPanel};
use super::curves::{self, Axis, Panel, Series};
use crate::figures::{Curve, Figures, Group, Lateness, PICTURED, Table};

/// Each by the name of its file.
pub fn all(figures: &Figures) -> Vec<(&'static str, String)> {
    let caption = &figures.machine.short();
    let mut all = Vec::new();
    if let Some(table) = &figures.check {
        all.push(("check", check(table, caption)));
    }
    if let Some(outermost) = figures.arm.first() {
        all.push(("arm", arm(outermost, figures.arm.get(1), caption)));
    }
    if !figures.notice.is_empty() {
        all.push(("notice", notice(&figures.notice, caption)));
    }
    if let Some(jobs) = figures.jobs.first() {
        let title = "An empty job, from its start to its value (logarithmic)";
        all.push((
            "jobs",
            times(title, &jobs.ways.iter().map(|w| (&*w.name, w.nanos)).collect::<Vec<_>>(), caption),
        ));
    }
    if !figures.transfer.is_empty() {
        all.push(("transfer", transfer(&figures.transfer, caption)));
    }
    if !figures.alarms.is_empty() && !figures.threads.is_empty() {
        all.push(("growth", growth(&figures.alarms, &figures.threads, caption)));
    }
    all
}

fn is_ours(name: &str) -> bool {
    ["alarm", "checkpoint", "cooperative", "Alarm", "sigalarm", "Job", "process::run", "Worker"]
        .iter()
        .any(|word| name.contains(word))
}

fn check(table: &Table, caption: &str) -> String {
    let panels = ["hash", "fibonacci", "sum"].iter().filter_map(|key| {
        let row = table.rows.iter().find(|row| row.key == *key)?;
        let values = row.cells.iter().map(|cell| cell.ratio).collect();
        Some(BarPanel { title: row.title.clone(), values })
    });
    let bars = Bars {
        title: "What a check costs: time of the loop, bare = 1. Each panel has its own scale",
        caption,
        names: table.columns.iter().map(String::as_str).collect(),
        panels: panels.collect(),
        log_from: None,
        mark: Some(1.0),
        number: |ratio| format!("{ratio:.2}"),
        is_ours,
    };
    bars.draw()
}

fn arm(outermost: &Group, nested: Option<&Group>, caption: &str) -> String {
    let mut ways: Vec<(String, f64)> =
        outermost.ways.iter().map(|way| (way.name.clone(), way.nanos)).collect();
    for way in nested.into_iter().flat_map(|group| &group.ways).skip(1) {
        ways.push((format!("{}, nested", way.name), way.nanos));
    }
    ways.sort_by(|a, b| a.1.total_cmp(&b.1));
    let ways: Vec<(&str, f64)> = ways.iter().map(|(name, nanos)| (&**name, *nanos)).collect();
    times("A limit armed and dropped (logarithmic)", &ways, caption)
}

/// One panel of times, ten times as much for the same length.
fn times(title: &str, ways: &[(&str, f64)], caption: &str) -> String {
    let least = ways.iter().map(|way| way.1).fold(f64::INFINITY, f64::min);
    let bars = Bars {
        title,
        caption,
        names: ways.iter().map(|way| way.0).collect(),
        panels: vec![BarPanel { title: String::new(), values: ways.iter().map(|way| way.1).collect() }],
        log_from: Some(10_f64.powf((least.log10() - 0.3).floor())),
        mark: None,
        number: time,
        is_ours,
    };
    bars.draw()
}

/// Nanoseconds in the unit that suits.
pub fn time(nanos: f64) -> String {
    let (value, unit) = match nanos {
        n if n < 1e3 => (n, "ns"),
        n if n < 1e6 => (n / 1e3, "µs"),
        n if n < 1e9 => (n / 1e6, "ms"),
        n => (n / 1e9, "s"),
    };
    let digits = if value < 9.995 { 2 } else { usize::from(value < 99.95) };
    format!("{value:.digits$} {unit}")
}

/// The same without digits that say nothing, for an axis.
fn round_time(nanos: f64) -> String {
    time(nanos).replace(".00 ", " ").replace(".0 ", " ")
}

/// With commas between the thousands.
pub fn plain(value: f64) -> String {
    if value >= 1.0 {
        let digits = format!("{value:.0}");
        let groups: Vec<&str> = digits
            .as_bytes()
            .rchunks(3)
            .rev()
            .map(|group| std::str::from_utf8(group).expect("digits"))
            .collect();
        groups.join(",")
    } else {
        format!("{value}")
    }
}

fn notice(all: &[Lateness], caption: &str) -> String {
    let panel = |busy: bool| {
        let shown: Vec<&Lateness> =
            all.iter().filter(|one| one.limit_us == PICTURED && one.busy == busy).collect();
        // The sorted values as they are: a share of them is no later than this.
        let series = |one: &&Lateness| Series {
            name: one.name.clone(),
            points: one.quantiles.iter().enumerate().map(|(n, late)| (*late, n as f64)).collect(),
        };
        let y = Axis {
            title: "share noticed, %",
            log: false,
            from: 0.0,
            to: 100.0,
            ticks: [0, 25, 50, 75, 100].map(|share| (f64::from(share), share.to_string())).into(),
        };
        let values = all.iter().filter(|one| one.limit_us == PICTURED).flat_map(|one| one.quantiles.iter());
        let mut series: Vec<Series> = shown.iter().map(series).collect();
        series.sort_by_key(|series| !is_ours(&series.name));
        Panel {
            title: if busy { "every core busy" } else { "idle" }.to_owned(),
            x: Axis::powers("so long after the deadline", values.map(|late| late.max(1.0) * 1e3), round_time),
            y,
            series: series
                .into_iter()
                .map(|s| Series { points: s.points.iter().map(|(x, y)| (x * 1e3, *y)).collect(), ..s })
                .collect(),
            dots: false,
        }
    };
    curves::draw("From a deadline of 1 ms to the check that notices", caption, &[panel(false), panel(true)])
}

fn series(curves: &[Curve]) -> Vec<Series> {
    curves.iter().map(|curve| Series { name: curve.name.clone(), points: curve.points.clone() }).collect()
}

fn xs(curves: &[Curve]) -> impl Iterator<Item = f64> {
    curves.iter().flat_map(|curve| curve.points.iter().map(|point| point.0))
}

fn ys(curves: &[Curve]) -> impl Iterator<Item = f64> {
    curves.iter().flat_map(|curve| curve.points.iter().map(|point| point.1))
}

pub fn size(bytes: f64) -> String {
    match bytes {
        b if b < 1e6 => format!("{} kB", plain(b / 1e3)),
        b => format!("{} MB", plain(b / 1e6)),
    }
}

fn transfer(curves: &[Curve], caption: &str) -> String {
    let mut series = series(curves);
    series.sort_by_key(|series| !is_ours(&series.name));
    let panel = Panel {
        title: "made in the child".to_owned(),
        x: Axis::powers("its size", xs(curves), size),
        y: Axis::powers("from the start to the value", ys(curves), round_time),
        series,
        dots: true,
    };
    curves::draw("A value from a child process", caption, &[panel])
}

fn growth(alarms: &[Curve], threads: &[Curve], caption: &str) -> String {
    let counts = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0_f64];
    let mut checking = series(threads);
    checking.sort_by_key(|series| !is_ours(&series.name));
    let panels = [
        Panel {
            title: "one operation".to_owned(),
            x: Axis::powers("alarms alive", xs(alarms), plain),
            y: Axis::powers("time", ys(alarms), round_time),
            series: series(alarms),
            dots: true,
        },
        Panel {
            title: "all threads together".to_owned(),
            x: Axis {
                title: "threads that check",
                log: true,
                from: 1.0,
                to: 64.0,
                ticks: counts.map(|n| (n, plain(n))).into(),
            },
            y: Axis::powers("million checks a second", ys(threads), plain),
            series: checking,
            dots: true,
        },
    ];
    curves::draw("By the number of alarms and of threads", caption, &panels)
}
