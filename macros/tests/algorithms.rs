//! Common algorithms, bare and in four versions with checks, return equal values, and stop at their limit.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt::Debug;
use std::time::{Duration, Instant};

use sigalarm::{Alarm, TimedOut, cooperative};

macro_rules! algorithms {
    (@ $version:ident $(#[$attribute:meta])? { $($functions:tt)* }) => {
        $(#[$attribute])?
        mod $version {
            use super::*;
            $($functions)*
        }
    };
    ($($functions:tt)*) => {
        algorithms!(@ bare { $($functions)* });
        algorithms!(@ checked #[cooperative] { $($functions)* });
        algorithms!(@ strided #[cooperative(every = 3)] { $($functions)* });
        algorithms!(@ long_strided #[cooperative(every = 1000)] { $($functions)* });
        algorithms!(@ unwinding #[cooperative(unwind)] { $($functions)* });
    };
}

type Graph = HashMap<u32, Vec<(u32, u32)>>;

algorithms! {
    pub fn quicksort<T: Ord>(items: &mut [T]) -> Result<(), TimedOut> {
        let [pivot, rest @ ..] = items else { return Ok(()) };
        let (mut low, mut high) = (0, rest.len());
        loop {
            while low < high && rest[low] <= *pivot {
                low += 1;
            }
            while low < high && rest[high - 1] > *pivot {
                high -= 1;
            }
            if low >= high {
                break;
            }
            rest.swap(low, high - 1);
        }
        items.swap(0, low);
        let (left, right) = items.split_at_mut(low);
        quicksort(left)?;
        quicksort(&mut right[1..])
    }

    pub fn reachable(graph: &Graph, from: u32) -> Result<Vec<u32>, TimedOut> {
        let (mut seen, mut queue) = (vec![from], VecDeque::from([from]));
        'nodes: loop {
            let Some(node) = queue.pop_front() else { break 'nodes };
            let Some(edges) = graph.get(&node) else { continue 'nodes };
            for (next, _) in edges {
                for other in &seen {
                    if other == next {
                        continue 'nodes;
                    }
                }
                seen.push(*next);
                queue.push_back(*next);
            }
        }
        Ok(seen)
    }

    pub fn evaluate(text: &[u8], at: &mut usize) -> Result<i64, TimedOut> {
        fn digits(text: &[u8], at: &mut usize) -> i64 {
            let mut number = 0_i64;
            while let Some(digit @ b'0'..=b'9') = text.get(*at) {
                number = number.wrapping_mul(10).wrapping_add(i64::from(digit - b'0'));
                *at += 1;
            }
            number
        }
        let mut sum = 0_i64;
        let mut sign = 1;
        loop {
            let mut product = 1_i64;
            loop {
                let factor = match text.get(*at) {
                    Some(b'(') => {
                        *at += 1;
                        let inner = evaluate(text, at)?;
                        *at += 1;
                        inner
                    }
                    _ => digits(text, at),
                };
                product = product.wrapping_mul(factor);
                match text.get(*at) {
                    Some(b'*') => *at += 1,
                    _ => break,
                }
            }
            sum = sum.wrapping_add(sign * product);
            sign = match text.get(*at) {
                Some(b'+') => 1,
                Some(b'-') => -1,
                _ => return Ok(sum),
            };
            *at += 1;
        }
    }

    pub fn words(text: &str) -> Result<BTreeMap<String, usize>, TimedOut> {
        enum State {
            Between,
            Word(usize),
            Quoted(usize),
        }
        let mut counts = BTreeMap::new();
        let mut state = State::Between;
        let mut chars = text.char_indices().chain([(text.len(), '\0')]).peekable();
        while let Some((i, c)) = chars.next() {
            state = match (state, c) {
                (State::Between, '"') => State::Quoted(i + 1),
                (State::Between, c) if c.is_alphanumeric() => State::Word(i),
                (State::Word(from), c) if !c.is_alphanumeric() => {
                    *counts.entry(text[from..i].to_lowercase()).or_default() += 1;
                    State::Between
                }
                (State::Quoted(from), '"') => {
                    if let Some((_, '"')) = chars.peek() {
                        chars.next();
                        State::Quoted(from)
                    } else {
                        *counts.entry(text[from..i].to_owned()).or_default() += 1;
                        State::Between
                    }
                }
                (state, _) => state,
            };
        }
        Ok(counts)
    }

    pub fn life(cells: &mut Vec<Vec<bool>>, generations: u32) -> Result<usize, TimedOut> {
        let (height, width) = (cells.len(), cells[0].len());
        for generation in 0..generations {
            let mut next = cells.clone();
            for (y, line) in next.iter_mut().enumerate() {
                for (x, cell) in line.iter_mut().enumerate() {
                    let mut neighbours = 0;
                    for dy in [height - 1, 0, 1] {
                        for dx in [width - 1, 0, 1] {
                            if (dy, dx) != (0, 0) && cells[(y + dy) % height][(x + dx) % width] {
                                neighbours += 1;
                            }
                        }
                    }
                    *cell = matches!((*cell, neighbours), (true, 2) | (_, 3));
                }
            }
            if next == *cells {
                assert!(generation < generations, "{generation}");
                break;
            }
            *cells = next;
        }
        Ok(cells.iter().flatten().filter(|cell| **cell).count())
    }

    pub fn first_repeat(start: u64, modulus: u64) -> Result<(u64, Vec<u64>), TimedOut> {
        let step = |n: u64| n.wrapping_mul(6364136223846793005).rotate_left(17) % modulus;
        let (mut slow, mut fast) = (step(start), step(step(start)));
        while slow != fast {
            (slow, fast) = (step(slow), step(step(fast)));
        }
        slow = start;
        while slow != fast {
            (slow, fast) = (step(slow), step(fast));
        }
        let cycle = vec![slow, loop {
            fast = step(fast);
            if fast == slow {
                break fast;
            }
        }];
        Ok((slow, cycle))
    }
}

fn numbers(count: usize) -> Vec<u64> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let step = |state: &mut u64| {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        *state % 1000
    };
    (0..count).map(|_| step(&mut state)).collect()
}

fn graph(nodes: u32) -> Graph {
    let steps = numbers(3 * nodes as usize);
    let edge = |from: u32, i: usize| ((from + 1 + steps[i] as u32 % 7) % nodes, steps[i] as u32);
    (0..nodes).map(|from| (from, (0..3).map(|i| edge(from, 3 * from as usize + i)).collect())).collect()
}

/// Asserts that the versions agree on small inputs, and stop at their limit on a large one.
#[track_caller]
fn all_agree<I: Clone, T: PartialEq + Debug>(
    versions: [&dyn Fn(I) -> Result<T, TimedOut>; 5],
    small: &[I],
    large: I,
) {
    let [bare, with_checks @ ..] = versions;
    for input in small {
        let expected = bare(input.clone()).unwrap();
        for version in with_checks {
            assert_eq!(version(input.clone()).unwrap(), expected);
        }
    }
    for (input, limit) in [(small[0].clone(), Duration::ZERO), (large, Duration::from_micros(500))] {
        for version in with_checks {
            let input = input.clone();
            let start = Instant::now();
            let alarm = Alarm::after(limit).unwrap();
            let timed_out = alarm.catch(|| version(input)).and_then(|answer| answer).unwrap_err();
            assert!(alarm.owns(&timed_out));
            assert_eq!(timed_out.location().file(), file!());
            assert!(start.elapsed() < Duration::from_secs(10));
        }
    }
    let _expired = Alarm::after(Duration::ZERO).unwrap();
    assert!(bare(small[0].clone()).is_ok());
}

macro_rules! all_agree {
    ($name:ident, |$input:ident, $f:ident| $call:expr, $small:expr, $large:expr) => {
        all_agree!(@ bare checked strided long_strided unwinding; $name, $input, $f, $call, $small, $large);
    };
    (@ $($version:ident)*; $name:ident, $input:ident, $f:ident, $call:expr, $small:expr, $large:expr) => {
        #[test]
        fn $name() {
            let versions: [&dyn Fn(_) -> _; 5] = [$(&|$input| {
                let $f = $version::$name;
                $call
            }),*];
            all_agree(versions, &$small, $large);
        }
    };
}

all_agree!(
    quicksort,
    |input, f| {
        let mut input: Vec<u64> = input;
        f(&mut input).map(|()| input)
    },
    [numbers(0), numbers(2), numbers(100)],
    numbers(1_000_000)
);
all_agree!(reachable, |input, f| f(&graph(input), 1), [1, 5, 100], 20_000);
all_agree!(
    evaluate,
    |input, f| {
        let input: String = input;
        f(input.as_bytes(), &mut 0)
    },
    ["1".to_owned(), "2*(3+4*5)-6*7-(8)".to_owned(), "9*".repeat(30) + "9"],
    "1+2*3-".repeat(1_000_000)
);
all_agree!(
    words,
    |input, f| {
        let input: String = input;
        f(&input)
    },
    [String::new(), "One, \"two\"\" three\"; one".to_owned()],
    "the quick brown fox ".repeat(100_000)
);
all_agree!(
    life,
    |input, f| {
        let (size, generations): (usize, u32) = input;
        let mut cells: Vec<Vec<bool>> =
            numbers(size * size).chunks(size).map(|row| row.iter().map(|n| n % 3 == 0).collect()).collect();
        f(&mut cells, generations)
    },
    [(1, 1), (4, 3), (10, 20)],
    (100, 1_000)
);
all_agree!(
    first_repeat,
    |input, f| {
        let (start, modulus) = input;
        f(start, modulus)
    },
    [(1, 1_009), (2, 1_009), (77, 10_007)],
    (12_345, 1_000_000_000_000_037)
);
