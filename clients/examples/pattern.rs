//! A limit on code without a hook: a backtracking regular expression, in a child process.
//!
//! ```text
//! cargo run --release -p sigalarm-clients --example pattern
//! ```
//!
//! `fancy_regex` may try exponentially many ways. Its own `backtrack_limit` counts steps and rejects valid work on long
//! texts. Here the count is unlimited, and the child is killed at the limit. That needs a process with one thread.

use std::time::Duration;

use fancy_regex::{Regex, RegexBuilder};
use sigalarm::process::{Job, JobError};

pub fn unbounded(pattern: &str) -> Result<Regex, Box<fancy_regex::Error>> {
    Ok(RegexBuilder::new(pattern).backtrack_limit(usize::MAX).build()?)
}

/// Returns whether the text matches.
pub fn is_match(regex: &Regex, text: &str, limit: Duration) -> Result<bool, JobError> {
    let job = Job::builder().label("match").limit(limit).grace(Duration::ZERO); // the match handles no SIGTERM
    job.run(|| regex.is_match(text).expect("no limit on steps"))
}

/// 2ⁿ ways to match n times `a`. The back-reference requires an engine that backtracks.
pub const CATASTROPHE: &str = r"^(a|a)+(b)\2$";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let regex = unbounded(CATASTROPHE)?;
    for text in ["aaaabb".to_owned(), "a".repeat(200)] {
        match is_match(&regex, &text, Duration::from_millis(500)) {
            Ok(matches) => println!("{text}: {matches}"),
            Err(JobError::TimedOut(timed_out)) => println!("{text}: {timed_out}"),
            Err(e) => return Err(e.into()),
        }
    }
    Ok(())
}
