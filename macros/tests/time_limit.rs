//! `#[time_limit]`: the alarm, and the functions that can have one.

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
fn r#try() -> Result<(), TimedOut> {
    Ok(())
}

#[test]
fn stops_in_either_order_with_cooperative() {
    for (f, label) in [
        (limit_first as fn() -> _, "limit_first"),
        (cooperative_first, "cooperative_first"),
        (at_the_entry, "at_the_entry"),
        (r#try, "try"),
    ] {
        let timed_out: TimedOut = f().unwrap_err();
        assert_eq!(timed_out.label(), Some(label));
        assert_eq!(timed_out.cause(), Cause::Deadline);
        assert!(timed_out.elapsed() >= timed_out.limit().unwrap());
    }
}

#[test]
fn alarm_ends_at_each_return() {
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
fn enclosing_alarm_stops_the_function() {
    #[time_limit("1h")]
    #[cooperative]
    fn inner() -> Result<(), TimedOut> {
        loop {}
    }
    let outer = Alarm::after(LIMIT).unwrap();
    assert!(outer.owns(&inner().unwrap_err()));
}

#[test]
fn function_without_a_check_does_not_stop() {
    #[time_limit(Duration::ZERO)]
    fn unchecked() -> Result<u32, TimedOut> {
        Ok((0..100).sum())
    }
    assert_eq!(unchecked().unwrap(), 4950);
}

#[test]
fn options_set_the_label_and_return_the_arm_error() {
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

/// A compile test of each part of a signature.
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

        // The body has no unsafe code.
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

    #[time_limit("1s")]
    pub fn hygienic(_alarm: &Alarm) -> Result<(), TimedOut> {
        _alarm.check()
    }
}

#[test]
fn compiles_on_each_signature() {
    use signatures::*;

    let mut cells = [1, 2, 3];
    let mut row = Row { cells: &mut cells, limit: Duration::from_secs(1) };
    assert_eq!(row.first().unwrap(), Some(&1));
    assert_eq!(row.all("!").unwrap().collect::<String>(), "1!2!3!");
    // SAFETY: the function has no requirements.
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

/// A debug build, where variables share no stack slots, has the largest frames.
#[test]
fn frame_is_at_most_twice_that_of_an_alarm_by_hand() {
    #[inline(never)]
    fn address() -> usize {
        let local = 0_u8;
        std::hint::black_box(&raw const local).addr()
    }

    #[inline(never)]
    #[time_limit("1h")]
    fn limited(depth: u32) -> Result<usize, Box<dyn Error>> {
        if depth == 0 { Ok(address()) } else { limited(depth - 1) }
    }

    #[inline(never)]
    fn by_hand(depth: u32) -> Result<usize, Box<dyn Error>> {
        let _alarm = Alarm::after(Duration::from_secs(3600))?;
        if depth == 0 { Ok(address()) } else { by_hand(depth - 1) }
    }

    let frame = |f: fn(u32) -> Result<usize, Box<dyn Error>>| f(0).unwrap().abs_diff(f(1).unwrap());
    let (limited, by_hand) = (frame(limited), frame(by_hand));
    println!("{limited} bytes, {by_hand} by hand");
    assert!(limited <= 2 * by_hand, "{limited} bytes, {by_hand} by hand");
}

#[test]
fn limit_may_return_from_the_function() {
    fn arm() -> Duration {
        Duration::from_secs(60)
    }
    #[time_limit(budget?)]
    fn search(budget: Result<Duration, io::Error>) -> io::Result<u32> {
        checkpoint()?;
        Ok(1)
    }
    #[time_limit(arm())]
    fn named_as_the_inner_function() -> Result<u32, TimedOut> {
        checkpoint()?;
        Ok(2)
    }
    assert_eq!(search(Ok(Duration::from_secs(60))).unwrap(), 1);
    assert_eq!(search(Err(io::ErrorKind::NotFound.into())).unwrap_err().kind(), io::ErrorKind::NotFound);
    assert_eq!(search(Ok(Duration::ZERO)).unwrap_err().kind(), io::ErrorKind::TimedOut);
    assert_eq!(named_as_the_inner_function().unwrap(), 2);
}
