//! `#[time_limit]`: whose alarm it is, when it is reset, and on what functions it can stand.

use std::error::Error;
use std::fmt::{Debug, Display};
use std::io;
use std::time::Duration;

use sigalarm::{Alarm, ArmError, Cause, TimedOut, checkpoint, cooperative, time_limit};

const LIMIT: Duration = Duration::from_millis(5);

#[time_limit("5ms")]
#[cooperative]
fn limit_first() -> Result<(), TimedOut> {
    loop {}
}

#[cooperative]
#[time_limit("5 ms")]
fn cooperative_first() -> Result<(), TimedOut> {
    loop {}
}

#[cooperative]
#[time_limit(Duration::ZERO)]
fn at_the_entry() -> Result<(), TimedOut> {
    Ok(())
}

#[time_limit(Duration::ZERO)]
#[cooperative]
fn at_the_entry_too() -> Result<(), TimedOut> {
    Ok(())
}

#[test]
fn ends_in_either_order_with_cooperative() {
    for (f, label) in [
        (limit_first as fn() -> _, "limit_first"),
        (cooperative_first, "cooperative_first"),
        (at_the_entry, "at_the_entry"),
        (at_the_entry_too, "at_the_entry_too"),
    ] {
        let timed_out: TimedOut = f().unwrap_err();
        assert_eq!(timed_out.label(), Some(label));
        assert_eq!(timed_out.cause(), Cause::Deadline);
        assert!(timed_out.elapsed() >= timed_out.limit().unwrap());
    }
}

#[test]
fn is_reset_on_every_way_out() {
    #[time_limit(Duration::ZERO)]
    fn leave(how: u32) -> Result<u32, Box<dyn Error>> {
        assert!(checkpoint().is_err());
        match how {
            0 => return Ok(0),
            1 => Err("1")?,
            2 => panic!("2"),
            3 => checkpoint()?,
            _ => {}
        }
        Ok(how)
    }
    for how in 0..5 {
        let _ = std::panic::catch_unwind(|| leave(how).is_ok());
        assert!(checkpoint().is_ok(), "{how}");
    }
}

#[test]
fn is_one_of_many_alarms() {
    #[time_limit("1h")]
    #[cooperative]
    fn inner() -> Result<(), TimedOut> {
        loop {}
    }
    let outer = Alarm::after(LIMIT).unwrap();
    assert!(outer.owns(&inner().unwrap_err()));
}

#[test]
fn alone_it_stops_nothing() {
    #[time_limit(Duration::ZERO)]
    fn deaf() -> Result<u32, TimedOut> {
        Ok((0..100).sum())
    }
    assert_eq!(deaf().unwrap(), 4950);
}

#[test]
fn can_be_labelled_and_can_return_the_fault() {
    #[derive(Debug)]
    enum Failure {
        Late(TimedOut),
        #[allow(dead_code)]
        Fault(ArmError),
    }
    impl From<TimedOut> for Failure {
        fn from(e: TimedOut) -> Failure {
            Failure::Late(e)
        }
    }
    impl From<ArmError> for Failure {
        fn from(e: ArmError) -> Failure {
            Failure::Fault(e)
        }
    }

    #[time_limit(Duration::ZERO, try_arm, label = "the search")]
    fn search() -> Result<(), Failure> {
        Ok(checkpoint()?)
    }
    #[time_limit(Duration::ZERO, try_arm)]
    fn io() -> io::Result<()> {
        checkpoint()?;
        Ok(())
    }

    let Failure::Late(e) = search().unwrap_err() else { panic!("it was armed") };
    assert_eq!(e.label(), Some("the search"));
    assert_eq!(io().unwrap_err().kind(), io::ErrorKind::TimedOut);
}

/// What a signature can have; that this compiles is the test.
mod signatures {
    use super::*;

    type Limited<T> = Result<T, TimedOut>;

    pub struct Row<'a, T> {
        pub cells: &'a mut [T],
        pub limit: Duration,
    }

    #[cooperative]
    impl<'a, T> Row<'a, T>
    where
        T: Display + Clone,
    {
        /// Doc comments stay.
        #[must_use = "the cell"]
        #[time_limit(self.limit)]
        pub(crate) fn first(&self) -> Result<Option<&T>, TimedOut> {
            for cell in &*self.cells {
                if !cell.to_string().is_empty() {
                    return Ok(Some(cell));
                }
            }
            Ok(None)
        }

        #[time_limit("1s", label = "all")]
        pub fn all<'b>(
            &'b mut self,
            suffix: &'b str,
        ) -> Limited<impl Iterator<Item = String> + use<'a, 'b, T>> {
            checkpoint()?;
            Ok(self.cells.iter_mut().map(move |cell| format!("{cell}{suffix}")))
        }

        #[time_limit("1s")]
        pub fn give(self, n: usize) -> Result<&'a mut T, TimedOut> {
            let cells = self.cells;
            if n > cells.len() {
                return self.limit.is_zero().then_some(&mut cells[0]).map_or_else(|| panic!("{n}"), Ok);
            }
            Ok(&mut cells[n])
        }

        // Allowed for the sake of the signature; there is nothing unsafe in it.
        #[allow(unsafe_code, clippy::missing_safety_doc)]
        #[time_limit("1s")]
        pub unsafe fn any(_: &dyn Debug) -> Result<(), Box<dyn Error + Send + Sync>> {
            fn inner() -> Result<(), TimedOut> {
                checkpoint()
            }
            Ok(inner()?)
        }
    }

    pub trait Job {
        fn run(&mut self) -> Result<u32, TimedOut>;

        #[time_limit("1s")]
        #[cooperative]
        fn twice(&mut self) -> Result<u32, TimedOut> {
            let mut sum = 0;
            for _ in 0..2 {
                sum += self.run()?;
            }
            Ok(sum)
        }
    }

    impl<F: FnMut() -> u32> Job for F {
        #[time_limit("1s")]
        fn run(&mut self) -> Result<u32, TimedOut> {
            #![allow(clippy::unit_arg)]
            checkpoint()?;
            Ok(self())
        }
    }

    #[time_limit("1s")]
    #[cooperative(every = 8)]
    pub fn generic<const N: usize, I>(items: I) -> Result<[I::Item; N], TimedOut>
    where
        I: IntoIterator<Item: Default + Copy>,
    {
        let mut array = [I::Item::default(); N];
        for (slot, item) in array.iter_mut().zip(items) {
            *slot = item;
        }
        Ok(array)
    }

    /// A variable of the user's by the guard's name is another variable.
    #[time_limit("1s")]
    pub fn hygienic(_alarm: &Alarm) -> Result<(), TimedOut> {
        _alarm.check()
    }
}

#[test]
fn stands_on_any_signature() {
    use signatures::*;

    let mut cells = [1, 2, 3];
    let mut row = Row { cells: &mut cells, limit: Duration::from_secs(1) };
    assert_eq!(row.first().unwrap(), Some(&1));
    assert_eq!(row.all("!").unwrap().collect::<String>(), "1!2!3!");
    *row.give(2).unwrap() = 4;
    assert_eq!(cells, [1, 2, 4]);
    // SAFETY: nothing is asked of its callers.
    #[allow(unsafe_code)]
    unsafe { Row::<u8>::any(&cells) }.unwrap();
    let mut n = 0;
    let mut job = || {
        n += 1;
        n
    };
    assert_eq!(job.twice().unwrap(), 3);
    assert_eq!(generic::<3, _>([1, 2, 3, 4]).unwrap(), [1, 2, 3]);

    let alarm = Alarm::after(Duration::ZERO).unwrap();
    assert!(hygienic(&alarm).is_err());
}
