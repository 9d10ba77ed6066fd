//! A limit on code that has no hook: a regular expression that backtracks, in a process of its own.
//!
//! ```text
//! cargo run --release -p sigalarm-clients --example pattern
//! ```
//!
//! `fancy_regex` matches back-references and look-arounds by trying every way there is, and some patterns have more of
//! them than there will ever be time for. It can count steps and give up (`backtrack_limit`, a million if nothing is
//! said, which refuses honest work on long texts); it cannot be asked to stop. So the count is lifted, and the match runs
//! in a child that is killed at the limit. Only a process with one thread can do that: see the library's `process`.

use std::time::Duration;

use fancy_regex::{Regex, RegexBuilder};
use sigalarm::process::{Job, JobError};

/// Compiles a pattern that may take as many steps as it likes.
///
/// # Errors
///
/// If it is none.
pub fn unbounded(pattern: &str) -> Result<Regex, Box<fancy_regex::Error>> {
    Ok(RegexBuilder::new(pattern).backtrack_limit(usize::MAX).build()?)
}

/// Whether the text matches, if that can be found out within the limit.
///
/// # Errors
///
/// [`JobError::TimedOut`] at the limit, and whatever else may end a process.
pub fn is_match(regex: &Regex, text: &str, limit: Duration) -> Result<bool, JobError> {
    let job = Job::builder().label("match").limit(limit).grace(Duration::ZERO); // nobody in there to hear a SIGTERM
    job.run(|| regex.is_match(text).expect("no limit but ours"))
}

/// Every `a` is one or the beginning of the next: 2ⁿ ways for n of them. The back-reference keeps it out of the reach
/// of engines that do not backtrack.
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
