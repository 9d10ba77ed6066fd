//! Mutated inputs for a property.
//!
//! Each input is a mutation of a known one; the printed seed determines them all. A failing input is minimized.
//!
//! `SIGALARM_FUZZ_SECONDS` sets the time (default 1), `SIGALARM_FUZZ_SEED` the first seed (default random).

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// SplitMix64: <https://doi.org/10.1145/2660193.2660195>.
pub struct Random(u64);

impl Random {
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound.max(1) as u64) as usize
    }

    fn of<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        list.get(self.below(list.len()))
    }
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().expect("a number"))
}

/// Applies `property`, which panics on failure, to mutations of `known` with `words`.
pub fn campaign(name: &str, known: &[&[u8]], words: &[&[u8]], property: fn(&[u8])) {
    let anywhere = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.as_nanos() as u64);
    let seed = setting("SIGALARM_FUZZ_SEED").unwrap_or_else(anywhere);
    let time = Duration::from_secs(setting("SIGALARM_FUZZ_SECONDS").unwrap_or(1));
    known.iter().for_each(|input| property(input));
    let mut random = Random(seed);
    let began = Instant::now();
    let mut tried = 0_u64;
    while began.elapsed() < time {
        for _ in 0..100 {
            let input = mutation(&mut random, known, words);
            tried += 1;
            if fails(property, &input) {
                let input = cut_down(property, input);
                println!("{name}: SIGALARM_FUZZ_SEED={seed}, input number {tried}, cut down to");
                println!("b\"{}\"", input.escape_ascii());
                property(&input);
                unreachable!("it has failed a moment ago");
            }
        }
    }
    println!("{name}: {tried} inputs, SIGALARM_FUZZ_SEED={seed}");
}

fn mutation(random: &mut Random, known: &[&[u8]], words: &[&[u8]]) -> Vec<u8> {
    let mut input = random.of(known).map_or(Vec::new(), |input| input.to_vec());
    for _ in 0..1 + random.below(6) {
        let at = random.below(input.len() + 1);
        let end = at + random.below(input.len() - at + 1);
        match random.below(9) {
            0 if at < input.len() => input[at] ^= 1 << random.below(8),
            1 if at < input.len() => input[at] = random.below(256) as u8,
            2 => input.insert(at, random.below(256) as u8),
            3 => drop(input.drain(at..end)),
            4 => {
                let part = input[at..end].to_vec();
                let to = random.below(input.len() + 1);
                input.splice(to..to, part);
            }
            5 => {
                let repeated = input[at..end.min(at + 8)].repeat(random.below(40));
                input.splice(at..at, repeated);
            }
            6 => {
                let other = random.of(known).map_or(&[][..], |other| other);
                let from = random.below(other.len() + 1);
                input.splice(at.., other[from..].iter().copied());
            }
            _ => {
                let word = random.of(words).map_or(&[][..], |word| word);
                input.splice(at..at, word.iter().copied());
            }
        }
    }
    input
}

fn fails(property: fn(&[u8]), input: &[u8]) -> bool {
    // Silences this thread only, since other tests run beside it.
    thread_local!(static QUIET: Cell<bool> = const { Cell::new(false) });
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let hook = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                hook(info);
            }
        }));
    });
    QUIET.set(true);
    let failed = panic::catch_unwind(AssertUnwindSafe(|| property(input))).is_err();
    QUIET.set(false);
    failed
}

fn cut_down(property: fn(&[u8]), mut input: Vec<u8>) -> Vec<u8> {
    let mut part = input.len();
    while part > 0 {
        let mut at = 0;
        while at < input.len() {
            let mut shorter = input.clone();
            shorter.drain(at..input.len().min(at + part));
            if fails(property, &shorter) {
                input = shorter;
            } else {
                at += part;
            }
        }
        part /= 2;
    }
    input
}
