//! A limit on a query: SQLite calls its progress handler every 1,000 instructions of its virtual machine.
//!
//! ```text
//! cargo run -p sigalarm-clients --example query
//! ```
//!
//! The handler returns yes or no, so the caller of the query calls `checkpoint()` again for the reason.
//! `interrupted_by` is for a library with an interrupt only: a second thread waits for the alarm and interrupts.

use std::io;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, InterruptHandle};
use sigalarm::{Alarm, ArmError, TimedOut, checkpoint, within};

#[derive(Debug)]
pub enum QueryError {
    TimedOut(TimedOut),
    Sql(rusqlite::Error),
    Arm(ArmError),
}

impl From<rusqlite::Error> for QueryError {
    fn from(e: rusqlite::Error) -> QueryError {
        // After an interrupt this check returns the time-out.
        match (e.sqlite_error_code(), checkpoint()) {
            (Some(ErrorCode::OperationInterrupted), Err(timed_out)) => QueryError::TimedOut(timed_out),
            _ => QueryError::Sql(e),
        }
    }
}

/// Ends a query when an alarm of the calling thread expires.
pub fn open() -> rusqlite::Result<Connection> {
    let mut connection = Connection::open_in_memory()?;
    // A thousand instructions take about ten microseconds.
    connection.progress_handler(1_000, Some(|| checkpoint().is_err()))?;
    Ok(connection)
}

pub fn number(connection: &Connection, sql: &str, limit: Duration) -> Result<i64, QueryError> {
    within(limit, |_| Ok(connection.query_row(sql, [], |row| row.get(0))?)).map_err(QueryError::Arm)?
}

/// Runs `query`, and interrupts it when `alarm` expires.
pub fn interrupted_by<T>(
    alarm: &Alarm,
    handle: &InterruptHandle,
    query: impl FnOnce() -> T,
) -> io::Result<T> {
    // Dropping the sender ends the second thread.
    let (query_runs, query_ended) = mpsc::channel::<()>();
    thread::scope(|scope| {
        thread::Builder::new().name("interrupt".into()).spawn_scoped(scope, move || {
            let ended = |timeout| query_ended.recv_timeout(timeout) != Err(RecvTimeoutError::Timeout);
            if alarm.wait_for(|timeout| ended(timeout).then_some(())).is_err() {
                // Repeated, because an interrupt between two statements has no effect.
                handle.interrupt();
                while !ended(Duration::from_millis(10)) {
                    handle.interrupt();
                }
            }
        })?;
        let answer = query();
        drop(query_runs);
        Ok(answer)
    })
}

/// A query that does not end before the limit.
pub const ENDLESS: &str =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
pub const QUICK: &str =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT sum(i) FROM n";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let limit = Duration::from_millis(500);
    let connection = open()?;
    for sql in [QUICK, ENDLESS] {
        match number(&connection, sql, limit) {
            Ok(answer) => println!("{answer}"),
            Err(QueryError::TimedOut(timed_out)) => println!("the query {timed_out}"),
            Err(QueryError::Sql(e)) => return Err(e.into()),
            Err(QueryError::Arm(e)) => return Err(e.into()),
        }
    }

    let plain = Connection::open_in_memory()?;
    let alarm = Alarm::after(limit)?;
    let handle = plain.get_interrupt_handle();
    let answer =
        interrupted_by(&alarm, &handle, || plain.query_row(ENDLESS, [], |row| row.get::<_, i64>(0)))?;
    if let (Err(e), Err(timed_out)) = (answer, alarm.check()) {
        println!("{e}: it {timed_out}");
    }
    Ok(())
}
