//! City files, tour files, pictures.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use super::{file, instance, length, report, run, scattered, scratch};

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
fn name_with_forbidden_xml_characters_is_replaced() {
    let text = "NAME: a\u{fffe}b\u{ffff}\nDIMENSION: 2\nEDGE_WEIGHT_TYPE: EUC_2D\nNODE_COORD_SECTION\n1 0 0\n2 3 4\n";
    let picture = scratch("fffe.svg");
    report(&[&file("fffe.tsp", text), "--svg", &picture]);
    let picture = fs::read_to_string(picture).unwrap();
    assert!(picture.contains("a\u{fffd}b\u{fffd}") && !picture.contains(['\u{fffe}', '\u{ffff}']));
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
