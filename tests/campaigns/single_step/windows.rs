//! The windows that are stepped through.

use std::io;
use std::time::{Duration, Instant};

use super::sweep::{Window, sweep};
use super::tracee::{Comes, Deal, Previous, Scene, begin, end};
use crate::support::*;
use sigalarm::{Alarm, Ticker, TimedOut, suspended};

const ANY: &[Comes] = &[Comes::Kill, Comes::Ring, Comes::Foreign, Comes::Both];

/// The signals without an alarm under test.
const OTHERS: &[Comes] = &[Comes::Kill, Comes::Foreign];

macro_rules! windows {
    ($($name:ident: $comes:expr $(, $property:ident)*;)*) => {
        pub fn scenarios() -> Vec<Scenario> {
            vec![$(scenario(stringify!($name), || {
                #[allow(unused_mut)]
                let mut window =
                    Window { name: stringify!($name), run: $name, comes: $comes, arms: false, enters: false };
                $(window.$property = true;)*
                sweep(window)
            })),*]
        }
    };
}

windows! {
    first_arm: ANY, arms;
    arm: ANY, arms;
    drop_before_the_expiry: ANY;
    drop_after_the_expiry: OTHERS;
    drop_after_a_check_erred: OTHERS;
    arm_check_drop: ANY, arms;
    check: ANY;
    check_with_the_flag_set: ANY;
    check_that_errs: OTHERS;
    arm_inside_an_earlier_deadline: ANY;
    arm_inside_a_later_deadline: ANY, arms;
    drop_inside: ANY;
    drop_of_the_outer: ANY;
    restart: ANY;
    restart_after_an_expiry: ANY, arms;
    extend: ANY;
    ring: OTHERS;
    disarm: OTHERS;
    blocking: ANY;
    blocked: &[Comes::Ring, Comes::Both], enters;
    tick: ANY;
    arm_and_drop_a_ticker: ANY;
    due: &[Comes::Foreign];
    suspend_and_resume: ANY;
}

fn first_arm(deal: &Deal) {
    Scene::set(deal).step(|| (), |()| after(deal.limit()), |scene, alarm| scene.notice(&alarm));
}

fn arm(deal: &Deal) {
    Scene::warm(deal).step(|| (), |()| after(deal.limit()), |scene, alarm| scene.notice(&alarm));
}

fn drop_before_the_expiry(deal: &Deal) {
    Scene::set(deal).step(|| after(deal.limit()), drop, |_, ()| ());
}

/// Its signal has come, and no check has followed.
fn overdue() -> Alarm {
    let alarm = after(20 * US);
    spin(60 * US);
    alarm
}

fn drop_after_the_expiry(deal: &Deal) {
    Scene::set(deal).step(overdue, drop, |_, ()| ());
}

fn drop_after_a_check_erred(deal: &Deal) {
    let expired = || {
        let alarm = after(20 * US);
        expiry(&alarm);
        alarm
    };
    Scene::set(deal).step(expired, drop, |_, ()| ());
}

fn arm_check_drop(deal: &Deal) {
    let arm_check_drop = |()| {
        let alarm = after(deal.limit());
        alarm.check().is_err() && alarm.elapsed() < deal.limit()
    };
    Scene::warm(deal).step(|| (), arm_check_drop, |_, is_early| assert!(!is_early, "early"));
}

fn checked(alarm: Alarm) -> (Alarm, Result<(), TimedOut>) {
    let answer = alarm.check();
    (alarm, answer)
}

fn check_after(deal: &Deal, prepare: impl FnOnce() -> Alarm) {
    Scene::set(deal).step(prepare, checked, |scene, (alarm, answer)| {
        if let Err(e) = answer {
            assert!(deal.expires() && alarm.owns(&e) && e.elapsed() >= deal.limit(), "early: {e}");
        }
        scene.notice(&alarm);
    });
}

fn check(deal: &Deal) {
    check_after(deal, || after(deal.limit()));
}

fn check_with_the_flag_set(deal: &Deal) {
    check_after(deal, || {
        let alarm = after(deal.limit());
        drop(after(Duration::ZERO)); // It has set the flag; no other alarm has expired.
        alarm
    });
}

fn check_that_errs(deal: &Deal) {
    Scene::set(deal).step(overdue, checked, |_, (alarm, answer)| assert!(alarm.owns(&answer.unwrap_err())));
}

fn arm_inside_an_earlier_deadline(deal: &Deal) {
    let arm_inside = |outer| (outer, after(100 * SECOND));
    Scene::set(deal).step(
        || after(deal.limit()),
        arm_inside,
        |scene, (outer, inner)| {
            if let Err(e) = inner.check() {
                assert!(deal.expires() && outer.owns(&e));
            }
            drop(inner);
            scene.notice(&outer);
        },
    );
}

fn arm_inside_a_later_deadline(deal: &Deal) {
    let arm_inside = |outer| (outer, after(deal.limit()));
    Scene::set(deal).step(
        || after(100 * SECOND),
        arm_inside,
        |scene, (outer, inner): (Alarm, Alarm)| {
            scene.notice(&inner);
            assert!(outer.check().is_ok());
            drop(inner);
            drop(outer);
        },
    );
}

fn drop_inside(deal: &Deal) {
    let nested = || (after(deal.limit()), after(100 * SECOND));
    Scene::set(deal).step(nested, |(outer, _inner)| outer, |scene, outer| scene.notice(&outer));
}

fn drop_of_the_outer(deal: &Deal) {
    let nested = || (after(100 * SECOND), after(deal.limit()));
    Scene::set(deal).step(nested, |(_outer, inner)| inner, |scene, inner| scene.notice(&inner));
}

/// Changes an alarm, which expires by the limit or not at all.
fn changed(deal: &Deal, prepare: impl FnOnce() -> Alarm, change: impl FnOnce(&Alarm)) {
    let change = |alarm: Alarm| {
        change(&alarm);
        alarm
    };
    Scene::set(deal).step(prepare, change, |scene, alarm| scene.notice(&alarm));
}

fn restart(deal: &Deal) {
    changed(deal, || after(deal.limit()), Alarm::restart);
}

fn extend(deal: &Deal) {
    let half = deal.limit() / 2;
    changed(deal, || after(half), |alarm| alarm.extend(deal.limit() - half));
}

fn disarm(deal: &Deal) {
    changed(deal, || after(10 * SECOND), Alarm::disarm);
}

fn suspend_and_resume(deal: &Deal) {
    changed(deal, || after(deal.limit()), |_| suspended(|| std::hint::black_box(())));
}

fn arm_and_drop_a_ticker(deal: &Deal) {
    changed(
        deal,
        || after(deal.limit()),
        |_| {
            let ticker = Ticker::every(10 * SECOND).expect("arming");
            assert_eq!(ticker.ticks(), 0);
        },
    );
}

fn ring(deal: &Deal) {
    let ring = |alarm: Alarm| {
        alarm.ring();
        alarm
    };
    let is_rung = |_: &Scene, alarm: Alarm| assert!(alarm.owns(&alarm.check().unwrap_err()));
    Scene::set(deal).step(|| after(10 * SECOND), ring, is_rung);
}

fn restart_after_an_expiry(deal: &Deal) {
    let scene = Scene::set(deal);
    if deal.kills() {
        // Limit: a foreign value over the interval timer is dropped where the default action would follow.
        scene.have_private_timers();
    }
    let limit = deal.limit().min(2 * MS);
    let alarm = after(limit);
    expiry(&alarm);
    let alarm = if deal.expires() {
        alarm
    } else {
        drop(alarm);
        let alarm = after(deal.limit());
        alarm.ring();
        alarm
    };
    let restart = |alarm: Alarm| {
        alarm.restart();
        alarm
    };
    scene.step(|| alarm, restart, |scene, alarm| scene.notice_after(&alarm, limit));
}

fn blocking(deal: &Deal) {
    let blocking = |alarm: Alarm| {
        let answer = alarm.blocking(|| Ok(()));
        (alarm, answer)
    };
    Scene::set(deal).step(
        || after(deal.limit()),
        blocking,
        |scene, (alarm, answer)| {
            assert!(answer.as_ref().err().is_none_or(|e| deal.expires() || is_refused(deal, e)));
            scene.notice(&alarm);
        },
    );
}

/// A signal at any instruction leaves the call to the deadline, or the call is refused.
fn blocked(deal: &Deal) {
    let scene = Scene::set(deal);
    scene.ready();
    let (reader, writer) = nix::unistd::pipe().expect("a pipe");
    // Limit: a signal that is blocked just before the call leaves nothing to interrupt it.
    let may_go_on = deal.previous == Previous::CountsBlocked && deal.has_foreign_signal();
    let _writer = (!may_go_on).then_some(writer);
    let alarm = after(deal.limit());
    begin();
    let answer = alarm.blocking(|| {
        end();
        nix::unistd::read(&reader, &mut [0; 8]).map_err(io::Error::from)
    });
    match answer {
        Ok(_) => assert!(may_go_on),
        Err(e) => assert!(e.kind() == io::ErrorKind::TimedOut || is_refused(deal, &e), "{e}"),
    }
    scene.notice(&alarm);
    drop(alarm);
    scene.over();
}

/// With SIGALRM blocked and a foreign signal pending, no timer can interrupt the thread.
fn is_refused(deal: &Deal, e: &io::Error) -> bool {
    deal.previous == Previous::CountsBlocked
        && deal.has_foreign_signal()
        && e.kind() == io::ErrorKind::Unsupported
}

fn ticked(ticker: Ticker) -> (Ticker, u64) {
    let ticks = ticker.ticks();
    (ticker, ticks)
}

fn tick(deal: &Deal) {
    let ticker = || Ticker::every(deal.limit()).expect("arming");
    let began = Instant::now();
    Scene::set(deal).step(ticker, ticked, |_, (ticker, mut ticks)| {
        if deal.expires() {
            spin_until(|| {
                ticks += ticker.ticks();
                ticks >= 2
            });
            assert!(began.elapsed() >= 2 * deal.limit(), "early");
        } else {
            assert_eq!(ticks + ticker.ticks(), 0);
        }
    });
}

fn due(deal: &Deal) {
    let began = Instant::now();
    let due = || {
        let ticker = Ticker::every(200 * US).expect("arming");
        spin(250 * US);
        ticker
    };
    Scene::set(deal).step(due, ticked, |_, (_, ticks)| {
        assert!(ticks >= 1 && u128::from(ticks) <= began.elapsed().as_nanos() / 200_000);
    });
}
