//! One thread held at an instruction of its handler, while another arms and drops.
//!
//! The kernel gives a ring to another thread while the first stands still. That one is stopped in the handler, at each
//! instruction in turn, and the first goes on: it drops the last guard with the ring under way, arms the next, drops
//! that, and so on, up to a point at which the other may go on as well. Or it is stopped itself on its way, the other
//! comes to the end of its handler, and then it goes on.

use std::cell::Cell;
use std::process::exit;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::sys::ptrace;
use nix::sys::signal::Signal;
use nix::sys::wait::WaitStatus;

use crate::support::process::counted;
use crate::support::{Scenario, scenario};
use crate::sweep::{Choice, Tally, place};
use crate::tracee::{self, Comes, Deal, NOT_TRACED, Owner, SECOND, Scene, after, begin, end, nap};
use crate::tracer::{self, Astray, Standing, Trace};

pub fn scenarios() -> Vec<Scenario> {
    vec![
        scenario("held_while_others_drop", || held("held_while_others_drop", drops, 1)),
        scenario("held_while_others_drop_later", || held("held_while_others_drop_later", drops_later, 4)),
        scenario("held_while_others_answer", || held("held_while_others_answer", answers, 3)),
        scenario("rung_during_a_check", || during("rung_during_a_check", checks)),
        scenario("rung_during_a_restart", || during("rung_during_a_restart", restarts)),
        scenario("both_held_in_a_drop", || both("both_held_in_a_drop", drops)),
        scenario("both_held_in_a_later_drop", || both("both_held_in_a_later_drop", drops_and_arms)),
        scenario("both_held_in_an_answer", || both("both_held_in_an_answer", answers_at_once)),
    ]
}

/// Until our ring comes; both threads must be where they are to be by then.
const TIME: Duration = Duration::from_millis(3);

/// How long the first thread may wait for the one that is held.
const PATIENCE: Duration = Duration::from_millis(4);

static READY: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// How many points are left until the one at which the other thread may go on.
    static POINTS: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// A point at which the other thread may go on.
fn point() {
    if POINTS.get() == 1 {
        begin();
    }
    POINTS.set(POINTS.get().wrapping_sub(1));
}

/// What the first thread does from the moment at which the other has the ring.
type Story = fn(sigalarm::Alarm);

fn drops(alarm: sigalarm::Alarm) {
    drop(alarm);
    end();
    point();
}

/// Others are armed and dropped before.
fn drops_later(alarm: sigalarm::Alarm) {
    drop(alarm);
    let alarm = after(10 * SECOND);
    point();
    drop(alarm);
    point();
    let alarm = after(Duration::from_micros(30));
    while alarm.check().is_ok() {}
    point();
    drop(alarm);
    end();
    point();
}

/// The alarm is answered, and armed again, while its ring is still under way.
fn answers(alarm: sigalarm::Alarm) {
    while alarm.check().is_ok() {}
    alarm.restart();
    point();
    let inner = after(Duration::from_micros(10));
    while inner.check().is_ok() {}
    drop(inner);
    point();
    alarm.restart();
    drop(alarm);
    end();
    point();
}

/// The same without waiting for what only the other can bring, or a ring that is put off.
fn drops_and_arms(alarm: sigalarm::Alarm) {
    drop(alarm);
    let alarm = after(10 * SECOND);
    drop(alarm);
    end();
}

fn answers_at_once(alarm: sigalarm::Alarm) {
    let _ = alarm.check();
    alarm.restart();
    let inner = after(Duration::ZERO);
    assert!(inner.check().is_err());
    drop(inner);
    drop(alarm);
    end();
}

/// A check that has been called for nothing, and one that must be called for something.
fn checks(alarm: sigalarm::Alarm) {
    let _ = alarm.check();
    end();
    point();
    notices(alarm);
}

fn restarts(alarm: sigalarm::Alarm) {
    alarm.restart();
    end();
    point();
    notices(alarm);
}

fn notices(alarm: sigalarm::Alarm) {
    let began = Instant::now();
    while alarm.check().is_ok() {
        assert!(began.elapsed() < 5 * SECOND, "our ring is lost");
    }
    assert!(alarm.elapsed() >= TIME, "early");
}

/// The process: a thread that takes the ring, and the first, which has a story.
fn life(owner: Owner, story: Story, points: usize) {
    life_of(owner, story, points, TIME);
}

fn life_of(owner: Owner, story: Story, points: usize, time: Duration) {
    let scene = Scene::set(&Deal { owner, comes: Comes::Ring, time, company: false });
    std::thread::spawn(|| {
        tracee::be_traced();
        begin();
        READY.store(true, Ordering::SeqCst);
        loop {
            nap(SECOND);
        }
    });
    while !READY.load(Ordering::SeqCst) {
        std::thread::yield_now();
    }
    POINTS.set(points);
    tracee::be_traced();
    let alarm = after(time);
    drop(after(Duration::ZERO)); // It rings the bell.
    begin();
    story(alarm);
    assert_eq!(counted(), 0, "a ring of ours went to the owner");
    scene.over();
}

/// How far the first is when the ring comes: at its beginning, or at an instruction of its story.
type Until<'a> = Option<(&'a Trace, usize)>;

/// The two threads of such a process: the first where it is to be, and the other with the ring, before the handler's
/// first instruction. `None` if the ring was too quick.
fn pair(
    owner: Owner,
    story: Story,
    points: usize,
    until: Until,
) -> Result<Option<(Standing, Standing)>, WaitStatus> {
    let other = tracer::start(|| life(owner, story, points))?;
    ptrace::cont(other.thread, None).expect("a stopped thread");
    let first = Standing { process: other.process, thread: other.process };
    // The first comes to its beginning, and the other gets the ring; in this order, if all goes well.
    for (thread, signal) in [(first.thread, Signal::SIGTRAP), (other.thread, Signal::SIGALRM)] {
        match tracer::wait_for(thread, SECOND * 5) {
            Some(WaitStatus::Stopped(_, came)) if came == signal => {}
            _ => {
                first.end();
                return Ok(None);
            }
        }
        if signal == Signal::SIGTRAP {
            let _ = first.leave_trap();
            if until.is_some_and(|(trace, k)| first.run_to(trace, k).is_err()) {
                first.end();
                return Ok(None);
            }
        }
    }
    if other.step(Some(Signal::SIGALRM)).is_err() {
        first.end();
        return Ok(None);
    }
    Ok(Some((first, other)))
}

fn surely(
    owner: Owner,
    story: Story,
    points: usize,
    until: Until,
    name: &str,
    tally: &mut Tally,
) -> Option<(Standing, Standing)> {
    for _ in 0..20 {
        match pair(owner, story, points, until) {
            Ok(Some(both)) => return Some(both),
            Ok(None) => tally.again += 1,
            Err(WaitStatus::Exited(_, NOT_TRACED)) => {
                println!("skipped: {name}: no process may be traced here");
                exit(0);
            }
            Err(end) => panic!("{name}: not even begun: {end:?}"),
        }
    }
    tally.missed += 1;
    None
}

/// The instructions of the handler.
fn handler(story: Story, name: &str, tally: &mut Tally) -> Vec<u64> {
    let (first, other) = surely(Owner::Counts, story, 0, None, name, tally).expect("a quiet moment");
    let mut pcs = Vec::new();
    let mut walk = || -> Result<(), Astray> {
        pcs.push(other.pc()?);
        while !other.returns_from_handler()? {
            other.step(None)?;
            pcs.push(other.pc()?);
        }
        Ok(())
    };
    walk().expect("the end of the handler");
    first.end();
    pcs
}

fn judged(first: Standing, tally: &mut Tally) -> Result<(), String> {
    tally.deliveries += 1;
    match tracer::end_of(first.process)? {
        WaitStatus::Exited(_, 0) => Ok(()),
        end => Err(format!("{end:?}")),
    }
}

/// Each instruction of the handler, and each point up to which it is held.
fn held(name: &'static str, story: Story, points: usize) -> ! {
    let began = Instant::now();
    let mut tally = Tally::default();
    let pcs = handler(story, name, &mut tally);
    tally.instructions = pcs.len();
    'all: for owner in [Owner::Default, Owner::Counts] {
        for points in 1..=points {
            for j in Choice::made().of(pcs.len()) {
                let Some((first, other)) = surely(owner, story, points, None, name, &mut tally) else {
                    continue;
                };
                if (0..j).any(|_| other.step(None).is_err()) {
                    first.end();
                    tally.again += 1;
                    continue;
                }
                // It runs to its point, or until it waits for the one that is held, or to its end.
                let came = run_to_point(&first);
                tally.waiting += usize::from(came);
                other.release();
                if came {
                    std::thread::sleep(Duration::from_micros(if j % 2 == 0 { 100 } else { 0 }));
                    first.release();
                }
                if let Err(why) = judged(first, &mut tally) {
                    tally.failures += 1;
                    eprintln!(
                        "{name}, {owner:?}, held to point {points} at {j} of {}, {}: {why}",
                        pcs.len(),
                        place(pcs[j])
                    );
                    if tally.failures > 5 {
                        break 'all;
                    }
                }
            }
        }
    }
    tally.told(name, began)
}

/// Whether the thread has come to the point; if not, it runs on.
fn run_to_point(first: &Standing) -> bool {
    let mut with = None;
    loop {
        let _ = ptrace::cont(first.thread, with);
        match tracer::wait_for(first.thread, PATIENCE) {
            Some(WaitStatus::Stopped(_, Signal::SIGTRAP)) => {
                let _ = first.leave_trap();
                return true;
            }
            Some(WaitStatus::Stopped(_, signal)) => with = Some(signal),
            _ => return false,
        }
    }
}

/// The other at an instruction of its handler, the first at an instruction of its story: the other comes to its end, and
/// then the first.
fn both(name: &'static str, story: Story) -> ! {
    let began = Instant::now();
    let mut tally = Tally::default();
    let pcs = handler(story, name, &mut tally);
    'all: for owner in [Owner::Default, Owner::Counts] {
        for j in Choice::made().of(pcs.len()) {
            // The way that the first takes depends on how far the other is.
            let Some(trace) = way(owner, story, j, name, &mut tally) else {
                tally.missed += 1;
                continue;
            };
            tally.instructions = tally.instructions.max(trace.len());
            for k in Choice::made().fewer().of(trace.len()) {
                let Some((first, other)) = surely(owner, story, usize::MAX, None, name, &mut tally) else {
                    continue;
                };
                if (0..j).any(|_| other.step(None).is_err()) || first.run_to(&trace, k).is_err() {
                    first.end();
                    tally.again += 1;
                    continue;
                }
                tally.waiting += 1;
                other.release();
                // Time to come to the end of the handler.
                std::thread::sleep(Duration::from_micros(100));
                first.release();
                if let Err(why) = judged(first, &mut tally) {
                    tally.failures += 1;
                    eprintln!(
                        "{name}, {owner:?}, the handler at {j} of {}, {}, the other at {k} of {}, {}: {why}",
                        pcs.len(),
                        place(pcs[j]),
                        trace.len(),
                        place(trace.pcs[k])
                    );
                    if tally.failures > 5 {
                        break 'all;
                    }
                }
            }
        }
    }
    tally.told(name, began)
}

/// The instructions of the story, with the other held at instruction `j` of its handler.
fn way(owner: Owner, story: Story, j: usize, name: &str, tally: &mut Tally) -> Option<Trace> {
    let (first, other) = surely(owner, story, usize::MAX, None, name, tally)?;
    let trace = if (0..j).all(|_| other.step(None).is_ok()) {
        first.trace(tracee::end_address(), false).ok()
    } else {
        None
    };
    first.end();
    trace
}

/// The first at an instruction of its story, the other at an instruction of its handler: the first comes to the end of
/// the story, and then the other.
fn during(name: &'static str, story: Story) -> ! {
    let began = Instant::now();
    let mut tally = Tally::default();
    let pcs = handler(story, name, &mut tally);
    let trace = undisturbed(story);
    tally.instructions = trace.len();
    'all: for k in Choice::made().of(trace.len()) {
        for j in Choice::made().fewer().of(pcs.len()) {
            let owner = if (j + k) % 2 == 0 { Owner::Default } else { Owner::Counts };
            let Some((first, other)) = surely(owner, story, 1, Some((&trace, k)), name, &mut tally) else {
                continue;
            };
            if (0..j).any(|_| other.step(None).is_err()) {
                first.end();
                tally.again += 1;
                continue;
            }
            let came = run_to_point(&first);
            tally.waiting += usize::from(came);
            other.release();
            if came {
                std::thread::sleep(Duration::from_micros(100));
                first.release();
            }
            if let Err(why) = judged(first, &mut tally) {
                tally.failures += 1;
                eprintln!(
                    "{name}, {owner:?}, rung at {k} of {}, {}, held in the handler at {j} of {}, {}: {why}",
                    trace.len(),
                    place(trace.pcs[k]),
                    pcs.len(),
                    place(pcs[j])
                );
                if tally.failures > 5 {
                    break 'all;
                }
            }
        }
    }
    tally.told(name, began)
}

/// The instructions of the story, long before the ring.
fn undisturbed(story: Story) -> Trace {
    let other =
        tracer::start(|| life_of(Owner::Counts, story, usize::MAX, 20 * SECOND)).expect("a beginning");
    ptrace::cont(other.thread, None).expect("a stopped thread");
    let first = tracer::next_trap(other.process).expect("a beginning");
    let trace = first.trace(tracee::end_address(), false).expect("an end");
    first.end();
    trace
}
