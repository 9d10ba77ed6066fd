//! Tests that each limit ends code that would not end: a limit of 100 ms and one of a second both expire, never early,
//! with the alarm's own error.

#[path = "../examples/command.rs"]
#[allow(dead_code)]
mod command;
#[path = "../examples/download.rs"]
#[allow(dead_code)]
mod download;
#[path = "../examples/library.rs"]
#[allow(dead_code)]
mod library;
#[path = "../examples/pattern.rs"]
#[allow(dead_code)]
mod pattern;
#[path = "../examples/pool.rs"]
#[allow(dead_code)]
mod pool;
#[path = "../examples/query.rs"]
#[allow(dead_code)]
mod query;
#[path = "../examples/resolve.rs"]
#[allow(dead_code)]
mod resolve;
#[path = "../examples/script.rs"]
#[allow(dead_code)]
mod script;
#[path = "../../tests/support/mod.rs"]
#[allow(missing_docs, unsafe_code, clippy::undocumented_unsafe_blocks)]
mod support;

use std::process::Command;
use std::time::{Duration, Instant};

use pubgrub::PubGrubError;
use sigalarm::process::JobError;
use sigalarm::{Alarm, Cause, TimedOut, checkpoint};
use support::Scenario;

const LATE: Duration = Duration::from_secs(20);

/// Runs endless code under two limits; `run` returns its error.
fn expires_at_limit(mut run: impl FnMut(Duration) -> TimedOut) {
    for limit in [Duration::from_millis(100), Duration::from_secs(1)] {
        let began = Instant::now();
        let timed_out = run(limit);
        let took = began.elapsed();
        assert_eq!(timed_out.cause(), Cause::Deadline);
        assert_eq!(timed_out.limit(), Some(limit));
        assert!(timed_out.elapsed() >= limit && took >= limit, "early: {timed_out}, took {took:?}");
        assert!(took < limit + LATE, "late: {timed_out}, took {took:?}");
    }
    assert!(checkpoint().is_ok(), "an alarm remains armed");
}

/// The same for code that takes the alarm.
fn expires_at_alarm(mut run: impl FnMut(&Alarm) -> TimedOut) {
    expires_at_limit(|limit| {
        let alarm = Alarm::after(limit).unwrap();
        let timed_out = run(&alarm);
        assert!(alarm.owns(&timed_out));
        timed_out
    });
}

fn a_script_ends() {
    let engine = script::engine();
    for endless in [
        "loop {}",
        "fn f() { while true {} } f()",
        "let n = 0; for i in 0..9223372036854775807 { n += i % 2 }",
    ] {
        expires_at_alarm(|_| {
            let error = engine.eval::<()>(endless).unwrap_err();
            script::timed_out(&error).unwrap_or_else(|| panic!("{error}"))
        });
        assert_eq!(engine.eval::<i64>("40 + 2").unwrap(), 42); // The engine still works.
    }
    assert!(script::timed_out(&engine.eval::<()>("nonsense()").unwrap_err()).is_none());
}

/// A `try` in the script does not catch the time-out.
fn a_script_cannot_catch_it() {
    let engine = script::engine();
    expires_at_alarm(|_| {
        let error = engine.eval::<()>("loop { try { loop {} } catch {} }").unwrap_err();
        script::timed_out(&error).unwrap_or_else(|| panic!("{error}"))
    });
}

fn an_outer_limit_ends_a_script_of_an_inner_one() {
    let engine = script::engine();
    let outer = Alarm::after(Duration::from_millis(100)).unwrap();
    let _inner = Alarm::after(Duration::from_secs(3600)).unwrap();
    let error = engine.eval::<()>("loop {}").unwrap_err();
    assert!(outer.owns(&script::timed_out(&error).unwrap()));
}

fn a_query_ends() {
    let connection = query::open().unwrap();
    expires_at_limit(|limit| match query::number(&connection, query::ENDLESS, limit) {
        Err(query::QueryError::TimedOut(timed_out)) => timed_out,
        other => panic!("{other:?}"),
    });
    let limit = Duration::from_secs(3600);
    assert_eq!(query::number(&connection, query::QUICK, limit).unwrap(), 500_500);
    assert!(matches!(query::number(&connection, "nonsense", limit), Err(query::QueryError::Sql(_))));
}

fn a_query_is_interrupted() {
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    let handle = connection.get_interrupt_handle();
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    expires_at_alarm(|alarm| {
        let answer = query::interrupted_by(alarm, &handle, || number(query::ENDLESS)).unwrap();
        assert_eq!(answer.unwrap_err().sqlite_error_code(), Some(rusqlite::ErrorCode::OperationInterrupted));
        alarm.check().unwrap_err()
    });
    let alarm = Alarm::after(Duration::from_secs(3600)).unwrap();
    assert_eq!(query::interrupted_by(&alarm, &handle, || number(query::QUICK)).unwrap().unwrap(), 500_500);
}

fn a_resolution_ends() {
    let full = resolve::pigeonholes(14, 13);
    expires_at_alarm(|alarm| match resolve::solve(&full, "root", alarm) {
        Err(PubGrubError::ErrorInShouldCancel(timed_out)) => timed_out,
        other => panic!("{other:?}"),
    });
    let alarm = Alarm::after(Duration::from_secs(3600)).unwrap();
    let (enough, too_few) = (resolve::pigeonholes(6, 6), resolve::pigeonholes(4, 3));
    assert_eq!(resolve::solve(&enough, "root", &alarm).unwrap().iter().count(), 7);
    assert!(matches!(resolve::solve(&too_few, "root", &alarm), Err(PubGrubError::NoSolution(_))));
}

fn a_pool_ends() {
    let endless = 1..u64::from(u32::MAX) * 1_000;
    for search in [pool::longest, pool::longest_entered] {
        expires_at_alarm(|alarm| search(endless.clone(), alarm).unwrap_err());
        let alarm = Alarm::after(Duration::from_secs(3600)).unwrap();
        assert_eq!(search(1..1_000, &alarm).unwrap(), Some((178, 871)));
    }
    // The pool's threads have left the alarm.
    let _expired = Alarm::after(Duration::ZERO).unwrap();
    rayon::broadcast(|_| assert!(checkpoint().is_ok()));
}

fn a_match_ends() {
    let regex = pattern::unbounded(pattern::CATASTROPHE).unwrap();
    let text = "a".repeat(200);
    expires_at_limit(|limit| match pattern::is_match(&regex, &text, limit) {
        Err(JobError::TimedOut(timed_out)) => timed_out,
        other => panic!("{other:?}"),
    });
    assert!(pattern::is_match(&regex, "aaaabb", Duration::from_secs(3600)).unwrap());
    assert!(!pattern::is_match(&regex, "aaaab", Duration::from_secs(3600)).unwrap());
}

fn a_match_ends_with_the_callers_alarm() {
    let regex = pattern::unbounded(pattern::CATASTROPHE).unwrap();
    let text = "a".repeat(200);
    expires_at_alarm(|_| match pattern::is_match(&regex, &text, Duration::from_secs(3600)) {
        Err(JobError::TimedOut(timed_out)) => timed_out,
        other => panic!("{other:?}"),
    });
}

fn a_download_ends() {
    let server = download::serve().unwrap();
    for path in ["/drip", "/bomb"] {
        expires_at_alarm(|alarm| {
            let e = download::unpacked_size(server, path, alarm).unwrap_err();
            assert_eq!(e.kind(), std::io::ErrorKind::TimedOut);
            sigalarm::TimedOut::find_in(&e).unwrap_or_else(|| panic!("{e}")).clone()
        });
    }
    let alarm = Alarm::after(Duration::from_secs(3600)).unwrap();
    assert_eq!(download::unpacked_size(server, "/good", &alarm).unwrap(), 10_000_000);
}

fn a_command_ends() {
    let shell = |script: &str, alarm: &_| command::output(Command::new("sh").args(["-c", script]), alarm);
    // It blocks; it prints for ever; it closes its output; its grandchild keeps the pipe open.
    for script in ["sleep 1000", "while :; do echo; done", "exec >&-; sleep 1000", "sleep 1000 & exit 0"] {
        expires_at_alarm(|alarm| {
            let e = shell(script, alarm).unwrap_err();
            sigalarm::TimedOut::find_in(&e).unwrap_or_else(|| panic!("{script}: {e}")).clone()
        });
    }
    let alarm = Alarm::after(Duration::from_secs(3600)).unwrap();
    let (text, status) = shell("seq 100000; exit 3", &alarm).unwrap();
    assert_eq!((text.lines().count(), status.code()), (100_000, Some(3)));
}

fn a_library_ends() {
    let (a, b) = ("ab".repeat(1_000_000), "ba".repeat(1_000_000));
    let inside = |e: std::io::Error| TimedOut::find_in(&e).unwrap_or_else(|| panic!("{e}")).clone();
    expires_at_limit(|limit| inside(library::limited(&a, &b, limit).unwrap_err()));
    expires_at_limit(|limit| inside(library::run_limited(a.as_bytes(), b.as_bytes(), limit).unwrap_err()));
    expires_at_alarm(|alarm| {
        assert_eq!(library::stoppable(&a, &b, alarm), Err(enough::StopReason::TimedOut));
        alarm.check().unwrap_err()
    });
    assert_eq!(sigalarm_client_library::distance("kitten", "sitting"), Ok(3));
    assert_eq!(library::limited("kitten", "sitting", Duration::from_secs(3600)).unwrap(), 3);
    assert_eq!(library::stoppable("kitten", "sitting", enough::Unstoppable), Ok(3));
}

fn scenarios() -> Vec<Scenario> {
    scenarios![
        a_script_ends,
        a_script_cannot_catch_it,
        an_outer_limit_ends_a_script_of_an_inner_one,
        a_query_ends,
        a_query_is_interrupted,
        a_resolution_ends,
        a_pool_ends,
        a_match_ends,
        a_match_ends_with_the_callers_alarm,
        a_download_ends,
        a_command_ends,
        a_library_ends,
    ]
}

fn main() {
    support::main(&[("limits", scenarios)]);
}
