//! An audit finds the place where a check is missing.
//!
//!     cargo run --release --example find_gap
//!
//! A limit is only as good as the longest stretch without a check. Here is a program in three stages: it reads edges
//! of a graph from text, sorts them into lists, and measures how far the nodes are from each other. Every stage has a
//! loop with a check, and still a limit is noticed late. An audit says which check came late; the trouble is between
//! it and the one before.
//!
//! The time is that of the clock: on a busy machine a stretch in which somebody else had the processor counts too, so
//! look at an audit twice.

use std::collections::VecDeque;
use std::error::Error;
use std::fmt::Write as _;
use std::time::Duration;

use sigalarm::{Alarm, TimedOut, checkpoint};

const NODES: usize = 50_000;
const DEGREE: usize = 8;

/// Stretches shorter than this do not matter to us.
const THRESHOLD: Duration = Duration::from_millis(4);

fn main() -> Result<(), Box<dyn Error>> {
    let text = random_graph()?;
    for (name, sort) in [("without", sort_unchecked as Sort), ("with", sort_checked)] {
        // Nothing expires here: an audit needs no limit. A check costs no more for it.
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

/// Reads lines of two numbers.
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

/// Sorts the edges by their first node and leaves out those that are there twice. The forgotten stage: it calls into
/// the standard library, and does not look like a loop.
fn sort_unchecked(edges: &mut Vec<(u32, u32)>, _: &Alarm) -> Result<(), TimedOut> {
    edges.sort();
    edges.dedup();
    Ok(())
}

/// The same with a check in each comparison. A comparator cannot return an `Err`, and so it unwinds.
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

/// How many steps it takes from the first node to the farthest that can be reached, breadth first.
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

/// The text of a graph, the same in every run.
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
