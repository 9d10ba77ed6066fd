//! Against a loop written by hand.

use super::folded;
use crate::alarms::never;
use sigalarm::{Alarm, IteratorExt, TimedOut};

/// Rings the alarm when `ring_at` of the numbers from 0 to `len` have been taken.
#[derive(Clone)]
struct Ringing<'a> {
    front: usize,
    back: usize,
    taken: usize,
    ring_at: usize,
    alarm: &'a Alarm,
}

impl<'a> Ringing<'a> {
    fn new(alarm: &'a Alarm, len: usize, ring_at: usize) -> Ringing<'a> {
        alarm.restart();
        if ring_at == 0 {
            alarm.ring();
        }
        Ringing { front: 0, back: len, taken: 0, ring_at, alarm }
    }

    fn pop(&mut self, from_back: bool) -> Option<usize> {
        if self.front == self.back {
            return None;
        }
        self.taken += 1;
        if self.taken == self.ring_at {
            self.alarm.ring();
        }
        if from_back {
            self.back -= 1;
            Some(self.back)
        } else {
            self.front += 1;
            Some(self.front - 1)
        }
    }
}

impl Iterator for Ringing<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        self.pop(false)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.back - self.front;
        (left, Some(left))
    }
}

impl DoubleEndedIterator for Ringing<'_> {
    fn next_back(&mut self) -> Option<usize> {
        self.pop(true)
    }
}

/// Returns the items that the loop takes, and whether a check ended it with items left.
fn by_hand(mut items: Ringing<'_>, stride: usize, from_back: impl Fn(usize) -> bool) -> (Vec<usize>, bool) {
    let mut taken = Vec::new();
    for round in 0.. {
        if round % stride == 0 && items.alarm.check().is_err() {
            return (taken, items.front != items.back);
        }
        match items.pop(from_back(round)) {
            Some(item) => taken.push(item),
            None => break,
        }
    }
    (taken, false)
}

type Items = Vec<Result<usize, TimedOut>>;

/// Returns the items before the first error, and whether there was one. The error must be last.
fn split(items: Items) -> (Vec<usize>, bool) {
    let all = items.len();
    let taken: Vec<usize> = items.into_iter().map_while(Result::ok).collect();
    assert!(taken.len() + 1 >= all, "something follows the error");
    let erred = taken.len() < all;
    (taken, erred)
}

/// Pulls every item and compares the size hint with the count.
fn pull<I>(mut items: I, from_back: impl Fn(usize) -> bool) -> Vec<I::Item>
where
    I: DoubleEndedIterator,
{
    let (mut hints, mut all) = (Vec::new(), Vec::new());
    for round in 0.. {
        hints.push(items.size_hint());
        match if from_back(round) { items.next_back() } else { items.next() } {
            Some(item) => all.push(item),
            None => break,
        }
    }
    for (taken, (lower, upper)) in hints.into_iter().enumerate() {
        let left = all.len() - taken;
        assert!(lower <= left, "{left} left, at least {lower} promised");
        assert!(upper.is_none_or(|upper| left <= upper), "{left} left, at most {upper:?} promised");
    }
    for _ in 0..3 {
        assert!(items.next().is_none() && items.next_back().is_none(), "not fused");
        assert_eq!(items.size_hint(), (0, Some(0)));
    }
    all
}

const STRIDES: [usize; 6] = [1, 2, 3, 5, 8, usize::MAX];
const ENDS: [fn(usize) -> bool; 4] = [|_| false, |_| true, |n| n % 2 == 1, |n| n % 3 == 0];

fn unsized_items(items: Ringing<'_>) -> impl DoubleEndedIterator<Item = usize> {
    items.filter(|_| true)
}

fn scenarios() -> impl Iterator<Item = (usize, usize)> {
    (0..=9).flat_map(|len| (0..=len + 1).map(move |ring_at| (len, ring_at)))
}

#[test]
fn checked_does_what_the_loop_by_hand_does() {
    let alarm = never();
    for (len, ring_at) in scenarios() {
        let case = format!("{len} items, ring at {ring_at}");
        let items = || Ringing::new(&alarm, len, ring_at);
        for from_back in ENDS {
            let expected = by_hand(items(), 1, from_back);
            assert_eq!(split(pull(items().checked(&alarm), from_back)), expected, "{case}");
            let unsized_ = unsized_items(items()).checked(&alarm);
            assert_eq!(split(pull(unsized_, from_back)), expected, "{case}, unsized");
        }
        let expected = by_hand(items(), 1, |_| false);
        assert_eq!(split(folded(items().checked(&alarm))), expected, "{case}");
        assert_eq!(split(folded(unsized_items(items()).checked(&alarm))), expected, "{case}, unsized");
    }
}

#[test]
fn checked_every_does_what_the_loop_by_hand_does() {
    /// Some items are pulled, the rest folded. The stride continues.
    fn pulled_and_folded<I: Iterator>(mut items: I, first: usize) -> Vec<I::Item> {
        let mut all: Vec<_> = items.by_ref().take(first).collect();
        all.extend(folded(items));
        all
    }
    let alarm = never();
    for stride in STRIDES {
        for (len, ring_at) in scenarios() {
            let case = format!("{len} items, ring at {ring_at}, stride {stride}");
            let items = || Ringing::new(&alarm, len, ring_at);
            for from_back in ENDS {
                let expected = by_hand(items(), stride, from_back);
                let pulled = pull(items().checked_every(stride, &alarm), from_back);
                assert_eq!(split(pulled), expected, "{case}");
                let pulled = pull(unsized_items(items()).checked_every(stride, &alarm), from_back);
                assert_eq!(split(pulled), expected, "{case}, unsized");
            }
            for first in 0..=3 {
                let expected = by_hand(items(), stride, |_| false);
                let all = pulled_and_folded(items().checked_every(stride, &alarm), first);
                assert_eq!(split(all), expected, "{case}, the first {first} pulled");
                let all = pulled_and_folded(unsized_items(items()).checked_every(stride, &alarm), first);
                assert_eq!(split(all), expected, "{case}, the first {first} pulled, unsized");
            }
        }
    }
}

#[test]
fn until_does_what_the_loop_by_hand_does_and_says_why() {
    let alarm = never();
    for (len, ring_at) in scenarios() {
        let case = format!("{len} items, ring at {ring_at}");
        let items = || Ringing::new(&alarm, len, ring_at);
        for from_back in ENDS {
            let expected = by_hand(items(), 1, from_back);
            let mut until = items().until(&alarm);
            let taken = pull(&mut until, from_back);
            assert_eq!((taken, until.timed_out().is_some()), expected, "{case}");
            let mut until = unsized_items(items()).until(&alarm);
            let taken = pull(&mut until, from_back);
            assert_eq!((taken, until.timed_out().is_some()), expected, "{case}, unsized");
        }
        let (expected, _) = by_hand(items(), 1, |_| false);
        assert_eq!(folded(items().until(&alarm)), expected, "{case}");
    }
}
