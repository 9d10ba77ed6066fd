//! Common algorithms in five versions: bare, checked, strided, unwinding, and one attribute on each function. The versions return
//! equal values, and the checked ones stop at their limit.

use std::collections::{BTreeMap, BinaryHeap, HashMap, VecDeque};
use std::fmt::Debug;
use std::time::{Duration, Instant};

use sigalarm::{Alarm, TimedOut, cooperative};

macro_rules! algorithms {
    ($(fn $name:ident $(<$($generic:ident: $bound:path),*>)? ($($arg:ident: $ty:ty),*) -> $ret:ty $body:block)*) => {
        mod bare {
            use super::*;
            $(pub fn $name $(<$($generic: $bound),*>)? ($($arg: $ty),*) -> $ret $body)*
        }

        #[cooperative]
        mod checked {
            use super::*;
            $(pub fn $name $(<$($generic: $bound),*>)? ($($arg: $ty),*) -> $ret $body)*
        }

        #[cooperative(every = 3)]
        mod strided {
            use super::*;
            $(pub fn $name $(<$($generic: $bound),*>)? ($($arg: $ty),*) -> $ret $body)*
        }

        #[cooperative(unwind)]
        mod unwinding {
            use super::*;
            $(pub fn $name $(<$($generic: $bound),*>)? ($($arg: $ty),*) -> $ret $body)*
        }

        mod one_by_one {
            use super::*;
            $(
                #[cooperative(every = 1000)]
                pub fn $name $(<$($generic: $bound),*>)? ($($arg: $ty),*) -> $ret $body
            )*
        }
    };
}

type Graph = HashMap<u32, Vec<(u32, u32)>>;

algorithms! {
    fn insertion_sort(numbers: &mut [u64]) -> Result<(), TimedOut> {
        for i in 1..numbers.len() {
            let number = numbers[i];
            let mut at = i;
            while at > 0 && numbers[at - 1] > number {
                numbers[at] = numbers[at - 1];
                at -= 1;
            }
            numbers[at] = number;
        }
        Ok(())
    }

    fn quicksort<T: Ord>(items: &mut [T]) -> Result<(), TimedOut> {
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

    fn shortest_path(graph: &Graph, from: u32, to: u32) -> Result<Option<u32>, TimedOut> {
        let mut best: HashMap<u32, u32> = HashMap::new();
        let mut queue = BinaryHeap::from([(std::cmp::Reverse(0), from)]);
        while let Some((std::cmp::Reverse(cost), node)) = queue.pop() {
            if node == to {
                return Ok(Some(cost));
            }
            if best.get(&node).is_some_and(|&known| known <= cost) {
                continue;
            }
            best.insert(node, cost);
            for &(next, step) in graph.get(&node).into_iter().flatten() {
                queue.push((std::cmp::Reverse(cost + step), next));
            }
        }
        Ok(None)
    }

    fn reachable(graph: &Graph, from: u32) -> Result<Vec<u32>, TimedOut> {
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

    fn evaluate(text: &[u8], at: &mut usize) -> Result<i64, TimedOut> {
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

    fn multiply(a: &[Vec<f64>], b: &[Vec<f64>]) -> Result<Vec<Vec<f64>>, TimedOut> {
        let columns = b.first().map_or(0, Vec::len);
        let mut product = vec![vec![0.0; columns]; a.len()];
        for (row, out) in a.iter().zip(&mut product) {
            for (x, line) in row.iter().zip(b) {
                for (y, sum) in line.iter().zip(&mut *out) {
                    *sum += x * y;
                }
            }
        }
        Ok(product)
    }

    fn words(text: &str) -> Result<BTreeMap<String, usize>, TimedOut> {
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

    fn ackermann(m: u64, n: u64) -> Result<u64, TimedOut> {
        Ok(match (m, n) {
            (0, n) => n + 1,
            (m, 0) => ackermann(m - 1, 1)?,
            (m, n) => ackermann(m - 1, ackermann(m, n - 1)?)?,
        })
    }

    fn queens(size: usize, placed: &mut Vec<usize>) -> Result<u64, TimedOut> {
        if placed.len() == size {
            return Ok(1);
        }
        let mut solutions = 0;
        'columns: for column in 0..size {
            for (row, &other) in placed.iter().enumerate() {
                if other == column || other.abs_diff(column) == placed.len() - row {
                    continue 'columns;
                }
            }
            placed.push(column);
            solutions += queens(size, placed)?;
            placed.pop();
        }
        Ok(solutions)
    }

    fn sieve(limit: usize) -> Result<Vec<usize>, TimedOut> {
        let mut composite = vec![false; limit];
        let mut primes = Vec::new();
        for n in 2..limit {
            if composite[n] {
                continue;
            }
            primes.push(n);
            for multiple in (n * n..limit).step_by(n) {
                composite[multiple] = true;
            }
        }
        Ok(primes)
    }

    fn distance(a: &str, b: &str) -> Result<usize, TimedOut> {
        let mut row: Vec<usize> = (0..=b.chars().count()).collect();
        for (i, x) in a.chars().enumerate() {
            let mut corner = std::mem::replace(&mut row[0], i + 1);
            for (j, y) in b.chars().enumerate() {
                let cost = if x == y { corner } else { 1 + corner.min(row[j]).min(row[j + 1]) };
                corner = std::mem::replace(&mut row[j + 1], cost);
            }
        }
        Ok(row.pop().unwrap_or(0))
    }

    fn life(cells: &mut Vec<Vec<bool>>, generations: u32) -> Result<usize, TimedOut> {
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

    fn first_repeat(start: u64, modulus: u64) -> Result<(u64, Vec<u64>), TimedOut> {
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

fn matrix(size: usize) -> Vec<Vec<f64>> {
    numbers(size * size).chunks(size.max(1)).map(|row| row.iter().map(|n| *n as f64).collect()).collect()
}

/// Asserts that the versions agree on small inputs, and stop at their limit on a large one.
#[track_caller]
fn all_agree<I: Clone, T: PartialEq + Debug>(
    versions: [&dyn Fn(I) -> Result<T, TimedOut>; 5],
    small: &[I],
    large: I,
) {
    let [bare, checked, strided, unwinding, one_by_one] = versions;
    for input in small {
        let expected = bare(input.clone()).unwrap();
        for version in [checked, strided, unwinding, one_by_one] {
            assert_eq!(version(input.clone()).unwrap(), expected);
        }
    }

    let expired = Alarm::after(Duration::ZERO).unwrap();
    for version in [checked, strided, one_by_one] {
        assert!(expired.owns(&version(small[0].clone()).unwrap_err()));
    }
    assert!(expired.catch(|| unwinding(small[0].clone())).is_err());
    assert!(bare(small[0].clone()).is_ok());
    drop(expired);

    for version in [checked, strided, unwinding, one_by_one] {
        let input = large.clone();
        let start = Instant::now();
        let alarm = Alarm::after(Duration::from_micros(500)).unwrap();
        let timed_out = alarm.catch(|| version(input)).and_then(|answer| answer).unwrap_err();
        assert!(alarm.owns(&timed_out));
        assert_eq!(timed_out.location().file(), file!());
        assert!(start.elapsed() < Duration::from_secs(10));
    }
}

macro_rules! all_agree {
    ($name:ident, |$input:ident, $f:ident| $call:expr, $small:expr, $large:expr) => {
        #[test]
        fn $name() {
            all_agree(
                [
                    &|$input| {
                        let $f = bare::$name;
                        $call
                    },
                    &|$input| {
                        let $f = checked::$name;
                        $call
                    },
                    &|$input| {
                        let $f = strided::$name;
                        $call
                    },
                    &|$input| {
                        let $f = unwinding::$name;
                        $call
                    },
                    &|$input| {
                        let $f = one_by_one::$name;
                        $call
                    },
                ],
                &$small,
                $large,
            );
        }
    };
}

all_agree!(
    insertion_sort,
    |input, f| {
        let mut input: Vec<u64> = input;
        f(&mut input).map(|()| input)
    },
    [numbers(0), numbers(1), numbers(50)],
    numbers(100_000)
);
all_agree!(
    quicksort,
    |input, f| {
        let mut input: Vec<u64> = input;
        f(&mut input).map(|()| input)
    },
    [numbers(0), numbers(2), numbers(100)],
    numbers(1_000_000)
);
all_agree!(
    shortest_path,
    |input, f| {
        let (nodes, to): (u32, u32) = input;
        f(&graph(nodes), 0, to)
    },
    [(5, 3), (100, 99), (10, 1_000)],
    (20_000, 1_000_000)
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
    multiply,
    |input, f| {
        let m = matrix(input);
        f(&m, &m)
    },
    [0, 1, 7, 20],
    300
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
    ackermann,
    |input, f| {
        let (m, n) = input;
        f(m, n)
    },
    [(0, 0), (1, 2), (2, 3)],
    (3, 7)
);
all_agree!(queens, |input, f| f(input, &mut Vec::new()), [0, 1, 6], 20);
all_agree!(sieve, |input, f| f(input), [2, 3, 100], 3_000_000);
all_agree!(
    distance,
    |input, f| {
        let (a, b): (String, String) = input;
        f(&a, &b)
    },
    [(String::new(), "x".to_owned()), ("kitten".to_owned(), "sitting".to_owned())],
    ("abc".repeat(3_000), "bcd".repeat(3_000))
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
