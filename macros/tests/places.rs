//! Which code has checks: each case counts the checks of one call.

#![allow(clippy::all, clippy::undocumented_unsafe_blocks, unused, unsafe_code)] // Loops that run once, in odd places.

use std::cell::Cell;
use std::fmt::Write;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use sigalarm::{TimedOut, cooperative};

thread_local!(static CHECKS: Cell<u32> = const { Cell::new(0) });

/// An alarm that counts its checks.
struct Count;

impl Count {
    fn check(&self) -> Result<(), TimedOut> {
        self.unwind_if_expired();
        Ok(())
    }

    fn unwind_if_expired(&self) {
        CHECKS.set(CHECKS.get() + 1);
    }
}

/// Tests that each body makes this many checks, apart from the one at the entry.
macro_rules! checks {
    ($($name:ident: $($checks:literal { $($body:tt)* })*)*) => {$(
        #[test]
        fn $name() {
            $({
                #[cooperative(alarm = Count)]
                fn case() -> Result<(), TimedOut> {
                    $($body)*;
                    Ok(())
                }
                CHECKS.set(0);
                case().unwrap();
                assert_eq!(CHECKS.get(), 1 + $checks, "{}", stringify!($($body)*));
            })*
        }
    )*};
}

fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!(),
    }
}

macro_rules! foreign {
    ($($tokens:tt)*) => { $($tokens)* };
}

checks! {
    loops_in_each_place_of_an_expression:
    3 { for _ in 0..3 {} }
    4 { let mut n = 3; while n > 0 { n -= 1; while n == 1 { n = 0 } } for _ in 0..1 {} }
    1 { let mut n = Some(1); while let Some(_) = n { n = None } }
    1 { 'a: loop { break 'a } }
    1 { { { loop { break } } } }
    1 { unsafe { loop { break } } }
    2 { if loop { break true } { loop { break } } else { loop { break } } }
    2 { if false {} else if { loop { break false } } {} else { loop { break } } }
    2 { if let Some(_) = { loop { break Some(1) } } { loop { break } } }
    3 { match { loop { break 1 } } { 1 if { loop { break false } } => {} _ => { loop { break } } } }
    1 { let Some(_) = None::<u8> else { return loop { break Ok(()) }; } }
    4 { [[0; 2]; 2].map(loop { break |x: [u8; 2]| x })[loop { break 1 }][loop { break 0 }] += loop { break 1 } }
    2 { let _ = ([loop { break 1 }, 1], [loop { break 1 }; 4]) }
    3 { let _ = (loop { break 1 }, std::ops::Range { start: loop { break 1 }, ..loop { break 0..2 } }) }
    2 { let _ = &*loop { break "x" } as &str..=loop { break "y" } }
    1 { 'a: { loop { break } break 'a; } }
    1 { loop { break Ok::<(), TimedOut>(()) }? }
    1 { while { loop { break false } } {} }
    2 { for _ in { loop { break 0..1 } } {} }
    1 { let _ = vec![1, loop { break 2 }] }
    2 { let _ = std::vec![loop { break 1 }; { loop { break 2 } }] }
    2 { assert_eq!(1, { loop { break 1 } }); let _ = format!("{x}", x = loop { break 1 },) }
    1 { assert!(matches!({ loop { break Some(1) } }, Some(1) | None if true)) }
    1 { let mut out = String::new(); let _ = write!(out, "{}", loop { break 1 }); }

    code_without_checks:
    0 { let f = || loop { break }; f() }
    0 { let f = |n| { for _ in 0..n {} }; f(3) }
    0 { ready(async { loop { break } }) }
    0 { fn inner() { loop { break } } inner() }
    0 { #[cooperative] fn inner() -> Result<(), TimedOut> { loop { break Ok(()) } } inner()? }
    0 { struct S; impl S { fn inner() { loop { break } } } S::inner() }
    0 { const N: usize = { loop { break 1 } }; const { loop { break } } }
    0 { fn f<const N: u8>() {} let _: [u8; { loop { break 1 } }] = [0; { loop { break 1 } }]; f::<{ loop { break 1 } }>() }
    0 { foreign!(loop { break }) }
    0 { macro_rules! m { () => { loop { break } } } m!() }

    closures_and_async_blocks_with_the_attribute:
    4 { let f = #[cooperative] |n: u64| -> Result<(), TimedOut> { for _ in 0..n {} Ok(()) }; f(3)? }
    1 { let f = #[sigalarm::cooperative] |n| Ok::<u64, TimedOut>(n); f(1)?; }
    1 { let f = #[cooperative(alarm = Count as Count, unwind)] || (); f() }
    0 { (#[cooperative(skip)] || { loop { break } })() }
    2 { ready(#[cooperative] async move { loop { break Ok::<(), TimedOut>(()) } })? }
    2 { (|| { loop { break } (#[cooperative] || -> Result<(), TimedOut> { loop { break Ok(()) } })() })()? }
    1 { (#[cooperative] || { use std::convert::identity; identity(Ok::<(), TimedOut>(())) })()? }

    loops_with_the_attribute:
    3 { #[cooperative(skip)] #[allow(unused)] for _ in 0..3 { loop { break } } }
    0 { let _ = #[cooperative(skip)] 'a: loop { break 'a 1 }; }
    0 { let _ = vec![#[cooperative(skip)] loop { break 1 }]; }
    2 { #[cooperative(every = 2)] for _ in 0..4 {} }
    4 { #[cooperative(every = 1)] for _ in 0..4 {} }
}

/// Tests that each member of a block makes this many checks.
macro_rules! members {
    ($($checks:literal fn $name:ident($($arg:tt)*) -> $returns:ty $body:block)*) => {
        #[derive(Clone, Copy)]
        struct Member(u8);

        #[cooperative(alarm = Count)]
        impl Member {
            $(#[allow(clippy::all)] fn $name($($arg)*) -> $returns $body)*
        }

        #[test]
        fn members_without_a_loop_or_call_have_no_check() {
            $({
                CHECKS.set(0);
                let _ = Member(1).$name();
                assert_eq!(CHECKS.get(), $checks, stringify!($name));
            })*
        }
    };
}

type Alias<T> = Result<T, TimedOut>;

members! {
    0 fn accessor(&self) -> Result<u8, TimedOut> { Ok(self.0) }
    0 fn constructor(&self) -> Result<Member, TimedOut> { Ok(Member(self.0 + 1)) }
    0 fn assertion(&self) -> Result<Vec<u8>, TimedOut> { assert!(self.0 > 0); Ok(vec![self.0]) }
    0 fn inner_call(&self) -> Result<u8, TimedOut> { fn inner() -> u8 { u8::from(true) } const N: u8 = u8::MAX.count_ones() as u8; Ok(N) }
    0 fn alias(&self) -> Alias<u8> { Ok(u8::from(true)) }
    0 fn option(&self) -> Option<u8> { Some(u8::from(true)) }
    0 fn foreign_error(&self) -> Result<u8, std::num::ParseIntError> { "1".parse() }
    1 fn method_call(&self) -> Result<u8, TimedOut> { Ok(self.0.clone()) }
    1 fn call(&self) -> Result<u8, TimedOut> { Ok(u8::from(true)) }
    1 fn call_in_an_assertion(&self) -> Result<u8, TimedOut> { assert!(bool::from(true)); Ok(1) }
    1 fn display(&self) -> Result<String, TimedOut> { Ok(format!("{}", self.0)) }
    1 fn unknown_macro(&self) -> Result<u8, TimedOut> { foreign!(); Ok(1) }
    1 fn closure(&self) -> Result<u8, TimedOut> { let _ = || u8::from(true); Ok(1) }
    1 fn skipped_loop(&self) -> Result<(), TimedOut> { #[cooperative(skip)] loop { break Ok(()) } }
    1 fn boxed_error(&self) -> std::result::Result<u8, Box<dyn std::error::Error>> { Ok("1".parse()?) }
}

#[test]
fn blocks_in_a_module_have_checks() {
    #[cooperative(alarm = Count)]
    mod checked {
        use super::*;

        pub fn function() -> Result<(), TimedOut> {
            nothing();
            Ok(())
        }
        pub const fn constant() -> Result<(), TimedOut> {
            nothing();
            Ok(())
        }
        #[cooperative(skip)]
        pub fn skipped() -> Result<(), TimedOut> {
            loop {
                break Ok(());
            }
        }
        #[cooperative(alarm = Count, every = 8)]
        pub fn own() -> Alias<()> {
            for _ in 0..9 {}
            Ok(())
        }
        const fn nothing() {}

        pub trait Provided {
            fn provided() -> Result<(), TimedOut> {
                function()
            }
        }
        impl Provided for u8 {}

        #[cooperative(skip)]
        pub mod bare {
            use super::*;

            pub fn function() -> Result<(), TimedOut> {
                loop {
                    break Ok(());
                }
            }
        }
    }
    use checked::*;
    for (f, checks) in [
        (function as fn() -> Result<(), TimedOut>, 1),
        (constant, 0),
        (skipped, 0),
        (own, 3),
        (u8::provided, 2),
        (bare::function, 0),
    ] {
        CHECKS.set(0);
        f().unwrap();
        assert_eq!(CHECKS.get(), checks);
    }
}

#[test]
fn functions_that_must_not_unwind_have_no_checks() {
    #[cooperative(unwind, alarm = Count)]
    mod unwinding {
        use super::*;

        pub fn function() {
            drop(vec![1]);
        }
        pub extern "C" fn callback() {
            drop(vec![1]);
        }
        pub struct Dropped;
        impl Drop for Dropped {
            fn drop(&mut self) {
                drop(vec![1]);
            }
        }
    }
    CHECKS.set(0);
    unwinding::callback();
    drop(unwinding::Dropped);
    assert_eq!(CHECKS.get(), 0);
    unwinding::function();
    assert_eq!(CHECKS.get(), 1);
}

#[test]
fn core_unwinds_through_an_alarm() {
    #[sigalarm_core::cooperative(unwind, alarm = Count)]
    fn function() {
        loop {
            break;
        }
    }
    CHECKS.set(0);
    function();
    assert_eq!(CHECKS.get(), 2);
}
