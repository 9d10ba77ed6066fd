//! Expiries at the ends, errors, sizes.

use std::panic::Location;
use std::time::Duration;

use super::folded;
use crate::alarms::never;
use sigalarm::{Alarm, IteratorExt, TimedOut};

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
