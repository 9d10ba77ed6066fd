//! Where `#[cooperative]` can stand, apart from a plain function.

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use sigalarm::{Alarm, TimedOut, checkpoint, cooperative};

/// Whether it stops when its time is up, and does not before.
#[track_caller]
fn stops<T>(run: impl Fn() -> Result<T, TimedOut>) {
    assert!(run().is_ok());
    let alarm = Alarm::after(Duration::ZERO).unwrap();
    assert!(alarm.owns(&run().err().unwrap()));
}

#[test]
fn on_blocks() {
    trait Count {
        fn to(&self) -> u32;
        fn count(&self) -> Result<u32, TimedOut>;
        fn twice(&self) -> Result<u32, TimedOut>;
    }

    struct Ten;

    #[cooperative]
    impl Count for Ten {
        fn to(&self) -> u32 {
            10
        }

        fn count(&self) -> Result<u32, TimedOut> {
            Ok((0..self.to()).fold(0, |n, _| n + 1))
        }

        #[cooperative(skip)]
        fn twice(&self) -> Result<u32, TimedOut> {
            Ok(2 * self.to())
        }
    }

    #[cooperative]
    trait Provided {
        fn required(&self) -> Result<(), TimedOut>;

        fn provided(&self) -> Result<(), TimedOut> {
            self.required()
        }
    }

    impl Provided for Ten {
        fn required(&self) -> Result<(), TimedOut> {
            Ok(())
        }
    }

    stops(|| Ten.count());
    stops(|| Ten.provided());
    let _expired = Alarm::after(Duration::ZERO).unwrap();
    assert_eq!(Ten.twice().unwrap(), 20);
    assert!(Ten.required().is_ok());
}

#[test]
fn on_a_function_in_a_function() {
    fn outer() -> Result<u32, TimedOut> {
        #[cooperative]
        fn inner() -> Result<u32, TimedOut> {
            Ok(1)
        }
        inner()
    }
    stops(outer);
}

#[test]
fn on_a_closure() {
    #[cooperative]
    fn with_closures(depth: u32) -> Result<u32, TimedOut> {
        let bare = || (0..3).sum::<u32>();
        let checked = #[cooperative]
        |n: u32| Ok::<u32, TimedOut>(n + 1);
        checked(bare() + depth)
    }
    stops(|| with_closures(1));
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

    #[cooperative]
    fn block(n: u32) -> Result<impl Future<Output = Result<u32, TimedOut>>, TimedOut> {
        Ok(
            #[cooperative]
            async move {
                Ok(n + 1)
            },
        )
    }

    stops(|| poll(sum(&[1, 2, 3])));
    let future = block(1).unwrap();
    let _expired = Alarm::after(Duration::ZERO).unwrap();
    assert!(poll(future).is_err());
}

#[test]
fn on_what_a_macro_makes() {
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
