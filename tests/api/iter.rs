//! Iterators under a limit, against a loop written by hand.

use std::panic::Location;
use std::time::Duration;

use sigalarm::{Alarm, IteratorExt, TimedOut};

fn never() -> Alarm {
    Alarm::never().expect("arming")
}

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

fn folded<I: Iterator>(items: I) -> Vec<I::Item> {
    items.fold(Vec::new(), |mut all, item| {
        all.push(item);
        all
    })
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
        for from_back in ENDS {
            let expected = by_hand(Ringing::new(&alarm, len, ring_at), 1, from_back);
            let pulled = pull(Ringing::new(&alarm, len, ring_at).checked(&alarm), from_back);
            assert_eq!(split(pulled), expected, "{len} items, ring at {ring_at}");
            let items = unsized_items(Ringing::new(&alarm, len, ring_at)).checked(&alarm);
            assert_eq!(split(pull(items, from_back)), expected, "{len} items, ring at {ring_at}, unsized");
        }
        let expected = by_hand(Ringing::new(&alarm, len, ring_at), 1, |_| false);
        let folded = folded(Ringing::new(&alarm, len, ring_at).checked(&alarm));
        assert_eq!(split(folded), expected, "{len} items, ring at {ring_at}");
        let folded = self::folded(unsized_items(Ringing::new(&alarm, len, ring_at)).checked(&alarm));
        assert_eq!(split(folded), expected, "{len} items, ring at {ring_at}, unsized");
    }
}

#[test]
fn checked_every_does_what_the_loop_by_hand_does() {
    let alarm = never();
    for stride in STRIDES {
        for (len, ring_at) in scenarios() {
            let case = format!("{len} items, ring at {ring_at}, stride {stride}");
            for from_back in ENDS {
                let expected = by_hand(Ringing::new(&alarm, len, ring_at), stride, from_back);
                let items = Ringing::new(&alarm, len, ring_at).checked_every(stride, &alarm);
                assert_eq!(split(pull(items, from_back)), expected, "{case}");
                let items = unsized_items(Ringing::new(&alarm, len, ring_at)).checked_every(stride, &alarm);
                assert_eq!(split(pull(items, from_back)), expected, "{case}, unsized");
            }
            // Some items are pulled, the rest folded. The stride continues.
            for first in 0..=3 {
                let expected = by_hand(Ringing::new(&alarm, len, ring_at), stride, |_| false);
                let mut items = Ringing::new(&alarm, len, ring_at).checked_every(stride, &alarm);
                let mut all: Vec<_> = items.by_ref().take(first).collect();
                all.extend(folded(items));
                assert_eq!(split(all), expected, "{case}, the first {first} pulled");
                let items = unsized_items(Ringing::new(&alarm, len, ring_at));
                let mut items = items.checked_every(stride, &alarm);
                let mut all: Vec<_> = items.by_ref().take(first).collect();
                all.extend(folded(items));
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
        for from_back in ENDS {
            let expected = by_hand(Ringing::new(&alarm, len, ring_at), 1, from_back);
            let mut items = Ringing::new(&alarm, len, ring_at).until(&alarm);
            let taken = pull(&mut items, from_back);
            assert_eq!((taken, items.timed_out().is_some()), expected, "{case}");
            let mut items = unsized_items(Ringing::new(&alarm, len, ring_at)).until(&alarm);
            let taken = pull(&mut items, from_back);
            assert_eq!((taken, items.timed_out().is_some()), expected, "{case}, unsized");
        }
        let (expected, _) = by_hand(Ringing::new(&alarm, len, ring_at), 1, |_| false);
        assert_eq!(folded(Ringing::new(&alarm, len, ring_at).until(&alarm)), expected, "{case}");
    }
}

#[test]
fn expiry_during_the_last_item_is_no_error() {
    let alarm = never();
    let ring_at_3 = |n: u32| {
        if n == 3 {
            alarm.ring();
        }
        n
    };
    let sized = || {
        alarm.restart();
        (1..=3).map(ring_at_3)
    };
    let all = |items: Vec<Result<u32, TimedOut>>| {
        assert!(alarm.check().is_err(), "it has not expired");
        assert_eq!(items.into_iter().collect::<Result<Vec<_>, _>>().unwrap(), [1, 2, 3]);
    };
    all(sized().checked(&alarm).collect());
    all(sized().filter(|_| true).checked(&alarm).collect());
    all(folded(sized().checked(&alarm)));
    all(folded(sized().filter(|_| true).checked(&alarm)));
    all(sized().checked_every(3, &alarm).collect());
    all(folded(sized().filter(|_| true).checked_every(3, &alarm)));

    let mut items = sized().filter(|_| true).until(&alarm);
    assert_eq!(items.by_ref().count(), 3);
    assert!(items.timed_out().is_none());

    alarm.restart();
    let sum = || -> Result<u32, TimedOut> {
        let mut sum = 0;
        for n in (1..=3).checked(&alarm) {
            sum += ring_at_3(n?);
        }
        Ok(sum)
    };
    assert_eq!(sum().unwrap(), 6);
}

#[test]
fn without_a_size_one_item_is_taken_after_the_expiry() {
    let alarm = never();
    let mut numbers = 0..100;
    let mut next = || numbers.next();
    let mut items = std::iter::from_fn(&mut next).checked(&alarm);
    assert_eq!(items.next().unwrap().unwrap(), 0);
    alarm.ring();
    assert!(items.next().unwrap().is_err());
    assert!(items.next().is_none());
    assert_eq!(numbers.next(), Some(2));
}

#[test]
fn expiry_after_the_end_is_no_error() {
    let alarm = never();
    let mut until = (0..3).until(&alarm);
    let mut checked = (0..3).checked(&alarm);
    let mut every = (0..3).checked_every(2, &alarm);
    assert_eq!((until.by_ref().count(), checked.by_ref().count(), every.by_ref().count()), (3, 3, 3));
    alarm.ring();
    assert_eq!(until.next(), None);
    assert!(until.timed_out().is_none());
    assert!(checked.next().is_none() && checked.next_back().is_none());
    assert!(every.next().is_none() && every.next_back().is_none());
    assert_eq!(checked.fold(0, |n, _| n + 1), 0);
    assert_eq!(every.fold(0, |n, _| n + 1), 0);
    assert_eq!(until.fold(0, |n, _| n + 1), 0);
}

#[test]
fn restart_does_not_revive_an_ended_iterator() {
    let alarm = never();
    alarm.ring();
    let (mut until, mut checked) = ((0..3).until(&alarm), (0..3).checked(&alarm));
    assert!(until.next().is_none() && checked.next().unwrap().is_err());
    alarm.restart();
    assert!(until.next().is_none() && checked.next().is_none());
    assert!(until.timed_out().is_some());
}

#[test]
fn with_a_size_no_item_is_lost() {
    let alarm = never();
    let mut numbers = 0..100;
    let summed: Result<u32, TimedOut> = numbers
        .by_ref()
        .inspect(|n| {
            if *n == 41 {
                alarm.ring();
            }
        })
        .checked(&alarm)
        .sum();
    assert!(summed.is_err());
    assert_eq!(numbers.next(), Some(42));

    alarm.restart();
    let mut seen = 0;
    numbers.by_ref().until(&alarm).for_each(|n| {
        seen += 1;
        if n == 50 {
            alarm.ring();
        }
    });
    assert_eq!((seen, numbers.next()), (8, Some(51)));
}

#[test]
fn chained_iterators_are_stopped_in_either_part() {
    let alarm = never();
    for ring_at in 0..20 {
        alarm.restart();
        let ring = |n: &usize| {
            if *n == ring_at {
                alarm.ring();
            }
        };
        let sum = (0..10).chain(10..20).inspect(ring).until(&alarm).sum::<usize>();
        assert_eq!(sum, (0..=ring_at).sum());
    }
}

#[test]
fn error_names_the_line_of_the_adapter() {
    let alarm = Alarm::after(Duration::ZERO).unwrap();
    let here = |e: &TimedOut, made: &Location<'_>| {
        assert!(alarm.owns(e));
        assert_eq!((e.location().file(), e.location().line()), (made.file(), made.line()));
    };

    let (items, made) = ((0..3).checked(&alarm), Location::caller());
    here(&items.collect::<Result<Vec<_>, _>>().unwrap_err(), made);

    let (items, made) = ((0..3).checked_every(2, &alarm), Location::caller());
    here(&items.sum::<Result<u32, _>>().unwrap_err(), made);

    let (mut items, made) = ((0..3).until(&alarm), Location::caller());
    assert_eq!(items.next(), None);
    here(items.timed_out().unwrap(), made);
}

#[test]
fn enclosing_alarm_ends_the_iterator() {
    let outer = Alarm::after(Duration::ZERO).unwrap();
    let inner = never();
    assert!(outer.owns(&(0..3).checked(&inner).next().unwrap().unwrap_err()));
    let mut items = (0..3).until(&inner);
    assert_eq!(items.next(), None);
    assert!(outer.owns(items.timed_out().unwrap()));
}

#[test]
fn limit_ends_an_endless_iterator() {
    let limit = Duration::from_millis(5);
    let alarm = Alarm::after(limit).unwrap();
    let timed_out = (0_u64..).checked_every(64, &alarm).find_map(Result::err).unwrap();
    assert!(timed_out.elapsed() >= limit);

    alarm.restart();
    assert!(std::iter::repeat(1).until(&alarm).count() > 0);
}

#[test]
fn slice_is_summed_chunk_by_chunk() {
    let numbers: Vec<u64> = (0..10_000).collect();
    let sum = |alarm: &Alarm| -> Result<u64, TimedOut> {
        let mut sum = 0;
        for chunk in numbers.chunks(1_024).checked(alarm) {
            sum += chunk?.iter().sum::<u64>();
        }
        Ok(sum)
    };
    let alarm = never();
    assert_eq!(sum(&alarm).unwrap(), numbers.iter().sum());
    alarm.ring();
    assert!(sum(&alarm).is_err());
}

#[test]
fn sizes_at_the_edge_do_not_overflow() {
    let alarm = never();
    assert_eq!((0..usize::MAX).checked(&alarm).size_hint(), (1, None));
    assert_eq!((0..usize::MAX).checked_every(3, &alarm).size_hint(), (1, None));
    assert_eq!((0..usize::MAX).until(&alarm).size_hint(), (0, Some(usize::MAX)));
    assert_eq!(std::iter::repeat(0).until(&alarm).size_hint(), (0, None));
    assert_eq!((0..0).checked(&alarm).size_hint(), (0, Some(1)));
}

#[test]
#[should_panic = "stride of zero"]
fn stride_of_zero_panics() {
    let _ = (0..3).checked_every(0, &never());
}

#[test]
fn adapter_is_send() {
    let alarm = never();
    let mut items = (0_u64..).until(&alarm);
    std::thread::scope(|s| {
        s.spawn(|| items.by_ref().for_each(drop));
        alarm.ring();
    });
    assert!(alarm.owns(items.timed_out().unwrap()));
}
