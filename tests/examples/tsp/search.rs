//! Limits, seeds, tours.

use std::fs;
use std::time::{Duration, Instant};

use super::{ending, file, instance, length, measure, report, scattered, scratch, value};

#[test]
fn the_limit_ends_berlin52_near_the_optimum() {
    let report = report(&["--limit", "1s"]);
    assert!(report.starts_with("berlin52: 52 cities\n"), "{report}");
    let length = length(&report);
    // On a loaded machine the program runs for a part of the second.
    assert!((7542..=8000).contains(&length), "{report}");
    let gap = 100.0 * (length - 7542) as f64 / 7542.0;
    assert_eq!(value(&report, "gap"), format!("{gap:.2} % to the optimum, 7542"));
    assert!(ending(&report).starts_with("tsp timed out after "), "{report}");
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
