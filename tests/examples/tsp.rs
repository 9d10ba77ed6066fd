//! The travelling-salesman example: output, files, errors.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

#[cfg(target_os = "linux")]
use {
    nix::{
        libc,
        sys::signal::{Signal, kill},
        unistd::Pid,
    },
    std::io::{Read as _, Write as _},
    std::os::{fd::FromRawFd as _, unix::process::CommandExt as _},
};

use super::executable;

fn start(args: &[&str]) -> Child {
    let mut command = Command::new(executable("tsp"));
    command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn run(args: &[&str]) -> Output {
    finish(start(args), args)
}

fn finish(mut child: Child, args: &[&str]) -> Output {
    let started = Instant::now();
    // The output fits the pipes, so it can be read after the end.
    while child.try_wait().unwrap().is_none() {
        if started.elapsed() > Duration::from_secs(60) {
            child.kill().unwrap();
            panic!("tsp {args:?} does not end");
        }
        sleep(Duration::from_millis(5));
    }
    child.wait_with_output().unwrap()
}

fn report(args: &[&str]) -> String {
    let output = run(args);
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success() && err.is_empty(), "tsp {args:?}: {}\n{out}{err}", output.status);
    out
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
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tsp");
    fs::create_dir_all(&directory).unwrap();
    directory.join(name).to_str().unwrap().to_owned()
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

#[test]
fn the_limit_ends_berlin52_near_the_optimum() {
    let report = report(&["--limit", "200ms"]);
    assert!(report.starts_with("berlin52: 52 cities\n"), "{report}");
    let length = length(&report);
    assert!((7542..=7700).contains(&length), "{report}");
    let gap = 100.0 * (length - 7542) as f64 / 7542.0;
    assert_eq!(value(&report, "gap"), format!("{gap:.2} % to the optimum, 7542"));
    assert!(ending(&report).starts_with("tsp timed out after "), "{report}");
}

/// Returns whether a signal set in /proc/PID/status contains SIGINT; see proc_pid_status(5).
#[cfg(target_os = "linux")]
fn has_sigint(process: &str, set: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    u64::from_str_radix(value(&status, set), 16).unwrap() & 1 << (Signal::SIGINT as i32 - 1) != 0
}

#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_ends_the_search_with_a_report() {
    if has_sigint("self", "SigIgn:") {
        eprintln!("not tested: the parent ignores SIGINT, and its children inherit that");
        return;
    }
    let cities = scattered(2_000);
    let path = file("interrupted.tsp", instance("interrupted", &cities));
    let tour = scratch("interrupted.tour");
    let args = [&path, "--limit", "50s", "--tour", &tour];
    let child = start(&args);
    let pid = Pid::from_raw(child.id() as i32);
    let started = Instant::now();
    while !has_sigint(&pid.to_string(), "SigCgt:") {
        assert!(started.elapsed() < Duration::from_secs(20), "it never listens");
        sleep(Duration::from_millis(1));
    }
    sleep(Duration::from_millis(100)); // for a tour that is better than the first
    kill(pid, Signal::SIGINT).unwrap();

    let output = finish(child, &args);
    let report = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}\n{report}", output.status);
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert!(ending(&report).starts_with("tsp was interrupted by SIGINT after "), "{report}");
    assert_eq!(measure(&tour, &cities), length(&report), "the tour is written all the same");
    assert!(started.elapsed() < Duration::from_secs(40), "long before the limit");
}

#[cfg(target_os = "linux")]
#[allow(unsafe_code, clippy::undocumented_unsafe_blocks)] // Bare calls.
#[test]
fn terminal_shows_a_progress_line() {
    let (mut here, mut there) = (0, 0);
    let name = std::ptr::null_mut();
    let opened = unsafe { libc::openpty(&mut here, &mut there, name, std::ptr::null(), std::ptr::null()) };
    assert_eq!(opened, 0, "{}", std::io::Error::last_os_error());
    // Processes of other tests must not inherit them.
    for fd in [here, there] {
        unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
    let (mut here, there) = unsafe { (fs::File::from_raw_fd(here), fs::File::from_raw_fd(there)) };
    let mut command = Command::new(executable("tsp"));
    command.args(["--limit", "20s"]).env("TERM", "xterm").env_remove("NO_COLOR");
    command.stdin(there.try_clone().unwrap()).stderr(there).stdout(Stdio::piped());
    unsafe {
        command.pre_exec(|| {
            libc::signal(libc::SIGINT, libc::SIG_DFL);
            match libc::setsid() != -1 && libc::ioctl(0, libc::TIOCSCTTY, 0) == 0 {
                true => Ok(()),
                false => Err(std::io::Error::last_os_error()),
            }
        });
    }
    let child = command.spawn().unwrap();
    drop(command); // and with it the parent's handle of the other end
    let mut shown = String::new();
    let mut buffer = [0; 4096];
    let mut typed = false;
    // The kernel returns EIO after the other end closes.
    while let Ok(read @ 1..) = here.read(&mut buffer) {
        shown += &String::from_utf8_lossy(&buffer[..read]);
        if !typed && shown.matches(" improvements/s").count() >= 3 {
            here.write_all(b"\x03").unwrap();
            typed = true;
        }
    }
    let output = child.wait_with_output().unwrap();
    assert!(typed && output.status.success(), "{}: {shown:?}", output.status);
    assert!(shown.contains(" s  length "), "{shown:?}");
    let report = String::from_utf8(output.stdout).unwrap();
    assert!(ending(&report).starts_with("tsp was interrupted by SIGINT after "), "{report}");
}

#[test]
fn without_a_terminal_standard_error_stays_empty() {
    let output = run(&["--limit", "1200ms"]);
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[test]
fn limit_of_zero_still_gives_a_tour() {
    let report = report(&["--limit", "0s"]);
    assert_eq!(length(&report), 22205, "the order of the file");
    assert_eq!(value(&report, "improvements"), "0, with 0 kicks");
    assert!(ending(&report).starts_with("tsp timed out after "), "{report}");
}

#[test]
fn seed_makes_the_search_repeatable() {
    let cities = scattered(200);
    let path = file("seeds.tsp", instance("seeds", &cities));
    let tour = scratch("seeds.tour");
    let search = |seed: &str| {
        let report = report(&[&path, "--limit", "50s", "--kicks", "40", "--seed", seed, "--tour", &tour]);
        assert_eq!(ending(&report), "search ended after 40 kicks");
        assert_eq!(measure(&tour, &cities), length(&report));
        (value(&report, "improvements").to_owned(), fs::read_to_string(&tour).unwrap())
    };
    let first = search("7");
    assert_eq!(search("7"), first);
    assert_ne!(search("8"), first);
}

#[test]
fn no_kicks_leave_the_local_optimum() {
    let report = report(&["--kicks", "0", "--limit", "50s"]);
    assert_eq!(ending(&report), "search ended after 0 kicks");
    assert!((7542..8980).contains(&length(&report)), "{report}");
}

#[test]
fn few_cities_are_searched_exhaustively() {
    let corner = [(0, 0), (30, 0), (30, 40)];
    let square: Vec<_> = [5, 0, 7, 2, 8, 4, 6, 1, 3].iter().map(|i| (i % 3 * 10, i / 3 * 10)).collect();
    // Nine points of a grid need one diagonal step.
    for (cities, shortest) in [(&corner[..2], 60), (&corner[..], 120), (&square[..], 8 * 10 + 14)] {
        let name = format!("few{}", cities.len());
        let path = file(&format!("{name}.tsp"), instance(&name, cities));
        let tour = scratch(&format!("{name}.tour"));
        let report = report(&[&path, "--limit", "50s", "--tour", &tour]);
        assert_eq!(ending(&report), "search space exhausted");
        assert_eq!(length(&report), shortest);
        assert_eq!(measure(&tour, cities), shortest);
    }
}

/// The smallest instances of the local search, where moves overlap around the tour.
#[test]
fn ten_and_more_cities_are_searched_locally() {
    for count in 10..=14 {
        let cities = scattered(count);
        let name = format!("small{count}");
        let path = file(&format!("{name}.tsp"), instance(&name, &cities));
        let tour = scratch(&format!("{name}.tour"));
        let report = report(&[&path, "--limit", "50s", "--kicks", "2000", "--tour", &tour]);
        assert_eq!(measure(&tour, &cities), length(&report), "{report}");
    }
}

#[test]
fn cities_on_one_spot_are_handled() {
    let cities = [(5, 5); 300];
    let path = file("spot.tsp", instance("spot", &cities));
    let svg = scratch("spot.svg");
    let report = report(&[&path, "--limit", "100ms", "--svg", &svg]);
    assert_eq!(length(&report), 0);
    assert!(!fs::read_to_string(svg).unwrap().contains("NaN"));
}

#[test]
fn five_thousand_cities_end_on_time_with_a_valid_tour() {
    let cities = scattered(5_000);
    let path = file("large.tsp", instance("large", &cities));
    let tour = scratch("large.tour");
    for limit in ["1ms", "10ms", "40ms", "300ms"] {
        let started = Instant::now();
        let report = report(&[&path, "--limit", limit, "--tour", &tour]);
        assert!(started.elapsed() < Duration::from_secs(30), "{:?}\n{report}", started.elapsed());
        assert!(ending(&report).starts_with("tsp timed out after "), "{report}");
        assert_eq!(measure(&tour, &cities), length(&report), "{report}");
    }
}

#[test]
fn picture_is_well_formed_and_has_every_city() {
    let mut cities = scattered(120);
    cities.sort_unstable();
    let path = file("picture.tsp", instance("a<b & \"c\"", &cities));
    let svg = scratch("picture.svg");
    report(&[&path, "--limit", "50s", "--kicks", "10", "--svg", &svg]);
    let text = fs::read_to_string(&svg).unwrap();

    let elements = parse_xml(&text);
    let of = |name: &str| elements.iter().filter(|(n, _)| n == name).map(|(_, a)| a).collect::<Vec<_>>();
    assert_eq!(elements[0].0, "svg");
    assert!(elements[0].1.contains_key("viewBox"));
    assert!(text.contains("prefers-color-scheme: dark"));
    assert!(text.contains("a&lt;b &amp; \"c\" · 120 cities · length "), "the caption");

    let mut dots: Vec<_> = of("circle").iter().map(|a| format!("{} {}", a["cx"], a["cy"])).collect();
    let path = of("path")[0]["d"].strip_prefix('M').and_then(|d| d.strip_suffix('Z')).unwrap();
    let mut corners: Vec<_> = path.split('L').map(str::to_owned).collect();
    assert_eq!(dots.len(), 120);
    dots.sort();
    corners.sort();
    assert_eq!(dots, corners);
}

/// Returns the elements of an XML text in order. Panics if the text is not well-formed.
fn parse_xml(text: &str) -> Vec<(String, BTreeMap<String, String>)> {
    let mut elements = Vec::new();
    let mut open: Vec<String> = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (words, markup) = rest.split_once('<').unwrap_or((rest, ""));
        assert!(!words.contains('>'), "a bare > in {words:?}");
        for reference in words.split('&').skip(1) {
            assert!(["lt;", "gt;", "amp;"].iter().any(|known| reference.starts_with(known)), "{words:?}");
        }
        assert!(!open.is_empty() || words.is_empty(), "text outside of the root: {words:?}");
        let (tag, after) = markup.split_once('>').expect("a tag must end");
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name));
            assert!(!open.is_empty() || rest.is_empty(), "more than one root");
            continue;
        }
        let closed = tag.ends_with('/');
        let tag = tag.trim_end_matches('/');
        let (name, mut attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        let mut found = BTreeMap::new();
        while let Some((key, quoted)) = attributes.trim().split_once("=\"") {
            let (value, more) = quoted.split_once('"').expect("a quote must end");
            assert!(found.insert(key.to_owned(), value.to_owned()).is_none(), "{key} twice in {tag:?}");
            attributes = more;
        }
        assert_eq!(attributes.trim(), "", "in {tag:?}");
        elements.push((name.to_owned(), found));
        if !closed {
            open.push(name.to_owned());
        }
    }
    assert!(open.is_empty(), "left open: {open:?}");
    elements
}

/// Asserts exit code 2, no output, and one line about the file on standard error.
fn refused(path: &str) -> String {
    let output = run(&[path, "--limit", "50s"]);
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{err}");
    assert!(output.stdout.is_empty());
    assert_eq!(err.lines().count(), 1, "{err}");
    let message = err.trim_end().strip_prefix(&format!("tsp: {path}:"));
    message.unwrap_or_else(|| panic!("the message does not name the file: {err}")).to_owned()
}

#[test]
fn broken_files_are_refused_with_the_line() {
    const HEAD: &str = "NAME: x\nTYPE: TSP\nDIMENSION: 3\nEDGE_WEIGHT_TYPE: EUC_2D\nNODE_COORD_SECTION\n";
    let with = |cities: &str| format!("{HEAD}{cities}").into_bytes();
    let long = format!("NAME: {}\n", "x".repeat(10_000));
    let cases: &[(&str, Vec<u8>, u32, &str)] = &[
        ("empty", vec![], 1, "ends before a NODE_COORD_SECTION"),
        ("header-only", b"NAME: x\n\nTYPE: TSP\n".into(), 3, "ends before a NODE_COORD_SECTION"),
        ("truncated", with("1 0 0\n2 5 5\n"), 7, "ends after 2 of 3 cities"),
        ("truncated-eof", with("1 0 0\n\nEOF\n"), 8, "ends after 1 of 3 cities"),
        ("cut-mid-line", with("1 0 0\n2 5 5\n3 7"), 8, "\"3 7\" is not a node number and two coordinates"),
        ("too-many", with("1 0 0\n2 5 5\n3 7 7\n4 8 8\n"), 9, "after all 3 cities"),
        ("duplicate", with("1 0 0\n2 5 5\n1 7 7\n"), 8, "node 1 again; it is on line 6 already"),
        ("node-number", with("1 0 0\ntwo 5 5\n3 7 7\n"), 7, "\"two\" is no node number"),
        ("node-minus", with("-1 0 0\n2 5 5\n3 7 7\n"), 6, "\"-1\" is no node number"),
        ("coordinate", with("1 0 0\n2 5 5\n3 7 7,5\n"), 8, "\"7,5\" is no coordinate"),
        ("infinite", with("1 0 0\n2 inf 5\n3 7 7\n"), 7, "\"inf\" is not finite"),
        ("overflow", with("1 0 0\n2 1e999 5\n3 7 7\n"), 7, "\"1e999\" is not finite"),
        ("nan", with("1 0 0\n2 5 5\n3 7 NaN\n"), 8, "\"NaN\" is not finite"),
        ("far", with("1 0 0\n2 5 -1e10\n3 7 7\n"), 7, "\"-1e10\" is beyond 1e9"),
        ("fields", with("1 0 0\n2 5 5 5\n3 7 7\n"), 7, "\"2 5 5 5\" is not a node number"),
        ("weights", b"NAME: x\nEDGE_WEIGHT_TYPE: ATT\n".into(), 2, "\"ATT\", not EUC_2D, CEIL_2D or GEO"),
        ("type", b"NAME: x\nTYPE : ATSP\n".into(), 2, "\"ATSP\", not TSP"),
        ("no-weights", b"DIMENSION: 3\nNODE_COORD_SECTION\n".into(), 2, "without an EDGE_WEIGHT_TYPE"),
        ("no-dimension", b"EDGE_WEIGHT_TYPE: EUC_2D\nNODE_COORD_SECTION\n".into(), 2, "without a DIMENSION"),
        ("twice", b"DIMENSION: 3\nNAME: x\nDIMENSION: 3\n".into(), 3, "DIMENSION is given twice"),
        ("one-city", b"NAME: x\nDIMENSION: 1\n".into(), 2, "one city makes no tour"),
        ("no-city", b"NAME: x\nDIMENSION: 0\n".into(), 2, "\"0\", not a number from 2 to"),
        ("negative", b"NAME: x\nDIMENSION: -5\n".into(), 2, "\"-5\", not a number from 2 to"),
        ("absurd", b"DIMENSION: 99999999999999999999\n".into(), 1, "not a number from 2 to"),
        ("huge", b"DIMENSION: 4000000000\n".into(), 1, "not a number from 2 to"),
        (
            "large-claim",
            b"DIMENSION: 10000000\nEDGE_WEIGHT_TYPE: EUC_2D\nNODE_COORD_SECTION\n1 2 3\n".into(),
            4,
            "ends after 1 of 10000000 cities",
        ),
        ("unknown", b"NAME: x\nCOLOUR: red\n".into(), 2, "\"COLOUR: red\" is no TSPLIB keyword"),
        ("binary", (0..=255).cycle().take(100_000).collect(), 1, "is no TSPLIB keyword"),
        ("binary-later", b"NAME: x\n\x1b[2J\xff\xfe\x00\n".into(), 2, "is no TSPLIB keyword"),
        ("zeros", vec![0; 1_000_000], 1, "longer than 4096 bytes"),
        ("long-line", long.into_bytes(), 1, "longer than 4096 bytes"),
    ];
    for (name, content, line, says) in cases {
        let message = refused(&file(&format!("bad-{name}.tsp"), content));
        assert!(message.starts_with(&format!("{line}: ")), "{name}: {message}");
        assert!(message.contains(says), "{name}: {message}");
        assert!(!message.contains(char::is_control), "{name}: {message:?}");
    }
}

#[test]
fn missing_file_is_refused() {
    assert!(refused(&scratch("missing.tsp")).contains("No such file"));
    assert!(refused(env!("CARGO_TARGET_TMPDIR")).contains("directory"));
}

#[test]
fn file_variants_are_read() {
    // No EOF, CRLF, other orders and numbers, Latin-1 comments, floats in three notations.
    let text = b"COMMENT: Gr\xf6tschel\r\nCOMMENT: and more\r\nEDGE_WEIGHT_TYPE : EUC_2D\r\nDIMENSION:3\r\n\
        TYPE: TSP (a comment)\r\nNODE_COORD_SECTION\r\n\r\n  30 0 0.0\r\n10\t3.0e+01 0\r\n20 30. +40";
    let path = file("other.tsp", text);
    let tour = scratch("other.tour");
    let report = report(&[&path, "--limit", "50s", "--tour", &tour]);
    assert!(report.starts_with("unnamed: 3 cities\n"), "{report}");
    assert_eq!(length(&report), 120);
    let tour = fs::read_to_string(tour).unwrap();
    assert!(tour.ends_with("TOUR_SECTION\n30\n10\n20\n-1\nEOF\n"), "{tour}");
}

#[test]
fn unwritable_tour_file_is_reported_before_the_search() {
    for option in ["--svg", "--tour"] {
        let began = Instant::now();
        let output = run(&["--limit", "60s", option, "/no/such/directory/file"]);
        assert_eq!(output.status.code(), Some(1));
        assert!(output.stdout.is_empty() && began.elapsed() < Duration::from_secs(20));
    }
}

#[test]
fn distance_types_are_computed() {
    let with = |kind: &str, cities: &str| {
        let text = format!("DIMENSION: 3\nEDGE_WEIGHT_TYPE: {kind}\nNODE_COORD_SECTION\n{cities}");
        length(&report(&[&file("types.tsp", text), "--limit", "10s"]))
    };
    let plane = "1 0 0\n2 1.2 0\n3 0 0.4\n";
    assert_eq!((with("EUC_2D", plane), with("CEIL_2D", plane)), (1 + 1, 2 + 1 + 2));
    // The first three of burma14, whose distances TSPLIB gives as 153, 510 and 422.
    assert_eq!(with("GEO", "1 16.47 96.10\n2 16.47 94.44\n3 20.09 92.54\n"), 153 + 422 + 510);
}

#[test]
fn name_with_forbidden_xml_characters_is_replaced() {
    let text = "NAME: a\u{fffe}b\u{ffff}\nDIMENSION: 2\nEDGE_WEIGHT_TYPE: EUC_2D\nNODE_COORD_SECTION\n1 0 0\n2 3 4\n";
    let picture = scratch("fffe.svg");
    report(&[&file("fffe.tsp", text), "--svg", &picture]);
    let picture = fs::read_to_string(picture).unwrap();
    assert!(picture.contains("a\u{fffd}b\u{fffd}") && !picture.contains(['\u{fffe}', '\u{ffff}']));
}

#[test]
fn standard_input_is_read_as_a_file() {
    let text = "\u{feff}name small\ntype tsp\ndimension 2\nedge_weight_type euc_2d\nnode_coord_section\n1 0 0\n2 3 4\neof\n";
    let mut command = Command::new(executable("tsp"));
    let input = fs::File::open(file("stdin.tsp", text)).unwrap();
    let output = command.arg("-").stdin(input).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(length(&String::from_utf8(output.stdout).unwrap()), 10);
}

#[cfg(target_os = "linux")]
#[test]
fn unwritable_picture_is_an_error() {
    let output = run(&["--limit", "20ms", "--svg", "/dev/full"]);
    assert_eq!(output.status.code(), Some(1));
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(err.starts_with("tsp: /dev/full: ") && err.lines().count() == 1, "{err}");
    assert!(String::from_utf8(output.stdout).unwrap().contains("timed out"), "the report must not be lost");
}

#[test]
fn wrong_options_are_usage_errors() {
    for args in
        [&["--limit", "soon"][..], &["--seed", "-1"], &["--kicks", "many"], &["a.tsp", "b.tsp"], &["--fast"]]
    {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{args:?}");
    }
}
