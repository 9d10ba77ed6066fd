//! Tickers.

use std::time::{Duration, Instant};

use crate::support::*;
use nix::libc;
use sigalarm::{Alarm, Ticker};

fn hundred_tickers_return_each_period_once() {
    let began = Instant::now();
    let tickers: Vec<(Instant, Ticker, Instant)> = (1..=100_u32)
        .map(|n| {
            let before = Instant::now();
            let ticker =
                Ticker::every(MS * (1 + n * 7 % 50) + Duration::from_nanos(u64::from(n))).expect("arming");
            (before, ticker, Instant::now())
        })
        .collect();
    let mut counts = vec![0_u64; tickers.len()];
    while began.elapsed() < 3 * SECOND {
        for (count, (_, ticker, _)) in counts.iter_mut().zip(&tickers) {
            *count += ticker.ticks();
        }
    }
    // After a pause without calls, the totals follow the clock.
    spin(60 * MS);
    for (count, (before, ticker, after)) in counts.iter_mut().zip(&tickers) {
        let least = after.elapsed().as_nanos() / ticker.period().as_nanos();
        *count += ticker.ticks();
        let most = before.elapsed().as_nanos() / ticker.period().as_nanos();
        let in_range = (least..=most).contains(&u128::from(*count));
        assert!(in_range, "{count} of {least} to {most} at {:?}", ticker.period());
    }
    drop(tickers);
    assert_eq!(process::timer().0, Duration::ZERO);
    assert_eq!(process::action().sa_sigaction, libc::SIG_DFL);
}

fn tickers_and_alarms_do_not_disturb_each_other() {
    let alarm = arm(Alarm::builder().after(100 * MS));
    let before = Instant::now();
    let ticker = Ticker::every(10 * MS).expect("arming");
    let armed = Instant::now();
    let mut ticks = 0;
    // Rare calls, between checks that handle the same signals.
    let mut n = 0_u64;
    while alarm.check().is_ok() {
        n += 1;
        if n % 1_000 == 0 {
            ticks += ticker.ticks();
        }
    }
    spin(MS);
    let least = armed.elapsed().as_millis() as u64 / 10;
    let last = ticker.ticks();
    ticks += last;
    assert!(ticks >= least, "{ticks} of {least}");
    ticks += ticker.ticks();
    let most = before.elapsed().as_millis() as u64 / 10;
    assert!(ticks <= most, "each period is returned once: {ticks}, and {last} of them at the end");
    // The ticker also works beside an expired alarm.
    let began = Instant::now();
    let ticker = Ticker::every(MS).expect("arming");
    spin(10 * MS);
    assert!(ticker.ticks() >= 10);
    assert!(u128::from(ticker.ticks()) <= began.elapsed().as_millis());
}

fn tickers_with_extreme_periods_work() {
    let e = Ticker::every(Duration::ZERO).expect_err("refused");
    assert!(e.to_string().contains("longer than zero"));
    let never = Ticker::every(Duration::MAX).expect("arming");
    let often = Ticker::every(Duration::from_nanos(1)).expect("arming");
    spin(MS);
    assert!(often.ticks() >= 1_000_000);
    assert_eq!(never.ticks(), 0);
    process::passes_in_child(|| {
        spin(MS);
        assert_eq!(often.ticks(), 0, "inert");
        let own = Ticker::every(MS).expect("arming");
        spin(3 * MS);
        assert!(own.ticks() >= 3);
    });
}

/// The two tickers may share a flag slot.
fn inherited_ticker_hides_no_tick_of_a_child() {
    let inherited = Ticker::every(5 * MS).expect("arming");
    process::passes_in_child(|| {
        let own = Ticker::every(5 * MS).expect("arming");
        let began = Instant::now();
        while own.ticks() == 0 {
            assert!(began.elapsed() < LATE, "never came");
            // The ticker expires here.
            std::thread::sleep(MS);
            assert_eq!(inherited.ticks(), 0);
        }
    });
}

pub fn scenarios() -> Vec<Scenario> {
    scenarios![
        hundred_tickers_return_each_period_once,
        tickers_and_alarms_do_not_disturb_each_other,
        tickers_with_extreme_periods_work,
        inherited_ticker_hides_no_tick_of_a_child,
    ]
}
