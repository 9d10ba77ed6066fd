use sigalarm::{Alarm, TimedOut};

use crate::incumbent::Incumbent;
use crate::tour::Tour;

/// The most cities whose tours can all be tried within milliseconds.
pub const MOST_CITIES: usize = 9;

pub fn search(best: &mut Incumbent, alarm: &Alarm) -> Result<(), TimedOut> {
    let mut order: Vec<u32> = best.tour().cities().map(|city| city as u32).collect();
    // A tour is closed, so the first city can stay first.
    extend(&mut order, 1, 0, best, alarm)
}

/// Tries every order of the cities from index `done`. `length` is that of the path before it.
fn extend(
    order: &mut [u32],
    done: usize,
    length: i64,
    best: &mut Incumbent,
    alarm: &Alarm,
) -> Result<(), TimedOut> {
    alarm.check()?;
    if length >= best.length() {
        return Ok(());
    }
    let last = order[done - 1] as usize;
    if done == order.len() {
        let length = length + best.instance.distance(last, order[0] as usize);
        best.offer(Tour::new(order.to_vec()), length, || alarm.elapsed());
        return Ok(());
    }
    for i in done..order.len() {
        order.swap(done, i);
        let step = best.instance.distance(last, order[done] as usize);
        extend(order, done + 1, length + step, best, alarm)?;
        order.swap(done, i);
    }
    Ok(())
}
