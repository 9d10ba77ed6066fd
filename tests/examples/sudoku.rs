//! The sudoku example.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{executable, printed, run};

/// A naive search takes long: its first row is 987654321.
const STUBBORN: &str = "..............3.85..1.2.......5.7.....4...1...9.......5......73..2.1........4...9";

fn report(args: &[&str]) -> String {
    printed("cooperative", args)
}

#[test]
fn every_puzzle_of_the_file_has_one_solution() {
    let report = report(&["--fewest", "--unique", "--limit", "60s"]);
    let (puzzles, last) = report.trim_end().rsplit_once('\n').unwrap();
    assert_eq!(last, "11 of 11 within 1m each");
    assert!(puzzles.lines().all(|line| line.ends_with("solved, and there is no other")), "{report}");
    assert_eq!(puzzles.lines().filter(|line| line.starts_with("17 clues")).count(), 6);
}

#[test]
fn solution_is_valid() {
    let report = report(&["--fewest", "--limit", "60s", STUBBORN]);
    let digits: Vec<u32> = report
        .lines()
        .skip_while(|line| !line.is_empty())
        .flat_map(|line| line.chars().filter_map(|c| c.to_digit(10)))
        .collect();
    assert_eq!(digits.len(), 81, "{report}");
    for unit in 0..9 {
        let corner = unit / 3 * 27 + unit % 3 * 3;
        let row = (0..9).map(|i| digits[9 * unit + i]);
        let column = (0..9).map(|i| digits[9 * i + unit]);
        let square = (0..9).map(|i| digits[corner + i / 3 * 9 + i % 3]);
        for seen in [bits(row), bits(column), bits(square)] {
            assert_eq!(seen, 0b11_1111_1110, "{report}");
        }
    }
    let clues = STUBBORN.chars().zip(&digits).filter(|(clue, _)| *clue != '.');
    clues.for_each(|(clue, digit)| assert_eq!(clue.to_digit(10), Some(*digit)));
}

fn bits(digits: impl Iterator<Item = u32>) -> u32 {
    digits.fold(0, |bits, digit| bits | 1 << digit)
}

#[test]
fn limit_stops_the_solver() {
    let began = Instant::now();
    let report = report(&["--limit", "20ms", STUBBORN]);
    assert!(report.contains("solve timed out after "), "{report}");
    assert!(report.contains("(limit 20 ms) at examples/cooperative.rs:"), "{report}");
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[test]
fn reader_may_close_the_pipe() {
    let mut command = Command::new(executable("cooperative"));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn invalid_puzzle_is_refused() {
    let twice = format!("55{}", &STUBBORN[2..]);
    let letter = format!("x{}", &STUBBORN[1..]);
    for (puzzle, complaint) in [("123", "81 cells"), (&twice, "two times 5"), (&letter, "'x' is no cell")] {
        let output = run("cooperative", &[puzzle]);
        assert!(!output.status.success());
        let err = String::from_utf8(output.stderr).unwrap();
        assert!(err.contains(complaint), "{err}");
    }
    let output = run("cooperative", &["--file", "no such file"]);
    assert!(!output.status.success());
}
