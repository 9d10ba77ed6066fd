//! The output of the examples.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{executable, printed, run, texts};

fn number(text: &str, before: &str, after: &str) -> f64 {
    let rest = text.split_once(before).map(|(_, rest)| rest);
    let number = rest.and_then(|rest| rest.split_once(after)).map(|(number, _)| number.trim());
    number.and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("{before:?} number {after:?} in {text:?}"))
}

#[test]
fn quickstart_times_out() {
    let out = printed("quickstart", &["1"]);
    assert!(
        out.starts_with("timed out after 1.") && out.contains(" s (limit 1 s) at examples/quickstart.rs:"),
        "{out}"
    );
    assert_eq!(out.lines().count(), 1);
}

#[test]
fn prompt_takes_answers_or_defaults() {
    let greeting = |lines: &str, limit: &str| {
        let mut command = Command::new(executable("prompt"));
        let mut child = command.arg(limit).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap(); // open until the program ends
        stdin.write_all(lines.as_bytes()).unwrap();
        let mut printed = String::new();
        child.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
        assert!(child.wait().unwrap().success(), "{printed}");
        printed.replace("Your name? [world] ", "").replace("How many greetings? [1] ", "")
    };
    // Both lines arrive in one read. The second is in the buffer.
    assert_eq!(greeting("Ada\n2\n", "60s"), "Hello, Ada!\nHello, Ada!\n");
    assert_eq!(greeting("\n\n", "60s"), "Hello, world!\n");
    assert_eq!(greeting("", "50ms"), "\n\nHello, world!\n");
}

#[test]
fn anytime_prints_an_answer_with_and_without_time() {
    let out = printed("anytime", &[]);
    let lines: Vec<_> = out.lines().collect();
    let [few, few_ended, many, many_ended] = lines[..] else { panic!("{out}") };
    assert!(few.starts_with("12 weights: ") && few_ended.ends_with("and there is no better way"), "{out}");
    assert!(
        many.starts_with("60 weights: ") && many_ended.contains("the best so far (timed out after "),
        "{out}"
    );
    assert!(number(many_ended, "after ", " improvements") >= 1.0);
}

#[test]
fn unwind_sort_stops_the_longer_sort() {
    let out = printed("unwind_sort", &[]);
    let is_sorted =
        out.contains("1000 numbers sorted with ") && out.contains("the longest walk starts at 871");
    // A busy machine may need more than 200 ms for it.
    assert!(is_sorted || out.contains("1000 numbers: sort timed out after "), "{out}");
    assert!(out.contains("1000000 numbers: sort timed out after "), "{out}");
}

#[test]
fn cpu_limit_counts_processor_time() {
    let out = printed("cpu_limit", &[]);
    let lines: Vec<_> = out.lines().collect();
    assert_eq!(lines.len(), 8, "{out}");
    for pair in lines.chunks(2) {
        let [counted, ended] = pair else { unreachable!("eight lines") };
        assert!(number(counted, ":", " primes") >= 1.0, "{out}");
        let expected = if counted.starts_with("wall") {
            ended.starts_with("    wall timed out after ")
        } else {
            // On a loaded machine the deadline may come first.
            ended.starts_with("    processor used up its processor time after 1")
                || ended.starts_with("    processor timed out after ")
        };
        assert!(expected, "{out}");
    }
}

#[test]
fn engine_is_interrupted_by_its_flag_and_cleaned_up_after() {
    let began = Instant::now();
    let out = printed("engine", &[]);
    // The question takes 400 ms, and the limit of 300 ms counts from its end.
    assert!(began.elapsed() >= Duration::from_millis(700), "{out}");
    assert!(out.starts_with("fill timed out after ") && out.contains("(limit 300 ms)"), "{out}");
    assert!(number(&out, "removed all ", " rows") >= 1.0, "{out}");
    assert_eq!(out.lines().count(), 2);
}

#[test]
fn last_resort_ends_the_process() {
    let output = run("last_resort", &[]);
    assert_eq!(output.status.code(), Some(124));
    let (out, line) = texts(output);
    let begins = "sigalarm: factors has not answered 200 ms after its limit of 200 ms; ending the process. On its thread: \
                  factors (examples/last_resort.rs:";
    assert!(line.starts_with(begins), "{line}");
    assert!(out.starts_with("91 = 7 x 13\n") && !out.contains("smallest factor"), "{out}");
}

#[test]
fn find_gap_points_at_the_check_after_the_gap() {
    let source = include_str!("../../examples/find_gap.rs");
    let after = source.lines().position(|line| line.contains("the audit points here")).unwrap() + 1;
    // On a busy machine a preemption may be the longest gap in some runs.
    let mut seen = String::new();
    for _ in 0..10 {
        let out = printed("find_gap", &[]);
        let lines: Vec<_> = out.lines().collect();
        let [without, with] = lines[..] else { panic!("{out}") };
        assert!(without.starts_with("without the check: ") && with.starts_with("with the check: "), "{out}");
        let found =
            without.ends_with(&format!(" without a check, before the one at examples/find_gap.rs:{after}"));
        if found && gap(with) < gap(without) / 2.0 {
            return;
        }
        seen += &out;
    }
    panic!("{seen}");
}

/// Returns the gap in a line of `find_gap`, in milliseconds.
fn gap(line: &str) -> f64 {
    if line.contains("; no gap of ") {
        return 0.0;
    }
    match line.contains(" ms without") {
        true => number(line, "; ", " ms without"),
        false => 1e3 * number(line, "; ", " s without"),
    }
}

#[test]
fn stopped_anywhere_finds_the_broken_invariant() {
    let output = run("stopped_anywhere", &[]);
    let status = output.status;
    let (out, err) = texts(output);
    assert!(status.success(), "{out}{err}");
    assert!(out.starts_with("merge keeps its promise: 3 checks at 1 location, 4 attempts\n"), "{out}");
    let lost = include_str!("../../examples/stopped_anywhere.rs")
        .lines()
        .position(|line| line.contains("loses the entry"));
    let place = format!("stopped at check 1, examples/stopped_anywhere.rs:{}:", lost.unwrap() + 1);
    assert!(err.contains(&format!("sigalarm: in attempt 1, {place}")), "{err}");
}

#[cfg(feature = "process")]
#[test]
fn three_ways_limit_the_same_function() {
    let out = printed("three_ways", &["50ms"]);
    let (_, long) = out.split_once("a long one, 50ms at most:").unwrap_or_else(|| panic!("{out}"));
    for (way, says) in [
        ("  alarm  ", "ms   timed out after "),
        ("  worker  ", "ms   worker was stopped after "),
        ("  job  ", "ms   timed out after "),
        ("  job, unchecked  ", "ms   unchecked timed out after "),
    ] {
        assert!(long.lines().any(|line| line.starts_with(way) && line.contains(says)), "{way}\n{out}");
    }
    let refused = run("three_ways", &["soon"]);
    assert!(!refused.status.success() && refused.stdout.is_empty());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("is not a limit like 100ms"));
}

#[cfg(feature = "process")]
#[test]
fn grader_has_a_verdict_on_each() {
    let output = run("grader", &[]);
    let status = output.status;
    let (out, err) = texts(output);
    #[rustfmt::skip]
    let expected = [
        ("sieve", "OK"), ("off by one", "WA"), ("by trial", "TLE"), ("endless loop", "TLE"), ("panics", "RE"),
        ("deep recursion", "RE"), ("hoarder", "MLE"), ("chatterbox", "OLE"), ("fork bomb", "TLE"),
        ("ignores SIGTERM", "TLE"), ("not UTF-8", "RE"), ("forger", "WA"), ("floods stderr", "OLE"),
    ];
    let rows: Vec<_> = out.lines().skip(1).collect();
    assert_eq!(rows.len(), expected.len(), "{out}{err}");
    for (row, (name, verdict)) in rows.into_iter().zip(expected) {
        let found = row.strip_prefix(name).and_then(|rest| rest.split_whitespace().next());
        assert_eq!(found, Some(verdict), "{out}{err}");
    }
    assert!(status.success(), "{out}{err}");
}

#[cfg(all(feature = "process", target_os = "linux"))]
#[test]
fn interrupted_grader_leaves_nothing() {
    let mark = format!("SIGALARM_TEST_MARK={}", std::process::id());
    let (key, value) = mark.split_once('=').unwrap();
    let marked = || {
        let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        let environments = entries.filter_map(|entry| fs::read(entry.path().join("environ")).ok());
        environments.filter(|all| all.split(|&byte| byte == 0).any(|one| one == mark.as_bytes())).count()
    };
    for _ in 0..5 {
        let mut command = Command::new(executable("grader"));
        let mut grader = command.env(key, value).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        while marked() < 4 && grader.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(5));
        }
        if grader.try_wait().unwrap().is_some() {
            continue; // The machine was busy and the fork bomb did not grow.
        }
        let pid = nix::unistd::Pid::from_raw(grader.id() as i32);
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
        let status = grader.wait().unwrap();
        let ended = Instant::now();
        while marked() > 0 {
            assert!(ended.elapsed() < Duration::from_secs(20), "{status}; {} are left", marked());
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(!status.success(), "{status}");
        return;
    }
    println!("skipped: too busy a machine");
}

#[test]
fn every_example_names_its_command() {
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")).unwrap() {
        let path = entry.unwrap().path();
        let Some(name) = path.file_stem().and_then(|name| name.to_str()) else { continue };
        let source = if path.is_dir() { path.join("main.rs") } else { path.clone() };
        if let Ok(text) = fs::read_to_string(source) {
            let command = format!("--example {name}");
            assert!(text.lines().any(|line| line.starts_with("//!") && line.contains(&command)), "{name}");
        }
    }
}
