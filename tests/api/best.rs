//! `Best`: its value after each way in which a search can end.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::time::Duration;

use sigalarm::{Alarm, Best, Better, Cause, Highest, Lowest, TimedOut, checkpoint, unwind_if_expired};

const LONG: Duration = Duration::from_secs(3_600);

#[test]
fn keeps_the_lowest_the_highest_or_what_the_caller_calls_better() {
    let mut low = Best::lowest();
    let mut high = Best::highest();
    let mut near = Best::by(|new: &i32, best: &i32| (new - 10).abs() < (best - 10).abs());
    for n in [7, 3, 12, 9, 25, -4, 11] {
        low.offer(n, || n.to_string());
        high.offer(n, || n.to_string());
        near.offer(n, || n.to_string());
    }
    assert_eq!(low.into_inner(), Some((-4, "-4".into())));
    assert_eq!(high.into_inner(), Some((25, "25".into())));
    assert_eq!(near.into_inner(), Some((9, "9".into())));
}

#[test]
fn is_empty_before_the_first_offer() {
    let best = Best::<u32, u32>::lowest();
    assert_eq!(best.answer(), None);
    assert_eq!(best.score(), None);
    assert_eq!(best.improvements(), 0);
    assert!(best.is_beaten_by(&u32::MAX));
    assert_eq!(Best::<u32, u32, Highest>::default().into_inner(), None);
}

#[test]
fn first_of_equals_stays() {
    let mut low = Best::lowest();
    let mut high = Best::highest();
    for name in ["first", "second"] {
        assert_eq!(low.offer(1, || name), name == "first");
        assert_eq!(high.offer(1, || name), name == "first");
    }
    assert_eq!(low.answer(), Some(&"first"));
    assert_eq!(high.answer(), Some(&"first"));
}

#[test]
fn worse_answer_is_not_built() {
    let built = Cell::new(0);
    let mut best = Best::lowest();
    for score in [5, 6, 5, 4, 9, 4, 1, 1] {
        best.offer(score, || built.set(built.get() + 1));
    }
    assert_eq!(built.get(), 3);
    assert_eq!(best.improvements(), 3);
    assert!(!best.is_beaten_by(&1));
    assert!(best.is_beaten_by(&0));
}

#[test]
fn nan_is_never_the_best() {
    let mut low = Best::lowest();
    let mut high = Best::highest();
    for score in [f64::NAN, 2.0, f64::NAN, 3.0, 1.0, f64::NAN] {
        low.offer(score, || score);
        high.offer(score, || score);
    }
    assert_eq!(low.answer(), Some(&1.0));
    assert_eq!(high.answer(), Some(&3.0));

    let mut infinite = Best::lowest();
    assert!(infinite.offer(f64::INFINITY, || "worst, and still an answer"));
    assert!(infinite.offer(f64::MAX, || "better"));
}

/// Counts fresh clones and clones into existing memory.
struct Counted<'a> {
    value: u32,
    anew: &'a Cell<u32>,
    over: &'a Cell<u32>,
}

impl Clone for Counted<'_> {
    fn clone(&self) -> Self {
        self.anew.set(self.anew.get() + 1);
        Counted { ..*self }
    }

    fn clone_from(&mut self, from: &Self) {
        self.over.set(self.over.get() + 1);
        self.value = from.value;
    }
}

#[test]
fn copies_reuse_memory() {
    let (anew, over) = (Cell::new(0), Cell::new(0));
    let mut tour = Counted { value: 0, anew: &anew, over: &over };
    let mut best = Best::lowest();
    for length in (0..100).rev() {
        tour.value = length;
        assert!(best.offer_cloned(length, &tour));
        assert!(!best.offer_cloned(length, &tour));
        assert_eq!(best.answer().unwrap().value, length);
    }
    assert_eq!((anew.get(), over.get()), (2, 98));
    assert_eq!(best.improvements(), 100);
}

#[test]
fn borrowed_answers_are_copied() {
    let mut words: Best<String, usize, Highest> = Best::highest();
    for word in ["a", "abc", "ab"] {
        words.offer_cloned(word.len(), word);
    }
    assert_eq!(words.answer().map(String::as_str), Some("abc"));

    let mut parts: Best<Vec<u8>, u8> = Best::lowest();
    parts.offer_cloned(0, &b"abc"[1..]);
    assert_eq!(parts.answer().map(Vec::as_slice), Some(&b"bc"[..]));
}

/// A value whose clone unwinds on demand, half built.
#[derive(Debug, PartialEq)]
struct Brittle {
    left: u32,
    right: u32,
}

impl Clone for Brittle {
    fn clone(&self) -> Brittle {
        let mut copy = Brittle { left: 0, right: 0 };
        copy.clone_from(self);
        copy
    }

    fn clone_from(&mut self, from: &Brittle) {
        self.left = from.left;
        unwind_if_expired();
        self.right = from.right;
    }
}

#[test]
fn answer_that_unwinds_half_built_leaves_the_best() {
    let alarm = Alarm::never().unwrap();
    let mut best = Best::lowest();
    for n in [9, 8, 7] {
        best.offer_cloned(n, &Brittle { left: n, right: n });
    }
    alarm.ring();
    for copied in [false, true] {
        let caught = alarm.catch(|| {
            if copied {
                best.offer_cloned(1, &Brittle { left: 1, right: 1 })
            } else {
                best.offer(1, || {
                    unwind_if_expired();
                    Brittle { left: 1, right: 1 }
                })
            }
        });
        assert!(caught.is_err());
        assert_eq!(best.score(), Some(&7));
        assert_eq!(best.answer(), Some(&Brittle { left: 7, right: 7 }));
        assert_eq!(best.improvements(), 3);
    }
    alarm.restart();
    assert!(best.offer_cloned(1, &Brittle { left: 1, right: 1 }));
    assert_eq!(best.answer(), Some(&Brittle { left: 1, right: 1 }));
}

/// Offers 10, 9, … 1. If the alarm is rung at 4, a check ends it.
fn countdown<O: Better<u32>>(
    best: &mut Best<u32, u32, O>,
    alarm: &Alarm,
    ring: bool,
) -> Result<(), TimedOut> {
    for n in (1..=10).rev() {
        if n == 4 && ring {
            alarm.ring();
        }
        alarm.check()?;
        best.offer(n, || n);
    }
    Ok(())
}

#[test]
fn search_that_ends_by_itself_is_complete() {
    let mut best = Best::lowest();
    let ended = best.within(LONG, |best, alarm| countdown(best, alarm, false)).unwrap();
    assert!(ended.is_ok());
    assert_eq!(best.into_inner(), Some((1, 1)));
}

#[test]
fn search_ended_by_a_check_has_its_best() {
    let mut best = Best::lowest();
    let ended = best.within(LONG, |best, alarm| countdown(best, alarm, true)).unwrap();
    assert_eq!(ended.unwrap_err().cause(), Cause::Rung);
    assert_eq!(best.into_inner(), Some((5, 5)));
}

#[test]
fn search_ended_by_unwinding_has_its_best() {
    let mut best = Best::lowest();
    let ended = best.within(LONG, |best, alarm| {
        for n in (1..=10).rev() {
            if n == 4 {
                alarm.ring();
            }
            unwind_if_expired();
            best.offer(n, || n);
        }
        Ok(())
    });
    assert_eq!(ended.unwrap().unwrap_err().cause(), Cause::Rung);
    assert_eq!(best.into_inner(), Some((5, 5)));
}

#[test]
fn limit_ends_an_endless_search() {
    let limit = Duration::from_millis(5);
    let mut best = Best::highest();
    let ended = best.within(limit, |best, _| {
        for n in 0_u64.. {
            best.offer(n, || n);
            checkpoint()?;
        }
        Ok(())
    });
    let timed_out = ended.unwrap().unwrap_err();
    assert_eq!(timed_out.limit(), Some(limit));
    assert!(timed_out.elapsed() >= limit);
    assert_eq!(best.improvements(), best.answer().unwrap() + 1);
}

#[test]
fn limit_of_zero_keeps_offers_before_the_first_check() {
    let mut best = Best::lowest();
    let ended = best.within(Duration::ZERO, |best, alarm| {
        best.offer(7, || "the first thing that comes to mind");
        alarm.check()?;
        best.offer(1, || "a second thought");
        Ok(())
    });
    assert!(ended.unwrap().is_err());
    assert_eq!(best.score(), Some(&7));
}

#[test]
fn second_search_continues_from_the_first() {
    let mut best = Best::lowest();
    assert!(best.within(LONG, |best, alarm| countdown(best, alarm, true)).unwrap().is_err());
    assert!(best.within(LONG, |best, alarm| countdown(best, alarm, false)).unwrap().is_ok());
    assert_eq!(best.score(), Some(&1));
    assert_eq!(best.improvements(), 10);
}

#[test]
fn enclosing_alarm_that_checks_ends_the_search_with_its_best() {
    let outer = Alarm::never().unwrap();
    let mut best = Best::lowest();
    for unwinding in [false, true] {
        outer.restart();
        let ended = best.within(LONG, |best, alarm| {
            best.offer(3, || 3);
            outer.ring();
            if unwinding {
                alarm.unwind_if_expired();
            }
            alarm.check()
        });
        assert!(outer.owns(&ended.unwrap().unwrap_err()));
        assert_eq!(best.answer(), Some(&3));
        assert!(outer.check().is_err());
    }
}

#[test]
fn enclosing_catch_gets_its_expiry_and_the_best_stays() {
    let outer = Alarm::never().unwrap();
    let mut best = Best::lowest();
    let after = Cell::new(false);
    let caught = outer.catch(|| {
        let _ = best.within(LONG, |best, _| {
            best.offer(3, || 3);
            outer.ring();
            unwind_if_expired();
            Ok(())
        });
        after.set(true);
    });
    assert!(outer.owns(&caught.unwrap_err()));
    assert!(!after.get());
    assert_eq!(best.answer(), Some(&3));
}

#[test]
fn panic_propagates_and_the_best_stays() {
    let mut best = Best::lowest();
    let panicked = panic::catch_unwind(AssertUnwindSafe(|| {
        best.within(LONG, |best, _| {
            best.offer(3, || 3);
            panic!("on purpose");
        })
    }));
    assert!(panicked.unwrap_err().is::<&str>());
    assert_eq!(best.answer(), Some(&3));
}

#[test]
fn best_is_debug_clone_and_send() {
    fn sent<T: Send + Sync>(_: &T) {}
    let mut best = Best::lowest();
    best.offer(2, || "two");
    sent(&best);
    let copy: Best<&str, i32, Lowest> = best.clone();
    assert_eq!(copy.answer(), best.answer());
    let by = Best::<u8, u8, _>::by(|a, b| a < b);
    assert_eq!(format!("{best:?}"), r#"Best { score: Some(2), answer: Some("two"), improvements: 1, .. }"#);
    assert!(format!("{by:?}").contains("answer: None"));
}
