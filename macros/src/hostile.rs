//! The macros never panic, whatever tokens they are given.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use proc_macro2::TokenStream;
use quote::quote;

use crate::library::Library;
use crate::{cooperative, time_limit};

struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound.max(1) as u64) as usize
    }

    fn words(&mut self, most: usize) -> String {
        self.choose(WORDS, ' ', most).join(" ")
    }

    fn choose<'a>(&mut self, words: &'a str, separator: char, most: usize) -> Vec<&'a str> {
        let words: Vec<&str> = words.split(separator).collect();
        (0..self.below(most)).map(|_| words[self.below(words.len())]).collect()
    }
}

const TIMES: &str = "1|0|18446744073709551615|18446744073709551616|.|1.5|s|ms|us|ns|m|min|h|d|days|weeks|years|M| |-|+|e9|\
    \u{b5}s|\u{1f554}|\\0|999999999999999999999999";

const WORDS: &str = "\"10s\" 10 every = , label \"x\" try_arm crate :: sigalarm ( ) { } [ ] fn f self & mut -> Result < > \
    TimedOut for in 0..9 while loop if let Some(_) else match => _ break continue 'a : return Ok(()) ? ; async const unsafe \
    impl move |x| macro_rules! m! #[cooperative] #[time_limit(\"1s\")] 4 18446744073709551616 -1 0x extern \"C\" where T dyn \
    yield try mod struct";

fn campaign(name: &str, mut try_one: impl FnMut(&mut Random)) {
    let setting = |name| std::env::var(name).ok().map(|value| value.parse::<u64>().expect("a number"));
    let from_clock = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.as_nanos() as u64);
    let seed = setting("SIGALARM_FUZZ_SEED").unwrap_or_else(from_clock);
    let time = Duration::from_secs(setting("SIGALARM_FUZZ_SECONDS").unwrap_or(1));
    println!("{name}: SIGALARM_FUZZ_SEED={seed}");
    let (mut random, began, mut tried) = (Random(seed), Instant::now(), 0_u64);
    while began.elapsed() < time {
        try_one(&mut random);
        tried += 1;
    }
    println!("{name}: {tried} inputs");
}

#[test]
fn random_limits_parse_as_humantime_does() {
    campaign("limits", |random| {
        let text = random.choose(TIMES, '|', 8).concat();
        let item = "fn f() -> Result<(), TimedOut> { Ok(()) }".parse().unwrap();
        let expanded = time_limit::expand(Library::Sigalarm, quote!(#text), item).to_string();
        match humantime::parse_duration(&text) {
            Ok(limit) => {
                let (secs, nanos) = (limit.as_secs(), limit.subsec_nanos());
                assert!(expanded.contains(&format!("new ({secs}u64 , {nanos}u32)")), "{text:?}: {expanded}");
            }
            Err(_) => assert!(expanded.contains("compile_error"), "{text:?}: {expanded}"),
        }
    });
}

#[test]
fn random_options_and_items_do_not_panic() {
    const FUNCTION: &str =
        "fn f(&mut self) -> Result<u8, TimedOut> { for x in 0..9 { while let Some(_) = g() { } } loop { } }";
    let mut expanded = 0_u64;
    campaign("items", |random| {
        let options = random.words(8);
        let item = match random.below(3) {
            0 => random.words(30),
            _ => {
                let at = random.below(FUNCTION.len());
                let rest = random.below(FUNCTION.len() - at);
                [&FUNCTION[..at], &random.words(8), &FUNCTION[at + rest..]].concat()
            }
        };
        if let (Ok(options), Ok(item)) = (options.parse::<TokenStream>(), item.parse::<TokenStream>()) {
            for library in [Library::Sigalarm, Library::Core] {
                for expand in [time_limit::expand, cooperative::expand] {
                    expand(library, options.clone(), item.clone());
                }
            }
            expanded += 1;
        }
    });
    assert!(expanded > 0);
}
