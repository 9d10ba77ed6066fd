//! The windows that are stepped through.

use std::io;
use std::time::{Duration, Instant};

use sigalarm::{Alarm, Ticker, suspended};

use super::sweep::{Window, sweep};
use super::tracee::{Comes, Deal, Previous, SECOND, Scene, after, begin, end};
use crate::support::{Scenario, scenario};

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
    let scene = Scene::set(deal);
    scene.ready();
    begin();
    let alarm = after(deal.limit());
    end();
    scene.notice(&alarm);
    drop(alarm);
    scene.over();
}

fn arm(deal: &Deal) {
    let scene = Scene::set(deal);
    scene.warm();
    scene.ready();
    begin();
    let alarm = after(deal.limit());
    end();
    scene.notice(&alarm);
    drop(alarm);
    scene.over();
}

fn drop_before_the_expiry(deal: &Deal) {
    let scene = Scene::set(deal);
    scene.ready();
    let alarm = after(deal.limit());
    begin();
    drop(alarm);
    end();
    scene.over();
}

fn pass(time: Duration) {
    let began = Instant::now();
    while began.elapsed() < time {}
}

fn drop_after_the_expiry(deal: &Deal) {
    let scene = Scene::set(deal);
    scene.ready();
    let alarm = after(Duration::from_micros(20));
    pass(Duration::from_micros(60));
    begin();
    drop(alarm);
    end();
    scene.over();
}

fn expired() -> Alarm {
    let alarm = after(Duration::from_micros(20));
    while alarm.check().is_ok() {}
    alarm
}

fn drop_after_a_check_erred(deal: &Deal) {
    let scene = Scene::set(deal);
    scene.ready();
    let alarm = expired();
    begin();
    drop(alarm);
    end();
    scene.over();
}

fn arm_check_drop(deal: &Deal) {
    let scene = Scene::set(deal);
    scene.warm();
    scene.ready();
    begin();
    let alarm = after(deal.limit());
    let early = alarm.check().is_err() && alarm.elapsed() < deal.limit();
    drop(alarm);
    end();
    assert!(!early, "early");
    scene.over();
}

fn checked(deal: &Deal, alarm: &Alarm) {
    begin();
    let answer = alarm.check();
    end();
    if let Err(e) = answer {
        assert!(deal.expires() && alarm.owns(&e) && e.elapsed() >= deal.limit(), "early: {e}");
    }
}

fn check(deal: &Deal) {
    let scene = Scene::set(deal);
    scene.ready();
    let alarm = after(deal.limit());
    checked(deal, &alarm);
    scene.notice(&alarm);
    drop(alarm);
    scene.over();
}

fn check_with_the_flag_set(deal: &Deal) {
    let scene = Scene::set(deal);
    scene.ready();
    let alarm = after(deal.limit());
    drop(after(Duration::ZERO)); // It has set the flag; no other alarm has expired.
    checked(deal, &alarm);
    scene.notice(&alarm);
    drop(alarm);
    scene.over();
}

fn check_that_errs(deal: &Deal) {
    let scene = Scene::set(deal);
    scene.ready();
    let alarm = after(Duration::from_micros(20));
    pass(Duration::from_micros(60));
    begin();
    let answer = alarm.check();
    end();
    assert!(alarm.owns(&answer.unwrap_err()));
    drop(alarm);
    scene.over();
}

fn arm_inside_an_earlier_deadline(deal: &Deal) {
    let scene = Scene::set(deal);
    scene.ready();
    let outer = after(deal.limit());
    begin();
    let inner = after(100 * SECOND);
    end();
    if let Err(e) = inner.check() {
        assert!(deal.expires() && outer.owns(&e));
    }
    drop(inner);
    scene.notice(&outer);
    drop(outer);
    scene.over();
}

fn arm_inside_a_later_deadline(deal: &Deal) {
    let scene = Scene::set(deal);
    scene.ready();
    let outer = after(100 * SECOND);
    begin();
    let inner = after(deal.limit());
    end();
    scene.notice(&inner);
    assert!(outer.check().is_ok());
    drop(inner);
    drop(outer);
    scene.over();
}

fn drop_inside(deal: &Deal) {
    let scene = Scene::set(deal);
    scene.ready();
    let outer = after(deal.limit());
    let inner = after(100 * SECOND);
    begin();
    drop(inner);
    end();
    scene.notice(&outer);
    drop(outer);
    scene.over();
}

fn drop_of_the_outer(deal: &Deal) {
    let scene = Scene::set(deal);
    scene.ready();
    let outer = after(100 * SECOND);
    let inner = after(deal.limit());
    begin();
    drop(outer);
    end();
    scene.notice(&inner);
    drop(inner);
    scene.over();
}

fn restart(deal: &Deal) {
    let scene = Scene::set(deal);
    scene.ready();
    let alarm = after(deal.limit());
    begin();
    alarm.restart();
    end();
    scene.notice(&alarm);
    drop(alarm);
    scene.over();
}

fn restart_after_an_expiry(deal: &Deal) {
    let scene = Scene::set(deal);
    if deal.kills() {
        // Limit: a foreign value over the interval timer is dropped where the default action would follow.
        scene.have_private_timers();
    }
    let limit = deal.limit().min(Duration::from_millis(2));
    let alarm = after(limit);
    while alarm.check().is_ok() {}
    let alarm = if deal.expires() {
        alarm
    } else {
        drop(alarm);
        let alarm = after(deal.limit());
        alarm.ring();
        alarm
    };
    scene.ready();
    begin();
    alarm.restart();
    end();
    scene.notice_after(&alarm, limit);
    drop(alarm);
    scene.over();
}

fn extend(deal: &Deal) {
    let scene = Scene::set(deal);
    scene.ready();
    let alarm = after(deal.limit() / 2);
    begin();
    alarm.extend(deal.limit() - deal.limit() / 2);
    end();
    scene.notice(&alarm);
    drop(alarm);
    scene.over();
}

fn ring(deal: &Deal) {
    let scene = Scene::set(deal);
    scene.ready();
    let alarm = after(10 * SECOND);
    begin();
    alarm.ring();
    end();
    assert!(alarm.owns(&alarm.check().unwrap_err()));
    drop(alarm);
    scene.over();
}

fn disarm(deal: &Deal) {
    let scene = Scene::set(deal);
    scene.ready();
    let alarm = after(10 * SECOND);
    begin();
    alarm.disarm();
    end();
    scene.notice(&alarm);
    assert_eq!(alarm.remaining(), None);
    drop(alarm);
    scene.over();
}

fn blocking(deal: &Deal) {
    let scene = Scene::set(deal);
    scene.ready();
    let alarm = after(deal.limit());
    begin();
    let answer = alarm.blocking(|| Ok(()));
    end();
    assert!(answer.as_ref().err().is_none_or(|e| deal.expires() || is_refused(deal, e)));
    scene.notice(&alarm);
    drop(alarm);
    scene.over();
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

fn tick(deal: &Deal) {
    let scene = Scene::set(deal);
    scene.ready();
    let period = deal.limit();
    let ticker = Ticker::every(period).expect("arming");
    let began = Instant::now();
    begin();
    let mut ticks = ticker.ticks();
    end();
    if deal.expires() {
        while ticks < 2 {
            ticks += ticker.ticks();
            assert!(began.elapsed() < 5 * SECOND, "a tick is lost");
        }
        assert!(began.elapsed() >= period, "early");
    } else {
        assert_eq!(ticks + ticker.ticks(), 0);
    }
    drop(ticker);
    scene.over();
}

fn arm_and_drop_a_ticker(deal: &Deal) {
    let scene = Scene::set(deal);
    scene.ready();
    let alarm = after(deal.limit());
    begin();
    let ticker = Ticker::every(10 * SECOND).expect("arming");
    let ticks = ticker.ticks();
    drop(ticker);
    end();
    assert_eq!(ticks, 0);
    scene.notice(&alarm);
    drop(alarm);
    scene.over();
}

fn due(deal: &Deal) {
    let scene = Scene::set(deal);
    scene.ready();
    let ticker = Ticker::every(Duration::from_micros(200)).expect("arming");
    let began = Instant::now();
    pass(Duration::from_micros(250));
    begin();
    let ticks = ticker.ticks();
    end();
    assert!(ticks >= 1 && u128::from(ticks) <= began.elapsed().as_nanos() / 200_000 + 1);
    drop(ticker);
    scene.over();
}

fn suspend_and_resume(deal: &Deal) {
    let scene = Scene::set(deal);
    scene.ready();
    let alarm = after(deal.limit());
    begin();
    suspended(|| std::hint::black_box(()));
    end();
    scene.notice(&alarm);
    drop(alarm);
    scene.over();
}
