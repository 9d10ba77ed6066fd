//! The reader of examples/tsp: any file gives a sound instance, or an error with its line.

#[allow(dead_code)]
#[path = "../../../examples/tsp/instance.rs"]
pub mod instance;
// The reader refers to `crate::instance`, as in the example.
#[allow(dead_code)]
#[path = "../../../examples/tsp/tsplib.rs"]
mod reader;

use std::collections::HashSet;

pub const KNOWN: &[&[u8]] = &[
    include_bytes!("../../../examples/data/berlin52.tsp"),
    b"NAME: a\nTYPE: TSP\nDIMENSION: 2\nEDGE_WEIGHT_TYPE: EUC_2D\nNODE_COORD_SECTION\n1 0 0\n2 3.5e0 -4\nEOF\n",
    b"DIMENSION:3\nEDGE_WEIGHT_TYPE:EUC_2D\nNODE_COORD_SECTION\n7 1e9 -1e9\n8 0 0\n9 0 0\n",
    b"",
];

#[rustfmt::skip]
pub const WORDS: &[&[u8]] = &[
    b"NAME", b"TYPE", b"TSP", b"DIMENSION", b"EDGE_WEIGHT_TYPE", b"EUC_2D", b"NODE_COORD_SECTION", b"EOF",
    b":", b"\n", b"COMMENT: \xff\xfe", b"1 1 1\n", b"18446744073709551615", b"18446744073709551616",
    b"1e309", b"nan", b"inf", b"-0", b"10000000", b"\r\n", b"\x1b[2J", b"\0", b"DIMENSION: 2\n", b"1e9",
    b"1.0000000001e9",
];

pub fn holds(input: &[u8]) {
    match reader::read(input) {
        Ok(instance) => {
            let size = instance.len();
            assert!(size >= 2 && size == instance.numbers.len());
            assert!(size <= input.len() / 2, "cities that are not there");
            assert!(instance.cities.iter().flatten().all(|x| x.abs() <= 1e9));
            assert_eq!(instance.numbers.iter().collect::<HashSet<_>>().len(), size, "a number twice");
            assert!(!instance.name.is_empty() && !instance.name.chars().any(char::is_control));
            let length = instance.length(0..size);
            assert!(length >= 0);
            let tour = reader::tour_file(&instance, 0..size, length);
            assert_eq!(tour.lines().count(), size + 7);
        }
        Err(e) => {
            let text = e.to_string();
            assert!(
                !text.is_empty() && text.len() < 1_000 && !text.chars().any(char::is_control),
                "{text:?}"
            );
            let lines = input.split(|byte| *byte == b'\n').count() as u64;
            assert!(
                e.line.is_some_and(|line| (1..=lines).contains(&line)),
                "{:?} of {lines}: {text}",
                e.line
            );
        }
    }
}
