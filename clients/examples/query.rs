//! A limit on a query: SQLite calls its progress handler every so many instructions of its virtual machine.
//!
//! ```text
//! cargo run -p sigalarm-clients --example query
//! ```
//!
//! The handler must be `'static` and can answer yes or no only. So it asks `checkpoint()`, and whoever ran the query
//! asks again for the reason. Where a library has an interrupt that another thread may pull and no handler that it
//! calls, a thread that sleeps until the alarm can pull it: `interrupted_by` shows that.

use std::io;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, InterruptHandle};
use sigalarm::{Alarm, ArmError, TimedOut, checkpoint, within};

/// Why there is no answer.
#[derive(Debug)]
pub enum QueryError {
    TimedOut(TimedOut),
    Sql(rusqlite::Error),
    Arm(ArmError),
}

impl From<rusqlite::Error> for QueryError {
    fn from(e: rusqlite::Error) -> QueryError {
        // "Interrupted" says that a check has erred; the check after it says which alarm's, and why.
        match (e.sqlite_error_code(), checkpoint()) {
            (Some(ErrorCode::OperationInterrupted), Err(timed_out)) => QueryError::TimedOut(timed_out),
            _ => QueryError::Sql(e),
        }
    }
}

/// A connection whose queries end when an alarm of the calling thread expires.
pub fn open() -> rusqlite::Result<Connection> {
    let mut connection = Connection::open_in_memory()?;
    // A thousand instructions take some ten microseconds.
    connection.progress_handler(1_000, Some(|| checkpoint().is_err()))?;
    Ok(connection)
}

/// One number, within a limit.
pub fn number(connection: &Connection, sql: &str, limit: Duration) -> Result<i64, QueryError> {
    within(limit, |_| Ok(connection.query_row(sql, [], |row| row.get(0))?)).map_err(QueryError::Arm)?
}

/// Runs `query`, and pulls the interrupt when `alarm` expires.
///
/// # Errors
///
/// If the thread cannot be started; then the query has not run.
pub fn interrupted_by<T>(
    alarm: &Alarm,
    handle: &InterruptHandle,
    query: impl FnOnce() -> T,
) -> io::Result<T> {
    // The sleeper has an end of its own: dropping the sender.
    let (query_runs, query_ended) = mpsc::channel::<()>();
    thread::scope(|scope| {
        thread::Builder::new().name("interrupt".into()).spawn_scoped(scope, move || {
            let ended = |timeout| query_ended.recv_timeout(timeout) != Err(RecvTimeoutError::Timeout);
            if alarm.wait_for(|timeout| ended(timeout).then_some(())).is_err() {
                // Again and again: an interrupt that comes between two statements does nothing.
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

/// A table of pairs that no machine will have counted before the limit.
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
