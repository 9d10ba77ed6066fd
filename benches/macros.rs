//! The cost of `#[cooperative]`: each function bare, with checks written by hand, and with the attribute.
//!
//! ```text
//! cargo bench --features macros --bench macros
//! ```

mod paired;

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::hint::black_box;
use std::time::{Duration, Instant};

use paired::Group;
use sigalarm::{Alarm, TimedOut, checkpoint, cooperative};

type Answer<T> = Result<T, TimedOut>;

type Board = [[bool; 32]; 3];

/// Defines the functions with given attributes and checks, each in eight copies: a short loop that crosses a cache line
/// can run at half speed.
macro_rules! workloads {
    ($(#[$attribute:meta])* $name:ident: $($check:tt)*) => {
        $(#[$attribute])*
        mod $name {
            use super::*;

            #[inline(never)]
            pub fn hash<const PLACE: usize>(numbers: &[u64]) -> Result<u64, TimedOut> {
                $($check)*
                shift::<PLACE>();
                let mut hasher = DefaultHasher::new();
                for n in numbers {
                    $($check)*
                    feed(&mut hasher, n);
                }
                Ok(hasher.finish())
            }

            #[inline(never)]
            pub fn xorshift<const PLACE: usize>(count: u64) -> Result<u64, TimedOut> {
                $($check)*
                shift::<PLACE>();
                let mut x = count | 1;
                for _ in 0..count {
                    $($check)*
                    x ^= x << 13;
                    x ^= x >> 7;
                    x ^= x << 17;
                }
                Ok(x)
            }

            #[inline(never)]
            pub fn sum<const PLACE: usize>(numbers: &[u64]) -> Result<u64, TimedOut> {
                $($check)*
                shift::<PLACE>();
                let mut sum = 0;
                for n in numbers {
                    $($check)*
                    sum += n;
                }
                Ok(sum)
            }

            #[inline(never)]
            pub fn sum_of_products<const PLACE: usize>(numbers: &[i32]) -> Result<i32, TimedOut> {
                $($check)*
                shift::<PLACE>();
                let mut sum = 0_i32;
                for (a, b) in numbers.iter().zip(numbers) {
                    $($check)*
                    sum = sum.wrapping_add(a.wrapping_mul(*b));
                }
                Ok(sum)
            }

            #[inline(never)]
            pub fn ackermann<const PLACE: usize>((m, n): (u64, u64)) -> Result<u64, TimedOut> {
                $($check)*
                shift::<PLACE>();
                Ok(match (m, n) {
                    (0, n) => n + 1,
                    (m, 0) => ackermann::<PLACE>((m - 1, 1))?,
                    (m, n) => ackermann::<PLACE>((m - 1, ackermann::<PLACE>((m, n - 1))?))?,
                })
            }

            #[inline(never)]
            pub fn quicksort<const PLACE: usize>(numbers: &mut [u64]) -> Result<(), TimedOut> {
                $($check)*
                let [pivot, rest @ ..] = numbers else { return Ok(()) };
                shift::<PLACE>();
                let mut low = 0;
                for at in 0..rest.len() {
                    $($check)*
                    if rest[at] < *pivot {
                        rest.swap(low, at);
                        low += 1;
                    }
                }
                numbers.swap(0, low);
                let (left, right) = numbers.split_at_mut(low);
                quicksort::<PLACE>(left)?;
                quicksort::<PLACE>(&mut right[1..])
            }

            #[inline(never)]
            pub fn queens<const PLACE: usize>(
                (size, row): (usize, usize),
                taken: &mut Board,
            ) -> Result<u64, TimedOut> {
                $($check)*
                if row == size {
                    shift::<PLACE>();
                    return Ok(1);
                }
                let mut solutions = 0;
                for column in 0..size {
                    $($check)*
                    let [columns, rising, falling] = &mut *taken;
                    let lines =
                        [&mut columns[column], &mut rising[row + column], &mut falling[row + size - column]];
                    if lines.iter().any(|line| **line) {
                        continue;
                    }
                    lines.into_iter().for_each(|line| *line = true);
                    solutions += queens::<PLACE>((size, row + 1), taken)?;
                    taken[0][column] = false;
                    taken[1][row + column] = false;
                    taken[2][row + size - column] = false;
                }
                Ok(solutions)
            }
        }
    };
}

workloads!(bare:);
workloads!(#[allow(dead_code)] by_hand: checkpoint()?;);
workloads!(#[cooperative] #[allow(dead_code)] attribute:);
workloads!(#[cooperative(every = 1024)] #[allow(dead_code)] strided:);

macro_rules! accessors {
    ($(#[$attribute:meta])* $name:ident: $(#[$own:meta])*) => {
        $(#[$attribute])*
        mod $name {
            use super::*;

            $(#[$own])*
            fn weight(n: &u64) -> Result<u64, TimedOut> {
                Ok(*n & 0xffff)
            }

            #[inline(never)]
            pub fn sum_of_weights<const PLACE: usize>(numbers: &[u64]) -> Result<u64, TimedOut> {
                shift::<PLACE>();
                let mut sum = 0;
                for n in numbers {
                    sum += weight(n)?;
                }
                Ok(sum)
            }
        }
    };
}

accessors!(bare_accessor:);
accessors!(#[cooperative(every = 1024)] strided_block:);
accessors!(#[cooperative(every = 1024)] checked_accessor: #[cooperative]);

#[inline(always)]
fn shift<const PLACE: usize>() {
    if PLACE & 1 != 0 {
        black_box(1);
    }
    if PLACE & 2 != 0 {
        black_box((2, 3));
    }
    if PLACE & 4 != 0 {
        black_box((4, 5, 6, 7));
    }
}

/// Not inlined, because LLVM would inline SipHash into some of the loops only.
#[inline(never)]
fn feed(hasher: &mut DefaultHasher, n: &u64) {
    n.hash(hasher);
}

fn best_placed<F: Copy, T>(copies: [F; 8], mut run: impl FnMut(F) -> Answer<T>) -> impl FnMut() {
    let mut time = |f: F| {
        let turns = (0..100).map(|_| {
            let began = Instant::now();
            let _ = black_box(run(f));
            began.elapsed()
        });
        turns.min()
    };
    let best = copies.into_iter().min_by_key(|f| time(*f)).expect("eight copies");
    move || drop(black_box(run(best)))
}

macro_rules! group {
    ($title:expr, $work:ident($input:ident: $ty:ty) => $call:expr, [$first:ident $(, $other:ident)*]) => {
        Group::new($title)
            .variant(stringify!($first), group!(@placed $first::$work, $input: $ty, $call))
            $(.variant(stringify!($other), group!(@placed $other::$work, $input: $ty, $call)))*
            .run()
    };
    (@placed $version:ident::$work:ident, $input:ident: $ty:ty, $call:expr) => {
        best_placed(
            [
                $version::$work::<0>,
                $version::$work::<1>,
                $version::$work::<2>,
                $version::$work::<3>,
                $version::$work::<4>,
                $version::$work::<5>,
                $version::$work::<6>,
                $version::$work::<7>,
            ] as [$ty; 8],
            |$input| $call,
        )
    };
}

fn main() {
    // A long limit, so that no check expires.
    let _alarm = Alarm::after(Duration::from_secs(3600)).expect("arming");
    let numbers: Vec<u64> =
        (0..1 << 20_u64).map(|n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20).collect();
    let few = &numbers[..1024];
    let page = &numbers[..4096];
    let small: Vec<i32> = page.iter().map(|n| *n as i32).collect();

    type Numbers = fn(&[u64]) -> Answer<u64>;
    group!("1,024 numbers through SipHash", hash(f: Numbers) => f(black_box(few)), [bare, by_hand, attribute]);
    group!(
        "10,000 rounds of xorshift",
        xorshift(f: fn(u64) -> Answer<u64>) => f(black_box(10_000)),
        [bare, by_hand, attribute]
    );
    group!(
        "ackermann(2, 30)",
        ackermann(f: fn((u64, u64)) -> Answer<u64>) => f(black_box((2, 30))),
        [by_hand, attribute, bare]
    );
    group!(
        "quicksort of 1,024 numbers",
        quicksort(f: fn(&mut [u64]) -> Answer<()>) => f(&mut black_box(few).to_vec()),
        [by_hand, attribute, bare]
    );
    group!(
        "queens on a board of 7",
        queens(f: fn((usize, usize), &mut Board) -> Answer<u64>) => f((7, 0), &mut black_box([[false; 32]; 3])),
        [by_hand, attribute, bare]
    );
    group!("sum of 4,096 numbers", sum(f: Numbers) => f(black_box(page)), [bare, strided, by_hand]);
    group!("sum of 1,048,576 numbers", sum(f: Numbers) => f(black_box(&numbers)), [bare, strided, by_hand]);
    group!(
        "sum of 4,096 products",
        sum_of_products(f: fn(&[i32]) -> Answer<i32>) => f(black_box(&small)),
        [bare, strided, by_hand]
    );
    group!(
        "sum of 4,096 numbers through an accessor",
        sum_of_weights(f: Numbers) => f(black_box(page)),
        [bare_accessor, strided_block, checked_accessor]
    );
}
