//! Nine registrations, in a process of their own, because no other test could arm.

use std::panic::Location;
use std::thread;

use sigalarm::Alarm;
use sigalarm_core::implementer::{Expiry, Hook, TooMany, flag, next_id, register};
use sigalarm_core::{AlarmId, Cause, TimedOut, checkpoint};

/// Makes hooks that always report an alarm. The hook that is called first has the smallest id.
macro_rules! hooks {
    ($($number:literal)*) => {
        [$({
            fn check(_: Option<AlarmId>, location: &'static Location<'static>) -> Option<Box<TimedOut>> {
                static ID: std::sync::OnceLock<AlarmId> = std::sync::OnceLock::new();
                let id = *ID.get_or_init(next_id);
                let mut expiry = Expiry::new(id, Cause::Rung, Default::default(), location.into());
                expiry.label = Some(stringify!($number).into());
                Some(Box::new(expiry.into_error()))
            }
            static HOOK: Hook = Hook::new(check);
            &HOOK
        }),*]
    };
}

#[test]
fn ninth_registration_fails_and_eight_hooks_run() {
    let hooks: [&'static Hook; 9] = hooks!(0 1 2 3 4 5 6 7 8);
    let from = |first: usize| {
        let in_turn = (0..8).map(|n| (first + n) % 8);
        let mut bits = [0; 8];
        in_turn.for_each(|n| bits[n] = register(hooks[n]).unwrap().mask());
        bits
    };
    let bits = thread::scope(|s| {
        let threads = [0, 3, 5].map(|first| s.spawn(move || from(first)));
        let [bits, others @ ..] = threads.map(|thread| thread.join().unwrap());
        assert!(others.iter().all(|other| *other == bits), "each hook has one: {bits:?} {others:?}");
        bits
    });
    assert_eq!(bits.iter().fold(0, |all, bit| all | bit), u8::MAX, "one each: {bits:?}");
    assert_eq!(register(hooks[8]), Err(TooMany));
    assert_eq!(register(hooks[3]).map(|bit| bit.mask()), Ok(bits[3]), "a repeated registration");

    let e = Alarm::never().unwrap_err();
    assert!(e.to_string().contains("eight implementations"), "{e}");
    assert!(std::error::Error::source(&e).is_some_and(|source| source.is::<TooMany>()));

    assert_eq!(checkpoint(), Ok(()));
    let label = || checkpoint().unwrap_err().label().unwrap().to_owned();
    flag().set(bits[5]);
    assert_eq!(label(), "5", "no other hook runs");
    flag().set(bits[2]);
    assert_eq!(label(), "5", "hook 5 was called first");
    flag().clear(bits[5]);
    assert_eq!(label(), "2");
    flag().clear(bits[2]);
    assert_eq!(checkpoint(), Ok(()));
}
