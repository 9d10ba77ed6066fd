//! Signals that ring, limits on processor time and checks, tickers, watchdogs, audits.

pub mod audits;
pub mod ring_on;
pub mod tickers;
pub mod used_up;
pub mod watchdogs;
