//! An audit finds the place where a check is missing.
//!
//!     cargo run --release --example find_gap
//!
//! The program reads the edges of a graph, sorts them and measures distances. The sort has no check. The audit names
//! the first check that came late: the gap ends there.
//!
//! An audit measures wall time, so a preempted thread looks like a missing check. Run an audit twice.

use std::collections::VecDeque;
use std::error::Error;
use std::fmt::Write as _;
use std::time::Duration;

use sigalarm::{Alarm, TimedOut, checkpoint};

const NODES: usize = 50_000;
const DEGREE: usize = 8;

const THRESHOLD: Duration = Duration::from_millis(4);

fn main() -> Result<(), Box<dyn Error>> {
    let text = random_graph()?;
    for (name, sort) in [("without", sort_unchecked as Sort), ("with", sort_checked)] {
        // An audit needs no limit.
        let alarm = Alarm::builder().audit(THRESHOLD).arm()?;
        let depth = analyse(&text, sort, &alarm)?;
        match alarm.longest_gap() {
            Some(gap) => println!("{name} the check: depth {depth}; {gap}"),
            None => println!("{name} the check: depth {depth}; no gap of {THRESHOLD:?} or longer"),
        }
    }
    Ok(())
}

type Sort = fn(&mut Vec<(u32, u32)>, &Alarm) -> Result<(), TimedOut>;

fn analyse(text: &str, sort: Sort, alarm: &Alarm) -> Result<u32, TimedOut> {
    let mut edges = parse(text)?;
    sort(&mut edges, alarm)?;
    depth(&edges)
}

fn parse(text: &str) -> Result<Vec<(u32, u32)>, TimedOut> {
    let mut edges = Vec::new();
    for line in text.lines() {
        checkpoint()?;
        let mut numbers = line.split(' ').filter_map(|word| word.parse().ok());
        if let (Some(from), Some(to)) = (numbers.next(), numbers.next()) {
            edges.push((from, to));
        }
    }
    Ok(edges)
}

/// The call into the standard library hides a long loop.
fn sort_unchecked(edges: &mut Vec<(u32, u32)>, _: &Alarm) -> Result<(), TimedOut> {
    edges.sort();
    edges.dedup();
    Ok(())
}

/// Checks in each comparison. A comparator cannot return an `Err`, so it unwinds.
fn sort_checked(edges: &mut Vec<(u32, u32)>, alarm: &Alarm) -> Result<(), TimedOut> {
    alarm.catch(|| {
        edges.sort_by(|a, b| {
            alarm.unwind_if_expired();
            a.cmp(b)
        });
    })?;
    edges.dedup();
    Ok(())
}

fn depth(edges: &[(u32, u32)]) -> Result<u32, TimedOut> {
    let mut steps = vec![None; NODES];
    let mut queue = VecDeque::from([0]);
    steps[0] = Some(0);
    let mut depth = 0;
    while let Some(node) = queue.pop_front() {
        checkpoint()?; // the audit points here, at the first check after the gap
        depth = steps[node as usize].unwrap_or(depth);
        let first = edges.partition_point(|(from, _)| *from < node);
        for (_, to) in edges[first..].iter().take_while(|(from, _)| *from == node) {
            steps[*to as usize].get_or_insert_with(|| {
                queue.push_back(*to);
                depth + 1
            });
        }
    }
    Ok(depth)
}

fn random_graph() -> Result<String, std::fmt::Error> {
    let mut x = 88_172_645_463_325_252_u64;
    let mut node = || {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x % NODES as u64
    };
    let mut text = String::new();
    for _ in 0..NODES * DEGREE {
        writeln!(text, "{} {}", node(), node())?;
    }
    Ok(text)
}
