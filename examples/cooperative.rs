//! A sudoku solver with a limit for each puzzle and no visible check.
//!
//! ```text
//! cargo run --release --features macros --example cooperative
//! cargo run --release --features macros --example cooperative -- --limit 5s --fewest --file puzzles.txt
//! ```
//!
//! `#[cooperative]` inserts the checks, and `#[time_limit]` arms an alarm around each puzzle.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;
use std::time::{Duration, Instant};

use clap::Parser;
use sigalarm::{TimedOut, cooperative, time_limit};

const PUZZLES: &str = include_str!("data/sudoku.txt");

/// Solves sudoku puzzles, each within a limit.
#[derive(Parser)]
struct Args {
    /// A puzzle: 81 cells, row by row, with `.` or `0` where one is empty [default: those of a file]
    puzzle: Option<Board>,
    /// A file of puzzles, one a line [default: some that are built in]
    #[arg(long)]
    file: Option<PathBuf>,
    /// How long one puzzle may take: 500ms, 2s, 1m 30s
    #[arg(long, default_value = "200ms", value_parser = humantime::parse_duration)]
    limit: Duration,
    /// Continue with the cell that has the fewest digits left, not with the first
    #[arg(long)]
    fewest: bool,
    /// Look for a second solution as well
    #[arg(long)]
    unique: bool,
}

struct Search {
    board: Board,
    fewest: bool,
    wanted: usize,
    solutions: Vec<Board>,
    tries: u64,
}

#[time_limit(limit)]
fn solve(search: &mut Search, limit: Duration) -> Result<(), TimedOut> {
    search.fill()
}

#[cooperative]
impl Search {
    /// Fills in the empty cells until `wanted` solutions are found.
    fn fill(&mut self) -> Result<(), TimedOut> {
        let Some(cell) = self.next_cell()? else {
            self.solutions.push(self.board.clone());
            return Ok(());
        };
        for digit in 1..=9 {
            if self.board.may_be(cell, digit) {
                self.tries += 1;
                self.board.put(cell, digit);
                self.fill()?;
                if self.solutions.len() == self.wanted {
                    break;
                }
                self.board.remove(cell);
            }
        }
        Ok(())
    }

    fn next_cell(&self) -> Result<Option<usize>, TimedOut> {
        let mut best = None;
        for cell in 0..81 {
            if self.board.cells[cell] != 0 {
                continue;
            }
            if !self.fewest {
                return Ok(Some(cell));
            }
            let left = self.board.digits_left(cell);
            if best.is_none_or(|(fewest, _)| left < fewest) {
                best = Some((left, cell));
            }
        }
        Ok(best.map(|(_, cell)| cell))
    }
}

#[derive(Clone)]
struct Board {
    cells: [u8; 81],
    /// For each row, column and box one bit per digit that it contains.
    taken: [[u16; 9]; 3],
}

impl Board {
    fn units(cell: usize) -> [usize; 3] {
        [cell / 9, cell % 9, cell / 27 * 3 + cell % 9 / 3]
    }

    fn taken(&self, cell: usize) -> u16 {
        let [row, column, square] = Board::units(cell);
        self.taken[0][row] | self.taken[1][column] | self.taken[2][square]
    }

    fn may_be(&self, cell: usize, digit: u8) -> bool {
        self.taken(cell) & 1 << digit == 0
    }

    fn digits_left(&self, cell: usize) -> u32 {
        9 - self.taken(cell).count_ones()
    }

    fn put(&mut self, cell: usize, digit: u8) {
        self.cells[cell] = digit;
        self.flip(cell, digit);
    }

    fn remove(&mut self, cell: usize) {
        let digit = std::mem::take(&mut self.cells[cell]);
        self.flip(cell, digit);
    }

    fn flip(&mut self, cell: usize, digit: u8) {
        for (units, unit) in self.taken.iter_mut().zip(Board::units(cell)) {
            units[unit] ^= 1 << digit;
        }
    }

    fn clues(&self) -> usize {
        self.cells.iter().filter(|digit| **digit != 0).count()
    }
}

impl FromStr for Board {
    type Err = String;

    fn from_str(text: &str) -> Result<Board, String> {
        let mut board = Board { cells: [0; 81], taken: [[0; 9]; 3] };
        if text.chars().count() != 81 {
            return Err(format!("a puzzle has 81 cells, not {}", text.chars().count()));
        }
        for (cell, c) in text.chars().enumerate() {
            match c {
                '.' | '0' => {}
                '1'..='9' => {
                    let digit = c as u8 - b'0';
                    if !board.may_be(cell, digit) {
                        return Err(format!("two times {c} in row {}, its column or its box", cell / 9 + 1));
                    }
                    board.put(cell, digit);
                }
                _ => return Err(format!("{c:?} is no cell: a cell is a digit, or `.` if empty")),
            }
        }
        Ok(board)
    }
}

impl fmt::Display for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (y, row) in self.cells.chunks(9).enumerate() {
            if y == 3 || y == 6 {
                writeln!(f, "------+-------+------")?;
            }
            let boxes: Vec<String> =
                row.chunks(3).map(|cells| cells.iter().map(|digit| format!("{digit} ")).collect()).collect();
            writeln!(f, "{}", boxes.join("| ").trim_end())?;
        }
        Ok(())
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        // The reader has closed the pipe.
        Err(e) if e.downcast_ref().is_some_and(|e: &io::Error| e.kind() == io::ErrorKind::BrokenPipe) => {
            ExitCode::SUCCESS
        }
        Err(e) => {
            eprintln!("cooperative: {e}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), Box<dyn std::error::Error>> {
    let mut out = io::stdout();
    if let Some(board) = &args.puzzle {
        let (search, _) = report(&mut out, board, "", args)?;
        for solution in &search.solutions {
            write!(out, "\n{solution}")?;
        }
        return Ok(());
    }
    let text = match &args.file {
        Some(path) => read(path).map_err(|e| format!("{}: {e}", path.display()))?,
        None => PUZZLES.to_owned(),
    };
    let lines =
        text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    let (mut puzzles, mut solved) = (0, 0);
    for (number, line) in lines {
        let (puzzle, name) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let board = puzzle.parse().map_err(|e| format!("line {}: {e}", number + 1))?;
        let (_, answered) = report(&mut out, &board, name.trim(), args)?;
        puzzles += 1;
        solved += usize::from(answered);
    }
    writeln!(out, "{solved} of {puzzles} within {} each", humantime::format_duration(args.limit))?;
    Ok(())
}

/// Reads a file of limited size: a device or pipe may be endless.
fn read(path: &Path) -> io::Result<String> {
    const LARGEST: u64 = 16 << 20;
    let mut text = String::new();
    File::open(path)?.take(LARGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LARGEST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("more than {LARGEST} bytes")));
    }
    Ok(text)
}

/// Solves a puzzle and prints a line. Returns whether the search ended within its limit.
fn report(out: &mut impl io::Write, board: &Board, name: &str, args: &Args) -> io::Result<(Search, bool)> {
    let wanted = if args.unique { 2 } else { 1 };
    let mut search =
        Search { board: board.clone(), fewest: args.fewest, wanted, solutions: Vec::new(), tries: 0 };
    let began = Instant::now();
    let ended = solve(&mut search, args.limit);
    let millis = began.elapsed().as_secs_f64() * 1e3;
    let answer = match (&ended, search.solutions.len()) {
        (Err(timed_out), _) => timed_out.to_string(),
        (Ok(()), 0) => "has no solution".to_owned(),
        (Ok(()), 1) if args.unique => "solved, and there is no other".to_owned(),
        (Ok(()), 1) => "solved".to_owned(),
        (Ok(()), _) => "has more than one solution".to_owned(),
    };
    let name = if name.is_empty() { String::new() } else { format!("{name}: ") };
    writeln!(out, "{:>2} clues {millis:>9.3} ms {:>10} tries  {name}{answer}", board.clues(), search.tries)?;
    Ok((search, ended.is_ok()))
}
