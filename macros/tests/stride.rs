//! `every = …` and the bare loop do the same in the same order. Checks are at the first turn and then at each n-th.

#![deny(unused_labels)]

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use sigalarm::{TimedOut, cooperative};

/// An alarm that counts its checks, with a log.
#[derive(Default)]
struct Probe {
    checks: Cell<u32>,
    seen: RefCell<Vec<i64>>,
}

impl Probe {
    fn check(&self) -> Result<(), TimedOut> {
        self.checks.set(self.checks.get() + 1);
        Ok(())
    }

    fn see(&self, n: impl Into<i64>) {
        self.seen.borrow_mut().push(n.into());
    }
}

/// Defines each function with and without strides, and asserts equal values and logs.
macro_rules! same {
    ($(fn $name:ident($probe:ident: &Probe, $n:ident: i64) -> Result<i64, TimedOut> $body:block)*) => {
        mod bare {
            use super::*;
            $(pub fn $name($probe: &Probe, $n: i64) -> Result<i64, TimedOut> $body)*
        }
        same!(@stride one 1 $(fn $name($probe, $n) $body)*);
        same!(@stride two 2 $(fn $name($probe, $n) $body)*);
        same!(@stride three 3 $(fn $name($probe, $n) $body)*);
        same!(@stride four 4 $(fn $name($probe, $n) $body)*);
        same!(@stride seven 7 $(fn $name($probe, $n) $body)*);
        same!(@stride many 1024 $(fn $name($probe, $n) $body)*);

        $(
            #[test]
            fn $name() {
                let strided = [one::$name, two::$name, three::$name, four::$name, seven::$name, many::$name];
                for n in 0..40 {
                    let expected = Probe::default();
                    let value = bare::$name(&expected, n).unwrap();
                    for strided in strided {
                        let probe = Probe::default();
                        assert_eq!(strided(&probe, n).unwrap(), value, "{} of {n}", stringify!($name));
                        assert_eq!(probe.seen, expected.seen, "{} of {n}", stringify!($name));
                    }
                }
            }
        )*
    };
    (@stride $stride:ident $every:tt $(fn $name:ident($probe:ident, $n:ident) $body:block)*) => {
        mod $stride {
            use super::*;
            $(
                #[cooperative(every = $every, alarm = $probe)]
                pub fn $name($probe: &Probe, $n: i64) -> Result<i64, TimedOut> $body
            )*
        }
    };
}

/// An item that logs its drop.
struct Item<'a>(&'a Probe, i64);

impl Drop for Item<'_> {
    fn drop(&mut self) {
        self.0.see(-self.1);
    }
}

/// An iterator that panics if `next` is called after the end.
struct Unfused(VecDeque<Option<i64>>);

impl Iterator for Unfused {
    type Item = i64;

    fn next(&mut self) -> Option<i64> {
        self.0.pop_front().expect("`next` after the end")
    }
}

macro_rules! leave_if {
    ($condition:expr) => {
        if $condition {
            break;
        }
    };
}

macro_rules! next_if {
    ($condition:expr) => {
        if $condition {
            continue;
        }
    };
}

fn items(probe: &Probe, n: i64) -> impl Iterator<Item = Item<'_>> {
    (1..=n).inspect(|i| probe.see(1000 + i)).map(|i| Item(probe, i))
}

same! {
    fn continues(probe: &Probe, n: i64) -> Result<i64, TimedOut> {
        let mut sum = 0;
        for i in 0..n {
            if i % 3 == 0 {
                continue;
            }
            sum += i;
            match i % 5 {
                0 => continue,
                1 => {}
                _ => sum += 1,
            }
            probe.see(i);
        }
        for i in 0..n {
            next_if!(i % 3 == 0);
            probe.see(i);
        }
        Ok(sum)
    }

    fn breaks(probe: &Probe, n: i64) -> Result<i64, TimedOut> {
        let mut sum = 0;
        for i in 0..n {
            if sum > 100 {
                break;
            }
            sum += i;
            probe.see(i);
        }
        for i in 0..n {
            leave_if!(i > 11);
            probe.see(i);
        }
        Ok(sum)
    }

    fn returns(probe: &Probe, n: i64) -> Result<i64, TimedOut> {
        for i in 0..n {
            probe.see(i);
            if i == 17 {
                return Ok(i);
            }
        }
        Ok(-1)
    }

    fn nests(probe: &Probe, n: i64) -> Result<i64, TimedOut> {
        let mut sum = 0;
        for i in 0..n {
            for j in i..n {
                for k in j..n.min(j + 3) {
                    sum += i * j + k;
                }
                probe.see(sum);
            }
        }
        Ok(sum)
    }

    fn jumps_between_loops(probe: &Probe, n: i64) -> Result<i64, TimedOut> {
        let mut sum = 0;
        'outer: for i in 0..n {
            'inner: for j in 0..n {
                for k in 0..n {
                    match (i + j + k) % 7 {
                        0 => continue,
                        1 => continue 'inner,
                        2 => continue 'outer,
                        3 if sum > 500 => break 'inner,
                        4 if sum > 900 => break 'outer,
                        _ => sum += 1,
                    }
                    probe.see(k);
                }
                probe.see(-j);
            }
        }
        Ok(sum)
    }

    fn jumps_out_of_a_head(probe: &Probe, n: i64) -> Result<i64, TimedOut> {
        for i in 0..n {
            for j in if i % 2 == 0 { continue } else { 0..i } {
                probe.see(j);
            }
        }
        for i in 0..n {
            for j in if i > 5 { break } else { 0..i } {
                probe.see(j);
            }
        }
        Ok(0)
    }

    fn continues_both_loops(probe: &Probe, n: i64) -> Result<i64, TimedOut> {
        'outer: for i in 0..n {
            for j in 0..n {
                if j % 3 == 0 {
                    continue;
                }
                if j > i {
                    continue 'outer;
                }
                probe.see(j);
            }
            probe.see(-i);
        }
        Ok(0)
    }

    fn hides_a_label(probe: &Probe, n: i64) -> Result<i64, TimedOut> {
        'a: for i in 0..n {
            let 0..30 = i else { continue };
            #[allow(clippy::never_loop)]
            for j in 0..n {
                probe.see(j);
                continue 'a;
            }
        }
        Ok(0)
    }

    fn other_loops(probe: &Probe, n: i64) -> Result<i64, TimedOut> {
        let (mut i, mut stack) = (0, (0..n).collect::<Vec<_>>());
        while i < n {
            i += 1;
            if i % 2 == 0 {
                continue;
            }
            probe.see(i);
        }
        while let Some(top) = stack.pop() {
            if top % 3 == 0 {
                continue;
            }
            probe.see(top);
        }
        Ok('a: loop {
            i -= 1;
            loop {
                i -= 2;
                if i < 0 {
                    break 'a i;
                }
                if i % 4 == 0 {
                    continue 'a;
                }
                probe.see(i);
            }
        })
    }

    fn drops_each_item_in_its_turn(probe: &Probe, n: i64) -> Result<i64, TimedOut> {
        for _ in items(probe, n) {
            probe.see(0);
        }
        for item in items(probe, n) {
            probe.see(item.1);
        }
        for Item(_, ref i) in items(probe, n) {
            if i % 2 == 0 {
                continue;
            }
            probe.see(*i);
        }
        for item in items(probe, n) {
            if item.1 == 9 {
                break;
            }
            drop(item);
            probe.see(0);
        }
        Ok(0)
    }

    fn never_calls_next_after_the_end(_probe: &Probe, n: i64) -> Result<i64, TimedOut> {
        let mut sum = 0;
        for i in Unfused((0..n).map(Some).chain([None]).collect()) {
            sum += i;
        }
        Ok(sum)
    }

    fn moves_and_assigns_once(probe: &Probe, n: i64) -> Result<i64, TimedOut> {
        let (owned, last);
        let text = String::from("moved");
        let mut taken = None;
        for i in 0..n {
            if i == 4 {
                taken = Some(text);
                break;
            }
        }
        #[allow(clippy::never_loop)]
        for i in 0..n {
            owned = Some(i);
            last = owned.unwrap_or(0);
            probe.see(last);
            return Ok(last + taken.map_or(0, |text| text.len() as i64));
        }
        Ok(0)
    }

    fn patterns_and_attributes(probe: &Probe, n: i64) -> Result<i64, TimedOut> {
        let pairs: Vec<(i64, [i64; 2])> = (0..n).map(|i| (i, [i, -i])).collect();
        let mut sum = 0;
        #[allow(clippy::toplevel_ref_arg)]
        for &(mut a, [ref b, ..]) in &pairs {
            a += *b;
            sum += a;
            let left = sum;
            let (item, items) = (left, left);
            probe.see(item + items);
        }
        for i in 0..n {
            #![allow(unused_variables)]
            probe.see(1);
        }
        for (i, [a, b]) in pairs {
            sum += i * a - b
        }
        let () = for i in (0..n).rev() {
            probe.see(i)
        };
        Ok(sum)
    }

    fn borrows_for_as_long_as_it_runs(probe: &Probe, n: i64) -> Result<i64, TimedOut> {
        fn tail(n: i64) -> i64 {
            let sum = Cell::new(0);
            let add = || {
                let cell = RefCell::new((0..n).collect::<Vec<_>>());
                #[cooperative(every = 3, unwind)]
                fn nothing() {}
                nothing();
                for i in cell.borrow().iter() {
                    sum.set(sum.get() + i);
                }
            };
            add();
            sum.get()
        }
        let cell = RefCell::new(vec![n; 5]);
        for i in cell.borrow().iter() {
            probe.see(*i);
        }
        {
            let cell = RefCell::new(vec![n; 5]);
            for i in cell.borrow_mut().drain(..) {
                probe.see(i);
            }
        }
        cell.borrow_mut().clear();
        Ok(tail(n))
    }
}

#[track_caller]
fn assert_checks(checks: u32, run: impl FnOnce(&Probe)) {
    let probe = Probe::default();
    run(&probe);
    assert_eq!(probe.checks.get(), checks);
}

#[test]
fn checks_are_at_the_first_turn_and_then_at_each_nth() {
    #[cooperative(every = 4, alarm = probe)]
    fn batches(probe: &Probe, n: u32) -> Result<(), TimedOut> {
        for _ in 0..n {}
        Ok(())
    }

    #[cooperative(every = 4, alarm = probe)]
    fn counted(probe: &Probe, n: u32) -> Result<(), TimedOut> {
        for i in 0.. {
            if i == n {
                break;
            }
        }
        Ok(())
    }

    for n in 0..30_u32 {
        // 1: the check at the entry. A counted loop counts the turn with the `break`.
        assert_checks(1 + n.div_ceil(4), |probe| batches(probe, n).unwrap());
        assert_checks(1 + (n + 1).div_ceil(4), |probe| counted(probe, n).unwrap());
    }
}

#[test]
fn strides_of_nested_loops_do_not_multiply() {
    #[cooperative(every = 1000, alarm = probe)]
    fn nested(probe: &Probe) -> Result<(), TimedOut> {
        for _ in 0..10 {
            for _ in 0..10 {}
            let mut n = 10;
            while n > 0 {
                n -= 1;
            }
        }
        Ok(())
    }
    assert_checks(1 + 1 + 10 + 10, |probe| nested(probe).unwrap());
}

#[test]
fn longest_stride() {
    #[cooperative(every = 4294967295, alarm = probe)]
    fn long(probe: &Probe) -> Result<i32, TimedOut> {
        for _ in 0..1000 {}
        let mut n = 1000;
        Ok(loop {
            n -= 1;
            if n == 0 {
                break n;
            }
        })
    }
    assert_checks(3, |probe| assert_eq!(long(probe).unwrap(), 0));
}
