//! Unwinding out of code that cannot return a `Result`.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Mutex, Once, mpsc};
use std::thread::{self, ThreadId};
use std::time::Duration;

use crate::alarms::{after, never};
use sigalarm::{Alarm, Cause, TimedOut, unwind_if_expired};

fn expired() -> Alarm {
    after(Duration::ZERO)
}

fn panic_of<T>(f: impl FnOnce() -> T) -> Box<dyn Any + Send> {
    panic::catch_unwind(AssertUnwindSafe(f)).err().expect("a panic")
}

static HOOKED: Mutex<Option<HashSet<ThreadId>>> = Mutex::new(None);

fn hook_runs(f: impl FnOnce()) -> bool {
    watch_the_hook();
    f();
    was_hooked(thread::current().id())
}

fn watch_the_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            HOOKED.lock().unwrap().get_or_insert_default().insert(thread::current().id());
            before(info);
        }));
    });
    HOOKED.lock().unwrap().get_or_insert_default().remove(&thread::current().id());
}

fn was_hooked(thread: ThreadId) -> bool {
    HOOKED.lock().unwrap().get_or_insert_default().contains(&thread)
}

#[test]
fn catch_returns_its_own_expiry() {
    let alarm = expired();
    let mut line = 0;
    let timed_out = alarm
        .catch(|| {
            line = line!() + 1;
            alarm.unwind_if_expired();
            unreachable!("it has expired");
        })
        .unwrap_err();
    assert!(alarm.owns(&timed_out));
    assert_eq!(timed_out.cause(), Cause::Deadline);
    assert_eq!(timed_out.location().file(), file!());
    assert_eq!(timed_out.location().line(), line);
}

#[test]
fn ambient_check_unwinds_to_the_catch() {
    let alarm = expired();
    let mut line = 0;
    let timed_out = alarm
        .catch(|| {
            line = line!() + 1;
            unwind_if_expired();
        })
        .unwrap_err();
    assert!(alarm.owns(&timed_out));
    assert_eq!(timed_out.location().line(), line);
}

#[test]
fn catch_returns_the_value_without_an_expiry() {
    let alarm = Alarm::after(Duration::from_secs(3_600)).unwrap();
    let answer = alarm.catch(|| {
        alarm.unwind_if_expired();
        unwind_if_expired();
        String::from("done")
    });
    assert_eq!(answer.unwrap(), "done");
}

#[test]
fn limit_ends_a_recursion_without_result() {
    fn fibonacci(n: u32) -> u64 {
        unwind_if_expired();
        if n < 2 { n.into() } else { fibonacci(n - 1) + fibonacci(n - 2) }
    }
    let alarm = Alarm::after(Duration::from_millis(5)).unwrap();
    let timed_out = alarm.catch(|| fibonacci(90)).unwrap_err();
    assert!(timed_out.elapsed() >= Duration::from_millis(5));
}

#[test]
fn runs_destructors_and_no_panic_hook() {
    struct Dropped<'a>(&'a Cell<bool>);
    impl Drop for Dropped<'_> {
        fn drop(&mut self) {
            self.0.set(true);
        }
    }
    let dropped = Cell::new(false);
    let hooked = hook_runs(|| {
        let alarm = expired();
        let caught = alarm.catch(|| {
            let _dropped = Dropped(&dropped);
            alarm.unwind_if_expired();
        });
        assert!(caught.is_err());
    });
    assert!(dropped.get());
    assert!(!hooked);
    assert!(!thread::panicking());
}

#[test]
fn one_guard_serves_again_after_a_restart() {
    let alarm = never();
    for _ in 0..100 {
        assert!(alarm.catch(|| alarm.unwind_if_expired()).is_ok());
        alarm.ring();
        assert_eq!(alarm.catch(|| alarm.unwind_if_expired()).unwrap_err().cause(), Cause::Rung);
        alarm.restart();
    }
}

#[test]
fn panic_stays_a_panic() {
    let alarm = expired();
    let payload = panic_of(|| alarm.catch(|| panic!("on purpose")));
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"on purpose"));
}

#[test]
fn time_out_raised_by_hand_is_not_caught() {
    let alarm = expired();
    let by_hand = alarm.check().unwrap_err();
    for resumed in [false, true] {
        let by_hand = by_hand.clone();
        let payload = panic_of(|| {
            alarm.catch(|| {
                if resumed {
                    panic::resume_unwind(Box::new(by_hand));
                }
                panic::panic_any(by_hand);
            })
        });
        assert!(alarm.owns(payload.downcast_ref::<TimedOut>().unwrap()));
    }
}

#[test]
fn outer_expiry_passes_the_inner_catch() {
    let outer = expired();
    let inner = expired(); // both have expired: the outer one is reported
    let after_inner = Cell::new(false);
    let timed_out = outer
        .catch(|| {
            let _ = inner.catch(|| inner.unwind_if_expired());
            after_inner.set(true);
        })
        .unwrap_err();
    assert!(outer.owns(&timed_out));
    assert!(!after_inner.get());
}

#[test]
fn outer_expiry_passes_many_inner_catches() {
    fn nest(depth: u32, outer: &Alarm) {
        if depth == 0 {
            outer.ring();
            unwind_if_expired();
        }
        let inner = never();
        let _ = inner.catch(|| nest(depth - 1, outer));
        unreachable!("an inner catch took it");
    }
    let outer = never();
    assert!(outer.owns(&outer.catch(|| nest(50, &outer)).unwrap_err()));
}

#[test]
fn inner_expiry_stays_inside() {
    let outer = never();
    let inner = expired();
    let answer = outer.catch(|| inner.catch(|| unwind_if_expired()).is_err());
    assert!(answer.unwrap());
}

#[test]
fn outer_expiry_without_a_catch_is_returned() {
    let outer = expired();
    let inner = never();
    let timed_out = inner.catch(|| inner.unwind_if_expired()).unwrap_err();
    assert!(outer.owns(&timed_out));
    assert!(!inner.owns(&timed_out));
}

#[test]
fn inner_of_two_catches_of_one_alarm_takes_it() {
    let alarm = expired();
    let inside = alarm.catch(|| alarm.catch(|| alarm.unwind_if_expired()));
    assert!(inside.unwrap().is_err());
}

#[test]
fn expiry_without_a_catch_panics() {
    let hooked = hook_runs(|| {
        let alarm = Alarm::builder().after(Duration::ZERO).label("sort").arm().unwrap();
        for ambient in [false, true] {
            let payload = panic_of(|| if ambient { unwind_if_expired() } else { alarm.unwind_if_expired() });
            let message = payload.downcast_ref::<String>().unwrap();
            assert!(message.starts_with("sort timed out after "), "{message}");
            assert!(message.contains("catch"), "{message}");
        }
    });
    assert!(hooked);
}

#[test]
fn ended_catch_is_no_catch() {
    let alarm = expired();
    let _ = alarm.catch(|| alarm.unwind_if_expired());
    let _ = panic_of(|| alarm.catch(|| panic!("on purpose")));
    assert!(panic_of(|| alarm.unwind_if_expired()).is::<String>());
}

#[test]
fn swallowed_unwind_comes_again_at_the_next_check() {
    let alarm = expired();
    let swallowed = Cell::new(false);
    let caught = alarm.catch(|| {
        let _ = panic_of(unwind_if_expired); // a `catch_unwind` of the program
        swallowed.set(true);
        unwind_if_expired();
    });
    assert!(swallowed.get());
    assert!(alarm.owns(&caught.unwrap_err()));
}

/// Checks in its destructor. A second unwinding there would abort the process.
struct ChecksInDrop<'a>(&'a Alarm, &'a Cell<u32>);

impl Drop for ChecksInDrop<'_> {
    fn drop(&mut self) {
        self.0.unwind_if_expired();
        unwind_if_expired();
        self.1.set(self.1.get() + 1);
    }
}

#[test]
fn check_in_a_destructor_does_not_unwind_again() {
    let alarm = expired();
    let ran = Cell::new(0);
    let caught = alarm.catch(|| {
        let _first = ChecksInDrop(&alarm, &ran);
        let _second = ChecksInDrop(&alarm, &ran);
        unwind_if_expired();
    });
    assert!(caught.is_err());
    assert_eq!(ran.get(), 2);

    let payload = panic_of(|| {
        alarm.catch(|| {
            let _third = ChecksInDrop(&alarm, &ran);
            panic!("on purpose");
        })
    });
    assert!(payload.is::<&str>());
    assert_eq!(ran.get(), 3);
}

#[test]
fn unwind_resumed_from_another_thread_is_caught() {
    watch_the_hook();
    let alarm = expired();
    let worker = Mutex::new(None);
    let caught = alarm.catch(|| {
        thread::scope(|s| {
            let handle = s.spawn(|| {
                *worker.lock().unwrap() = Some(thread::current().id());
                alarm.unwind_if_expired();
            });
            handle.join().unwrap_or_else(|payload| panic::resume_unwind(payload));
        });
    });
    assert!(alarm.owns(&caught.unwrap_err()));
    assert!(!was_hooked(worker.lock().unwrap().unwrap()));
}

#[test]
fn catch_works_in_destructors_of_thread_locals() {
    struct Last(mpsc::Sender<bool>);
    impl Drop for Last {
        fn drop(&mut self) {
            let (outer, inner) = (expired(), never());
            let caught = outer.catch(|| outer.unwind_if_expired());
            let through = outer.catch(|| outer.owns(&inner.catch(|| inner.unwind_if_expired()).unwrap_err()));
            // If the list of catches is already destroyed, the inner catch returns the outer expiry.
            let _ =
                self.0.send(outer.owns(&caught.unwrap_err()) && through.unwrap_or_else(|e| outer.owns(&e)));
        }
    }
    thread_local!(static LAST: RefCell<Option<Last>> = const { RefCell::new(None) });

    // The order of first use sets the order of destructors.
    for catch_first in [true, false] {
        let (sender, receiver) = mpsc::channel();
        let thread = thread::spawn(move || {
            let alarm = never();
            if catch_first {
                let _ = alarm.catch(|| ());
            }
            LAST.set(Some(Last(sender)));
            let _ = alarm.catch(|| ());
        });
        thread.join().unwrap();
        assert_eq!(receiver.recv(), Ok(true));
    }
}

/// Unwinds at each comparison in turn. The slice still holds every element once.
fn permutes(sort: impl Fn(&mut [String], &mut dyn FnMut(&String, &String) -> std::cmp::Ordering)) {
    let alarm = never();
    let words: Vec<String> = (0..120_u32).map(|n| (n.wrapping_mul(2_654_435_761) % 97).to_string()).collect();
    let mut sorted = words.clone();
    sorted.sort();
    for fatal in 1.. {
        alarm.restart();
        let mut mine = words.clone();
        let mut comparisons = 0;
        let caught = alarm.catch(|| {
            sort(&mut mine, &mut |a, b| {
                comparisons += 1;
                if comparisons == fatal {
                    alarm.ring();
                }
                alarm.unwind_if_expired();
                a.cmp(b)
            });
        });
        let (cut_short, whole) = (caught.is_err(), mine == sorted);
        mine.sort();
        assert_eq!(mine, sorted, "at comparison {fatal}");
        if !cut_short {
            assert!(whole);
            assert!(fatal > 120, "a sort of 120 takes more than {fatal} comparisons");
            break;
        }
        assert_eq!(comparisons, fatal);
    }
}

#[test]
fn sorts_keep_every_element() {
    permutes(|words, compare| words.sort_by(compare));
    permutes(|words, compare| words.sort_unstable_by(compare));
}
