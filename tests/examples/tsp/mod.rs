//! The travelling-salesman example: output, files, errors.

mod files;
mod search;
mod terminal;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::process::Output;

use super::printed;

fn run(args: &[&str]) -> Output {
    super::run("tsp", args)
}

fn report(args: &[&str]) -> String {
    printed("tsp", args)
}

fn value<'r>(report: &'r str, key: &str) -> &'r str {
    let line = report.lines().find_map(|line| line.strip_prefix(key));
    line.unwrap_or_else(|| panic!("no {key:?} in\n{report}")).trim()
}

fn length(report: &str) -> i64 {
    value(report, "length").parse().unwrap()
}

fn ending(report: &str) -> &str {
    report.lines().last().unwrap()
}

fn scratch(name: &str) -> String {
    super::scratch("tsp", name).to_str().unwrap().to_owned()
}

fn file(name: &str, content: impl AsRef<[u8]>) -> String {
    let path = scratch(name);
    fs::write(&path, content).unwrap();
    path
}

fn instance(name: &str, cities: &[(i64, i64)]) -> String {
    let mut text = format!(
        "NAME : {name}\nCOMMENT : made up\nTYPE : TSP\nDIMENSION : {}\nEDGE_WEIGHT_TYPE : EUC_2D\nNODE_COORD_SECTION\n",
        cities.len()
    );
    for (i, (x, y)) in cities.iter().enumerate() {
        writeln!(text, "{} {x} {y}", i + 1).unwrap();
    }
    text + "EOF\n"
}

fn scattered(count: usize) -> Vec<(i64, i64)> {
    let mut state = 1_u64;
    let mut coordinate = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as i64 % 100_000
    };
    (0..count).map(|_| (coordinate(), coordinate())).collect()
}

/// Returns the length of a tour file, and asserts that it visits each city once.
fn measure(tour: &str, cities: &[(i64, i64)]) -> i64 {
    let text = fs::read_to_string(tour).unwrap();
    let visited = text.lines().skip_while(|&line| line != "TOUR_SECTION").skip(1);
    let visited: Vec<usize> =
        visited.take_while(|&line| line != "-1").map(|line| line.parse().unwrap()).collect();
    assert_eq!(visited.len(), cities.len());
    assert_eq!(visited.iter().copied().collect::<BTreeSet<_>>(), (1..=cities.len()).collect());
    let next = visited.iter().cycle().skip(1);
    let step = |(&a, &b): (&usize, &usize)| {
        let ((ax, ay), (bx, by)) = (cities[a - 1], cities[b - 1]);
        (((ax - bx).pow(2) + (ay - by).pow(2)) as f64).sqrt().round() as i64
    };
    visited.iter().zip(next).map(step).sum()
}
