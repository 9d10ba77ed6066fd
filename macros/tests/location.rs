//! `TimedOut::location` is the user's loop.

use std::cell::Cell;
use std::panic::Location;
use std::time::Duration;

use sigalarm::{Alarm, TimedOut, cooperative, time_limit};

/// An alarm whose n-th check returns the location of its caller as an error.
struct Nth(Cell<u32>);

#[derive(Debug)]
struct Here(&'static Location<'static>);

impl Nth {
    #[track_caller]
    fn check(&self) -> Result<(), Here> {
        self.0.set(self.0.get() - 1);
        if self.0.get() == 0 { Err(Here(Location::caller())) } else { Ok(()) }
    }
}

/// Asserts that the n-th check of `run` has the location of `text` in this line.
#[track_caller]
fn assert_location<T>(run: impl Fn(&Nth) -> Result<T, Here>, nth: u32, line: u32, text: &str) {
    let Here(location) = run(&Nth(Cell::new(nth))).map(|_| ()).unwrap_err();
    assert_eq!((location.file(), location.line()), (file!(), line), "{text}");
    let source = include_str!("location.rs").lines().nth(location.line() as usize - 1).unwrap();
    let source = source.chars().skip(location.column() as usize - 1).collect::<String>();
    assert!(source.starts_with(text), "{source:?} is not {text:?}");
}

#[test]
#[allow(clippy::never_loop)]
fn of_each_kind_of_loop() {
    const TOP: u32 = line!();
    #[cooperative(alarm = alarm)]
    fn loops(alarm: &Nth) -> Result<(), Here> {
        for _ in 0..1 {}
        let mut n = Some(1);
        while n == Some(1) {
            n = Some(2);
        }
        while let Some(2) = n.take() {}
        'label: loop {
            break 'label;
        }
        let f = #[cooperative]
        || -> Result<(), Here> { Ok(()) };
        f()
    }
    assert_location(loops, 1, TOP + 2, "loops(");
    assert_location(loops, 2, TOP + 3, "for ");
    assert_location(loops, 3, TOP + 5, "while n");
    assert_location(loops, 4, TOP + 8, "while let");
    assert_location(loops, 5, TOP + 9, "loop ");
    assert_location(loops, 6, TOP + 13, "|| ->");
}

#[test]
#[allow(clippy::never_loop)]
fn of_loops_with_a_stride() {
    const TOP: u32 = line!();
    #[cooperative(alarm = alarm, every = 2)]
    fn loops(alarm: &Nth) -> Result<(), Here> {
        for _ in 0..1 {}
        for _ in 0.. {
            break;
        }
        Ok(())
    }
    assert_location(loops, 2, TOP + 3, "for _ in 0..1");
    assert_location(loops, 3, TOP + 4, "for _ in 0.. ");
}

#[test]
fn of_checkpoint_and_unwind_if_expired() {
    mod by_another_name {
        pub(super) mod alarm {
            pub(crate) use sigalarm::{Alarm, checkpoint, unwind_if_expired};
        }
    }

    const TOP: u32 = line!();
    #[cooperative]
    fn default() -> Result<(), TimedOut> {
        Ok(())
    }
    #[cooperative(crate = by_another_name::alarm)]
    fn renamed() -> Result<(), TimedOut> {
        Ok(())
    }
    #[cooperative(unwind, crate = by_another_name::alarm)]
    fn unwinding() {}
    #[time_limit("1s", crate = by_another_name::alarm)]
    fn limited() -> Result<(), TimedOut> {
        Ok(())
    }

    let alarm = Alarm::after(Duration::ZERO).unwrap();
    assert_eq!(default().unwrap_err().location().line(), TOP + 2);
    assert_eq!(renamed().unwrap_err().location().line(), TOP + 6);
    let timed_out = alarm.catch(unwinding).unwrap_err();
    assert_eq!((timed_out.location().line(), timed_out.location().column()), (TOP + 10, 8));
    assert!(limited().is_ok());
}
