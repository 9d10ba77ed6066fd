//! `#[cooperative]` on other items than functions.

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use sigalarm::{Alarm, TimedOut, checkpoint, cooperative, time_limit};

/// Asserts that `run` fails under an expired alarm, and completes without one.
#[track_caller]
fn stops<T>(run: impl Fn() -> Result<T, TimedOut>) {
    assert!(run().is_ok());
    let alarm = Alarm::after(Duration::ZERO).unwrap();
    assert!(alarm.owns(&run().err().unwrap()));
}

#[test]
fn on_a_method_with_its_own_alarm() {
    struct Search {
        alarm: Alarm,
        nodes: Vec<u32>,
        best: Cell<u32>,
    }

    #[cooperative(alarm = self.alarm)]
    impl Search {
        fn new(limit: Duration) -> Result<Search, sigalarm::ArmError> {
            Ok(Search { alarm: Alarm::after(limit)?, nodes: vec![1, 2, 3], best: Cell::new(0) })
        }

        fn run(&mut self) -> Result<u32, TimedOut> {
            for node in &mut self.nodes {
                *node += 1;
                self.best.set(self.best.get().max(*node));
            }
            Ok(self.best.get())
        }
    }

    let mut search = Search::new(Duration::from_secs(60)).unwrap();
    assert_eq!(search.run().unwrap(), 4);
    search.alarm.ring();
    let timed_out = search.run().unwrap_err();
    assert!(search.alarm.owns(&timed_out));
}

#[test]
fn on_async() {
    fn poll<F: Future>(future: F) -> F::Output {
        let mut future = pin!(future);
        loop {
            if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                return value;
            }
        }
    }

    #[cooperative(every = 2)]
    async fn sum(numbers: &[u32]) -> Result<u32, TimedOut> {
        let mut sum = 0;
        for n in numbers {
            sum += std::future::ready(*n).await;
        }
        Ok(sum)
    }

    stops(|| poll(sum(&[1, 2, 3])));
}

#[test]
fn on_the_output_of_a_macro() {
    macro_rules! make {
        ($name:ident, $limit:expr, $($body:tt)*) => {
            #[cooperative(every = 5, crate = sigalarm)]
            fn $name() -> Result<u32, TimedOut> {
                let mut left = 0;
                for _ in 0..$limit {
                    left += 1;
                    $($body)*
                }
                Ok(left)
            }
        };
    }
    make!(plain, 3,);
    make!(jumps, 9, if checkpoint().is_ok() { continue } else { return Ok(0) });
    stops(plain);
    stops(jumps);
    assert_eq!((plain().unwrap(), jumps().unwrap()), (3, 9));
}

#[test]
fn on_interpolated_blocks_without_semicolons() {
    macro_rules! make {
        ($name:ident, $block:block, $expr:expr, $match:expr, $value:block, $number:expr, $ty:ty) => {
            #[cooperative]
            fn $name() -> Result<$ty, TimedOut> {
                $block
                $expr
                #[allow(clippy::all)]
                let mut n: $ty = $value * 1;
                let more = &mut n;
                $block
                *more += 1;
                $match
                'turns: loop {
                    $expr
                    break 'turns;
                }
                $block
                ::std::convert::identity(0);
                let two = { $number - 1 };
                Ok($value.max(1) * [$value, 2][0] * n * two)
            }
        };
    }
    thread_local!(static CALLS: Cell<u32> = const { Cell::new(0) });
    fn call() {
        CALLS.set(CALLS.get() + 1);
    }
    make!(
        interpolated,
        { call() },
        if true { call() } else { CALLS.set(9) },
        match true {
            true => call(),
            false => CALLS.set(9),
        },
        { 1 },
        3,
        u32
    );
    assert_eq!(interpolated().unwrap(), 4);
    assert_eq!(CALLS.get(), 6);
    stops(interpolated);
}

/// A test for `cargo clippy`, which must not report inserted code.
#[deny(clippy::items_after_statements, clippy::question_mark_used, clippy::pedantic)]
#[test]
fn clippy_reports_no_inserted_code() {
    #[time_limit("1h", try_arm)]
    #[cooperative]
    fn each_place() -> Result<u32, Box<dyn std::error::Error>> {
        use std::convert::identity;
        const TURNS: u32 = 3;
        let mut sum = 0;
        for n in 0..TURNS {
            use std::ops::Add;
            sum = sum.add(n);
        }
        #[cooperative(every = 2)]
        for n in 0..TURNS {
            sum += identity(n);
        }
        #[cooperative(every = 2)]
        while sum < 10 {
            const STEP: u32 = 2;
            sum += STEP;
        }
        Ok(sum)
    }
    assert_eq!(each_place().unwrap(), 10);
}

fn ring_at(last: u32, alarm: &Alarm, n: u32) -> u32 {
    if n == last {
        alarm.ring();
    }
    n
}

#[test]
fn expiry_during_the_last_turn_is_no_error() {
    macro_rules! sums {
        ($alarm:ident, $($name:ident: $options:meta,)*) => {[$({
            #[$options]
            fn $name($alarm: &Alarm) -> Result<u32, TimedOut> {
                let (mut sum, mut n) = (0, 0);
                for n in 1..=3 {
                    sum += ring_at(3, $alarm, n);
                }
                $alarm.restart();
                for n in 1..=3 {
                    if n > 3 {
                        break;
                    }
                    sum += ring_at(3, $alarm, n);
                }
                $alarm.restart();
                while n < 3 {
                    n += 1;
                    sum += ring_at(3, $alarm, n);
                }
                $alarm.restart();
                loop {
                    n += 1;
                    sum += ring_at(6, $alarm, n);
                    if n == 6 {
                        break Ok(sum);
                    }
                }
            }
            $name as fn(&Alarm) -> Result<u32, TimedOut>
        }),*]};
    }
    let alarm = Alarm::never().unwrap();
    for sum in sums! {
        alarm,
        each_turn: cooperative(alarm = alarm),
        stride_of_1: cooperative(alarm = alarm, every = 1),
        stride_of_2: cooperative(alarm = alarm, every = 2),
        stride_of_3: cooperative(alarm = alarm, every = 3),
        stride_of_4: cooperative(alarm = alarm, every = 4),
    } {
        alarm.restart();
        assert_eq!(sum(&alarm).unwrap(), 33);
        assert!(alarm.check().is_err(), "it has not expired");
    }
}

mod lower_case_constants {
    #![allow(non_upper_case_globals)]

    use std::time::Duration;

    use sigalarm::{TimedOut, cooperative, time_limit};

    const limit: Duration = Duration::from_secs(10);
    const alarm: u32 = 3;
    const e: u32 = 3;
    const item: u32 = 3;
    const items: u32 = 3;
    const over: u32 = 3;
    static left: u32 = 3;

    #[time_limit(limit)]
    #[cooperative(every = 2)]
    pub(super) fn sum() -> Result<u32, TimedOut> {
        let mut sum = 0;
        for n in 0..left + item {
            sum += n;
        }
        while sum < 100 {
            sum += alarm + e + items + over;
        }
        Ok(sum)
    }
}

#[test]
fn constants_may_have_the_names_of_variables() {
    assert_eq!(lower_case_constants::sum().unwrap(), 111);
}

#[test]
fn options_may_be_fragments_of_a_macro() {
    macro_rules! sums {
        ($($name:ident: $limit:literal, $label:literal, $turns:literal;)*) => {[$({
            #[time_limit($limit, label = $label)]
            #[cooperative(every = $turns)]
            fn $name() -> Result<u32, TimedOut> {
                let mut sum = 0;
                for n in 0..5 {
                    sum += n;
                }
                Ok(sum)
            }
            $name as fn() -> Result<u32, TimedOut>
        }),*]};
    }
    for sum in sums! { a: "10s", "one", 1; b: "1min", "two", 2; } {
        assert_eq!(sum().unwrap(), 10);
    }
}

struct Stopped;

impl From<TimedOut> for &'static Stopped {
    fn from(_: TimedOut) -> Self {
        &Stopped
    }
}

mod fmt {
    pub(super) struct FormatError;

    impl From<super::TimedOut> for FormatError {
        fn from(_: super::TimedOut) -> Self {
            FormatError
        }
    }
}

struct EquityFuture(u32);

#[test]
fn return_types_that_can_hold_a_time_out_are_accepted() {
    #[cooperative]
    fn reference() -> Result<u32, &'static Stopped> {
        Ok(1)
    }
    #[cooperative]
    fn module_of_that_name() -> Result<u32, fmt::FormatError> {
        Ok(2)
    }
    #[time_limit("10s")]
    fn name_of_a_future() -> Result<EquityFuture, TimedOut> {
        Ok(EquityFuture(3))
    }
    assert!(reference().is_ok_and(|n| n == 1) && module_of_that_name().is_ok_and(|n| n == 2));
    assert_eq!(name_of_a_future().unwrap().0, 3);
}
