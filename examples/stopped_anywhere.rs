//! Tests a function by stopping it at each of its checks.
//!
//! ```text
//! cargo run --example stopped_anywhere
//! ```
//!
//! The function merges two ledgers, and a time-out must leave both unchanged. `merge` keeps this promise;
//! `merge_in_place` breaks it at some checks.

use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};

use sigalarm::{Alarm, TimedOut, testing};

type Ledger = BTreeMap<&'static str, i64>;

/// Changes a copy and assigns it at the end.
fn merge(into: &mut Ledger, from: &mut Ledger, alarm: &Alarm) -> Result<(), TimedOut> {
    let mut sums = into.clone();
    for (name, amount) in &*from {
        alarm.check()?;
        *sums.entry(name).or_default() += amount;
    }
    *into = sums; // No check follows, so both ledgers change or none.
    from.clear();
    Ok(())
}

/// Moves one entry at a time.
fn merge_in_place(into: &mut Ledger, from: &mut Ledger, alarm: &Alarm) -> Result<(), TimedOut> {
    while let Some((name, amount)) = from.pop_first() {
        alarm.check()?; // A time-out loses the entry.
        *into.entry(name).or_default() += amount;
    }
    Ok(())
}

fn ledgers() -> (Ledger, Ledger) {
    (Ledger::from([("rent", 900), ("food", 310)]), Ledger::from([("food", 25), ("books", 40), ("rent", 10)]))
}

fn check(merge: fn(&mut Ledger, &mut Ledger, &Alarm) -> Result<(), TimedOut>) -> testing::Report {
    testing::each_check(|attempt| {
        let (mut into, mut from) = ledgers();
        let outcome = attempt.run(|alarm| merge(&mut into, &mut from, alarm));

        match attempt.stop() {
            Some(stop) => {
                assert!(stop.owns(&outcome.expect_err("it was stopped")));
                assert_eq!((into, from), ledgers(), "a time-out leaves both as they were");
            }
            None => {
                assert_eq!(into, Ledger::from([("books", 40), ("food", 335), ("rent", 910)]));
                assert!(from.is_empty());
            }
        }
    })
}

fn main() {
    println!("merge keeps its promise: {}", check(merge));
    println!();
    println!("merge_in_place does not:");
    let failed = panic::catch_unwind(AssertUnwindSafe(|| check(merge_in_place)));
    assert!(failed.is_err(), "it loses an entry");
}
