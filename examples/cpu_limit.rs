//! A limit on processor time: the same work on a busy machine as on an idle one.
//!
//!     cargo run --release --example cpu_limit
//!
//! Counts primes for 100 ms of wall time, then for 100 ms of processor time, each without and with busy neighbours. The
//! neighbours are processes, because threads of this process would use up its processor time.

use std::error::Error;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use sigalarm::{Alarm, AlarmBuilder, TimedOut};

const LIMIT: Duration = Duration::from_millis(100);

fn main() -> Result<(), Box<dyn Error>> {
    if std::env::args().nth(1).as_deref() == Some("keep-busy") {
        return keep_busy();
    }
    for (limited, limit) in [
        ("wall", Alarm::builder().after(LIMIT).label("wall")),
        // On a busy machine a processor limit can take long, so a deadline is set too.
        ("processor", Alarm::builder().cpu_limit(LIMIT).after(30 * LIMIT).label("processor")),
    ] {
        measure(limited, "alone", limit.clone())?;
        let neighbours = neighbours()?;
        measure(limited, "beside neighbours", limit)?;
        for mut neighbour in neighbours {
            neighbour.kill()?;
            neighbour.wait()?;
        }
    }
    Ok(())
}

fn measure(limited: &str, how: &str, limit: AlarmBuilder) -> Result<(), Box<dyn Error>> {
    let began = Instant::now();
    let alarm = limit.arm()?;
    let mut found = 0;
    let ended =
        count_primes(&mut found, &alarm).map_or_else(|timed_out| timed_out.to_string(), |()| "done".into());
    drop(alarm);
    println!("{limited:<9} limit, {how:<17}: {found:>6} primes in {:>4} ms", began.elapsed().as_millis());
    println!("    {ended}");
    Ok(())
}

fn count_primes(found: &mut u32, alarm: &Alarm) -> Result<(), TimedOut> {
    'numbers: for n in 2_u32.. {
        for divisor in (2..).take_while(|divisor| divisor * divisor <= n) {
            alarm.check()?;
            if n % divisor == 0 {
                continue 'numbers;
            }
        }
        *found += 1;
    }
    Ok(())
}

fn neighbours() -> Result<Vec<Child>, Box<dyn Error>> {
    let processors = thread::available_parallelism()?.get();
    let mut neighbour = Command::new(std::env::current_exe()?);
    neighbour.arg("keep-busy");
    let neighbours = (0..2 * processors).map(|_| neighbour.spawn()).collect::<Result<_, _>>()?;
    thread::sleep(Duration::from_millis(20)); // until all of them run
    Ok(neighbours)
}

/// Keeps a processor busy, for at most five seconds in case the parent dies.
fn keep_busy() -> Result<(), Box<dyn Error>> {
    let alarm = Alarm::after(Duration::from_secs(5))?;
    while alarm.check().is_ok() {}
    Ok(())
}
