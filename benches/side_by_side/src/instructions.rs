//! Instructions, counted by callgrind: what neither the clock rate nor the neighbours nor the place of a loop can move.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::check::{self, WORK, elements};
use crate::figures::{Instructions, Section};

/// The columns whose work is all done in the program. A clock is read in the kernel's page, where callgrind counts
/// nothing that means anything.
const COUNTED: [&str; 11] = [
    "bare",
    "no check, a `Result` returned",
    "two `nop`s for a check",
    "the same, and an error that might come",
    "`alarm.check()`",
    "`checkpoint()`",
    "`#[cooperative]`",
    "`Arc<AtomicBool>` and a thread",
    "cancel-this, cached",
    "cancel-this",
    "tokio `CancellationToken`",
];

/// The function after which callgrind writes down what it has counted since the function began.
#[allow(unsafe_code)] // For the name, by which callgrind finds it; no other crate exports it.
#[unsafe(no_mangle)]
#[inline(never)]
fn sigalarm_benches_counted(work: &mut dyn FnMut()) {
    work();
}

/// What runs under callgrind: one copy of each, once.
pub fn run_all() {
    check::with_columns(|mut columns| {
        columns.retain(|column| COUNTED.contains(&column.name));
        assert_eq!(columns.len(), COUNTED.len(), "a column has another name");
        for at in 0..WORK.len() {
            for column in &mut columns {
                sigalarm_benches_counted(&mut *column.work[at][0]);
            }
        }
    });
}

pub fn measure() -> Section {
    let directory = std::env::temp_dir().join(format!("sigalarm-benches-{}", std::process::id()));
    fs::create_dir_all(&directory).expect("a directory for callgrind");
    let section = count(&directory);
    fs::remove_dir_all(&directory).expect("a directory of ours");
    section
}

fn count(directory: &Path) -> Section {
    let status = Command::new("valgrind")
        .args(["--tool=callgrind", "--zero-before=sigalarm_benches_counted"])
        .arg("--dump-after=sigalarm_benches_counted")
        .arg(format!("--callgrind-out-file={}", directory.join("out").display()))
        .arg(std::env::current_exe().expect("a path"))
        .arg("counted")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match status {
        Err(e) => return Section::Skipped(format!("valgrind: {e}")),
        Ok(status) if !status.success() => return Section::Skipped(format!("valgrind: {status}")),
        Ok(_) => {}
    }
    let total = |part: usize| -> f64 {
        let text = fs::read_to_string(directory.join(format!("out.{part}"))).expect("a count for each");
        let total = text.lines().find_map(|line| line.strip_prefix("totals: ")?.trim().parse().ok());
        total.expect("a total in callgrind's output")
    };
    let rows = WORK.iter().enumerate().map(|(at, (key, title))| {
        let counts: Vec<f64> =
            (0..COUNTED.len()).map(|column| total(at * COUNTED.len() + column + 1)).collect();
        let each = counts.iter().map(|count| (count - counts[0]) / elements(key)).collect();
        ((*title).to_owned(), each)
    });
    Section::Instructions(Instructions {
        columns: COUNTED.iter().map(|name| (*name).to_owned()).collect(),
        rows: rows.collect(),
    })
}
