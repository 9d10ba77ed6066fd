//! The cost of the adapters: each loop with and without checks, in turn. Prints the median of the ratios.
//!
//! `cargo bench --bench adapters -- NAME` runs those whose name contains NAME.

use std::hash::{DefaultHasher, Hasher};
use std::hint::black_box;
use std::time::{Duration, Instant};

use sigalarm::{Alarm, Best, IteratorExt, TimedOut};

/// Makes eight copies of a function at different addresses. A short loop that crosses a cache line can run at half
/// speed, so the fastest copy is measured.
macro_rules! copies {
    ($f:ident) => {
        [$f::<0>, $f::<1>, $f::<2>, $f::<3>, $f::<4>, $f::<5>, $f::<6>, $f::<7>]
    };
}

fn main() {
    let wanted = std::env::args().skip(1).find(|arg| !arg.starts_with('-')).unwrap_or_default();
    // Far away, so that no check expires.
    let alarm = &Alarm::after(Duration::from_secs(3_600)).expect("an alarm can be armed");
    let numbers: Vec<u64> = (0..32_768).map(|n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20).collect();
    let numbers = numbers.as_slice();
    let many: Vec<u64> = numbers.iter().copied().cycle().take(1 << 20).collect();
    let many = many.as_slice();
    let few = &numbers[..1_024];

    let pair = |name: &str, bare: &mut dyn FnMut() -> u64, guarded: &mut dyn FnMut() -> u64| {
        if name.contains(&wanted) {
            compare(name, bare, guarded);
        }
    };

    println!("{:48} {:>12} {:>12} {:>7}", "", "bare", "guarded", "ratio");
    let bare = best_placed(copies!(sum), numbers, alarm);
    let again = best_placed(copies!(sum_again), numbers, alarm);
    let chunks = best_placed(copies!(sum_chunks), numbers, alarm);
    pair("sum, 256 KiB: bare again", &mut || bare(numbers, 0, alarm), &mut || again(numbers, 0, alarm));
    for (name, numbers, chunk) in [
        ("sum, 256 KiB: chunks(1024).checked", numbers, 1_024),
        ("sum, 256 KiB: chunks(4096).checked", numbers, 4_096),
        ("sum, 256 KiB: chunks(16384).checked", numbers, 16_384),
        ("sum, 8 MiB: chunks(16384).checked", many, 16_384),
    ] {
        pair(name, &mut || bare(numbers, 0, alarm), &mut || chunks(numbers, chunk, alarm));
    }
    pair("sum, 256 KiB: checked", &mut || bare(numbers, 0, alarm), &mut || {
        sum_checked(numbers, alarm).unwrap()
    });
    pair("sum, 256 KiB: checked_every(1024)", &mut || bare(numbers, 0, alarm), &mut || {
        sum_every(numbers, alarm).unwrap()
    });
    pair("xorshift: checked", &mut || xorshift(1..4_096), &mut || {
        try_xorshift((1..4_096).checked(alarm)).unwrap()
    });
    pair("xorshift: checked_every(1024)", &mut || xorshift(1..4_096), &mut || {
        try_xorshift((1..4_096).checked_every(1_024, alarm)).unwrap()
    });
    pair("xorshift: until", &mut || xorshift(1..4_096), &mut || xorshift((1..4_096).until(alarm)));
    pair("sum of a chain: checked, by fold / by for", &mut || fold_chain(numbers, alarm), &mut || {
        for_chain(numbers, alarm)
    });
    pair("hash: check by hand", &mut || hash(few), &mut || hash_by_hand(few, alarm).unwrap());
    pair("hash: checked", &mut || hash(few), &mut || hash_checked(few, alarm).unwrap());
    pair("hash: until", &mut || hash(few), &mut || hash_until(few, alarm));
    pair("hash: unwind_if_expired", &mut || hash(few), &mut || hash_unwinding(few, alarm));
    pair("sort_by: unwind_if_expired", &mut || sort(few, |_| ()), &mut || {
        sort(few, |()| alarm.unwind_if_expired())
    });
    pair("lowest of 32768: Best::offer", &mut || lowest(numbers), &mut || lowest_offered(numbers));
    pair("nothing, 1000 times: catch", &mut || thousand(|| Ok(black_box(1))), &mut || {
        thousand(|| alarm.catch(|| black_box(1)))
    });

    let expired = &Alarm::after(Duration::ZERO).expect("an alarm can be armed");
    pair(
        "one expired, xorshift: checked_every / checked",
        &mut || try_xorshift((1..4_096).checked_every(1_024, alarm)).unwrap(),
        &mut || try_xorshift((1..4_096).checked(alarm)).unwrap(),
    );
    pair(
        "expired, 1000 times: check / catch + unwind",
        &mut || thousand(|| expired.check().map(|()| 1)),
        &mut || {
            thousand(|| {
                expired.catch(|| {
                    expired.unwind_if_expired();
                    1
                })
            })
        },
    );
}

fn compare(name: &str, bare: &mut dyn FnMut() -> u64, guarded: &mut dyn FnMut() -> u64) {
    let time = |f: &mut dyn FnMut() -> u64| {
        let start = Instant::now();
        black_box(f());
        start.elapsed().as_nanos() as f64
    };
    let (mut bares, mut guardeds, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let end = Instant::now() + Duration::from_millis(1_500);
    while Instant::now() < end {
        // Alternates the order, because the second finds warm caches.
        let (b, g) = if ratios.len() % 2 == 0 {
            let b = time(bare);
            (b, time(guarded))
        } else {
            let g = time(guarded);
            (time(bare), g)
        };
        bares.push(b);
        guardeds.push(g);
        ratios.push(g / b);
    }
    let (b, g, r) = (median(bares), median(guardeds), median(ratios));
    println!("{name:48} {b:>9.0} ns {g:>9.0} ns {r:>7.3}");
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

type Sum = fn(&[u64], usize, &Alarm) -> u64;

fn best_placed(copies: [Sum; 8], numbers: &[u64], alarm: &Alarm) -> Sum {
    let time = |f: Sum| {
        let fastest = (0..200).map(|_| {
            let start = Instant::now();
            black_box(f(black_box(numbers), 16_384, alarm));
            start.elapsed()
        });
        fastest.min()
    };
    copies.into_iter().min_by_key(|f| time(*f)).expect("eight copies")
}

#[inline(never)]
fn sum<const COPY: usize>(numbers: &[u64], _: usize, _: &Alarm) -> u64 {
    black_box(COPY);
    numbers.iter().sum()
}

/// The same body, which shows the error of a ratio.
#[inline(never)]
fn sum_again<const COPY: usize>(numbers: &[u64], _: usize, _: &Alarm) -> u64 {
    black_box(COPY + 8);
    numbers.iter().sum()
}

#[inline(never)]
fn sum_chunks<const COPY: usize>(numbers: &[u64], chunk: usize, alarm: &Alarm) -> u64 {
    fn checked(numbers: &[u64], chunk: usize, alarm: &Alarm) -> Result<u64, TimedOut> {
        let mut sum = 0;
        for chunk in numbers.chunks(chunk).checked(alarm) {
            sum += chunk?.iter().sum::<u64>();
        }
        Ok(sum)
    }
    black_box(COPY);
    checked(numbers, chunk, alarm).expect("a long limit")
}

#[inline(never)]
fn sum_checked(numbers: &[u64], alarm: &Alarm) -> Result<u64, TimedOut> {
    let mut sum = 0;
    for n in numbers.iter().checked(alarm) {
        sum += n?;
    }
    Ok(sum)
}

#[inline(never)]
fn sum_every(numbers: &[u64], alarm: &Alarm) -> Result<u64, TimedOut> {
    let mut sum = 0;
    for n in numbers.iter().checked_every(1_024, alarm) {
        sum += n?;
    }
    Ok(sum)
}

fn step(x: u64) -> u64 {
    let x = x ^ (x << 13);
    let x = x ^ (x >> 7);
    x ^ (x << 17)
}

#[inline(never)]
fn xorshift(steps: impl Iterator<Item = u64>) -> u64 {
    let mut x = 1;
    for _ in steps {
        x = step(x);
    }
    x
}

#[inline(never)]
fn try_xorshift(steps: impl Iterator<Item = Result<u64, TimedOut>>) -> Result<u64, TimedOut> {
    let mut x = 1;
    for n in steps {
        n?;
        x = step(x);
    }
    Ok(x)
}

#[inline(never)]
fn fold_chain(numbers: &[u64], alarm: &Alarm) -> u64 {
    numbers.iter().chain(numbers).checked(alarm).fold(0, |sum, n| sum + n.expect("a long limit"))
}

#[inline(never)]
fn for_chain(numbers: &[u64], alarm: &Alarm) -> u64 {
    let mut sum = 0;
    for n in numbers.iter().chain(numbers).checked(alarm) {
        sum += n.expect("a long limit");
    }
    sum
}

#[inline(never)]
fn hash(numbers: &[u64]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for n in numbers {
        hasher.write_u64(*n);
    }
    hasher.finish()
}

#[inline(never)]
fn hash_by_hand(numbers: &[u64], alarm: &Alarm) -> Result<u64, TimedOut> {
    let mut hasher = DefaultHasher::new();
    for n in numbers {
        alarm.check()?;
        hasher.write_u64(*n);
    }
    Ok(hasher.finish())
}

#[inline(never)]
fn hash_checked(numbers: &[u64], alarm: &Alarm) -> Result<u64, TimedOut> {
    let mut hasher = DefaultHasher::new();
    for n in numbers.iter().checked(alarm) {
        hasher.write_u64(*n?);
    }
    Ok(hasher.finish())
}

#[inline(never)]
fn hash_until(numbers: &[u64], alarm: &Alarm) -> u64 {
    let mut hasher = DefaultHasher::new();
    for n in numbers.iter().until(alarm) {
        hasher.write_u64(*n);
    }
    hasher.finish()
}

#[inline(never)]
fn hash_unwinding(numbers: &[u64], alarm: &Alarm) -> u64 {
    let mut hasher = DefaultHasher::new();
    for n in numbers {
        alarm.unwind_if_expired();
        hasher.write_u64(*n);
    }
    hasher.finish()
}

#[inline(never)]
fn sort(numbers: &[u64], check: impl Fn(())) -> u64 {
    let mut numbers = numbers.to_vec();
    numbers.sort_by(|a, b| {
        check(());
        step(*a).cmp(&step(*b))
    });
    numbers[0]
}

#[inline(never)]
fn lowest(numbers: &[u64]) -> u64 {
    let mut lowest = None;
    for (at, &n) in numbers.iter().enumerate() {
        let score = step(n ^ 1);
        if lowest.is_none_or(|(best, _)| score < best) {
            lowest = Some((score, at));
        }
    }
    lowest.map_or(0, |(_, at)| at as u64)
}

#[inline(never)]
fn lowest_offered(numbers: &[u64]) -> u64 {
    let mut best = Best::lowest();
    for (at, &n) in numbers.iter().enumerate() {
        best.offer(step(n ^ 1), || at);
    }
    best.answer().map_or(0, |at| *at as u64)
}

#[inline(never)]
fn thousand(mut f: impl FnMut() -> Result<u64, TimedOut>) -> u64 {
    (0..1_000).map(|_| f().unwrap_or(0)).sum()
}
