//! Applies each operation to the library and the model, and compares the results.

mod checks;
mod elsewhere;
mod signals;

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::naive::{Asked, Naive, Span};
use super::op::Op;
use super::stormer::Stormer;
use super::tally::Tally;
use super::world::World;
use crate::alarms::{LATE, cpu_time, spin};
use crate::process;
use nix::libc::{self, SIGALRM, SIGUSR1};
use nix::sys::pthread::pthread_kill;
use nix::sys::signal::{SigHandler, Signal, signal};
use sigalarm::{Alarm, Cause, Ticker};

/// Later deadlines are not waited for.
const SOON: Duration = Duration::from_millis(3);

struct Player {
    tally: &'static Tally,
    /// The alarms of this thread, the outermost first. A leaked one has no guard.
    alarms: Vec<(Option<Alarm>, Naive)>,
    tickers: Vec<Ticking>,
    world: World,
    /// How much too early the library may show a deadline: it reads two clocks in sequence.
    anchored: Duration,
    suspended: bool,
}

struct Ticking {
    ticker: Ticker,
    since: Span,
    returned: u64,
}

impl Ticking {
    /// The least and the most periods that have passed.
    fn periods(&self, at: Span) -> RangeInclusive<u64> {
        let (least, most) = self.since.until(at).into_inner();
        let number = |time: Duration| (time.as_nanos() / self.ticker.period().as_nanos()) as u64;
        number(least)..=number(most)
    }
}

pub fn play(ops: &[Op], stormy: bool, tally: &'static Tally) {
    let own = SigHandler::Handler(user);
    // The handler only counts.
    #[allow(unsafe_code, clippy::undocumented_unsafe_blocks)]
    unsafe { signal(Signal::SIGUSR1, own) }.expect("there is such a signal");
    let mut player = Player::new(tally, stormy);
    let _storm = stormy.then(|| Stormer::begin(&tally.sent, 200));
    for (n, op) in ops.iter().enumerate() {
        tally.at.set(n as u64);
        player.perform(op);
        player.world.look();
        if player.is_free() {
            player.world.must_be_as_found();
        }
    }
    player.drop_all(1);
    if player.is_free() {
        player.world.calm();
        player.world.must_be_as_found();
    }
    tally.operations.add(ops.len() as u64);
    tally.handled.add(process::counted() as u64);
}

static USERS: AtomicUsize = AtomicUsize::new(0);

extern "C" fn user(_: libc::c_int) {
    USERS.fetch_add(1, Ordering::SeqCst);
}

fn users() -> usize {
    USERS.load(Ordering::SeqCst)
}

fn timed<T>(f: impl FnOnce() -> T) -> (T, Span) {
    let lo = Instant::now();
    let it = f();
    (it, Span { lo, hi: Instant::now() })
}

fn asked<T>(f: impl FnOnce() -> T) -> (T, Asked) {
    let (it, at) = timed(f);
    (it, Asked { at, cpu: cpu_time() })
}

impl Player {
    fn new(tally: &'static Tally, stormy: bool) -> Player {
        let world = World::new(tally, stormy);
        let hour = Duration::from_secs(3_600);
        let (alarm, at) = timed(|| Alarm::after(hour).expect("arming"));
        let shown = alarm.deadline().expect("a deadline");
        let anchored = (at.hi + hour).saturating_duration_since(shown);
        Player { tally, alarms: Vec::new(), tickers: Vec::new(), world, anchored, suspended: false }
    }

    fn is_free(&self) -> bool {
        self.alarms.is_empty() && self.tickers.is_empty()
    }

    fn which(&self, n: usize) -> Option<usize> {
        // A leaked alarm cannot be checked.
        let there: Vec<usize> = (0..self.alarms.len()).filter(|i| self.alarms[*i].0.is_some()).collect();
        (!there.is_empty()).then(|| there[n % there.len()])
    }

    fn guard(&self, i: usize) -> &Alarm {
        self.alarms[i].0.as_ref().expect("asked for those that have one")
    }

    fn perform(&mut self, op: &Op) {
        match *op {
            Op::After { limit, label: false } => self.arm(|| Alarm::after(limit), Some(limit), None),
            Op::After { limit, label: true } => {
                let label = "labelled";
                self.arm(|| Alarm::builder().after(limit).label(label).arm(), Some(limit), Some(label));
            }
            Op::At { ahead } => self.arm_at(Instant::now() + ahead),
            Op::InThePast => self.arm_at(Instant::now() - Duration::from_millis(1)),
            Op::Never => self.arm(Alarm::never, None, None),
            Op::Checks(budget) => {
                self.arm(|| Alarm::builder().check_limit(budget).arm(), None, None);
                self.newest().checks = Some((budget, Some(budget)));
            }
            Op::Cpu(limit) => {
                let before = cpu_time();
                self.arm(|| Alarm::builder().cpu_limit(limit).arm(), None, None);
                self.newest().cpu = Some((limit, Some((before, cpu_time()))));
            }
            Op::OnSignal => {
                self.arm(|| Alarm::builder().ring_on(SIGUSR1).arm(), None, None);
                self.newest().listens = true;
            }
            Op::Ticker(period) => self.arm_ticker(period),
            Op::Drop(n) => self.on(n, |player, i| _ = player.alarms.remove(i)),
            Op::DropTicker(n) => self.drop_ticker(n),
            Op::DropAll(n) => self.drop_all(n),
            Op::Forget(n) => self.on(n, |player, i| std::mem::forget(player.alarms[i].0.take())),
            Op::Restart(n) => self.on(n, |player, i| {
                let before = cpu_time();
                let ((), at) = timed(|| player.guard(i).restart());
                player.alarms[i].1.restart(at, (before, cpu_time()));
            }),
            Op::Extend(n, more) => self.on(n, |player, i| {
                player.guard(i).extend(more);
                let shown = player.guard(i).limit();
                player.alarms[i].1.extend(more, shown);
            }),
            Op::Ring(n) => self.on(n, |player, i| {
                player.guard(i).ring();
                player.alarms[i].1.latch(Cause::Rung);
            }),
            Op::Disarm(n) => self.on(n, |player, i| {
                player.guard(i).disarm();
                player.alarms[i].1.disarm();
            }),
            Op::Check(n) => self.on(n, |player, i| _ = player.check(i)),
            Op::IsExpired(n) => self.on(n, Player::is_expired),
            Op::Checkpoint => self.checkpoint(),
            Op::Ask(n) => self.on(n, |player, i| player.ask(i)),
            Op::Await(n) => self.on(n, Player::await_one),
            Op::Due(_) if self.tickers.is_empty() => {}
            Op::Due(n) => self.due(n % self.tickers.len()),
            Op::Spin(time) => spin(time),
            Op::Sleep(n, time) => self.on(n, |player, i| player.sleep(i, time)),
            Op::Kill(times) => self.world.kill(times, !self.is_free(), || process::kill_self(SIGALRM)),
            Op::KillThread(times) => {
                let me = nix::sys::pthread::pthread_self();
                let send = || pthread_kill(me, Signal::SIGALRM).expect("this thread lives");
                self.world.kill(times, !self.is_free(), send);
            }
            Op::User(times) => self.user(times),
            Op::SetTimer { value, period } => self.set_timer(value, period),
            Op::SetAction(which) if self.is_free() => self.world.set_action(which),
            Op::Block if self.is_free() => self.world.block(),
            Op::Unblock if self.is_free() => self.world.unblock(),
            Op::SetAction(_) | Op::Block | Op::Unblock => {}
            Op::ShutOut(time) => {
                if !self.is_free() && !self.world.blocked {
                    process::block(SIGALRM);
                    spin(time);
                    process::unblock(SIGALRM);
                }
            }
            Op::Suspended(time) => self.suspend(time),
            Op::Thread { which, limit, ring } => self.on(which, |player, i| player.thread(i, limit, ring)),
            Op::Fork(limit) => self.fork(limit),
        }
    }

    /// Applies an operation to the alarm that `n` names, if there is one.
    fn on(&mut self, n: usize, operation: impl FnOnce(&mut Player, usize)) {
        if let Some(i) = self.which(n) {
            operation(self, i);
        }
    }

    fn newest(&mut self) -> &mut Naive {
        &mut self.alarms.last_mut().expect("it has just been armed").1
    }

    fn arm(
        &mut self,
        arm: impl FnOnce() -> Result<Alarm, sigalarm::ArmError>,
        limit: Option<Duration>,
        label: Option<&'static str>,
    ) {
        let was_free = self.is_free();
        let (alarm, since) = timed(arm);
        let alarm = alarm.expect("arming");
        if was_free {
            self.world.taken_over(since);
        }
        let deadline = limit.and_then(|limit| since.after(limit));
        let naive = Naive {
            id: alarm.id(),
            label,
            limit: limit.filter(|_| deadline.is_some()),
            since,
            deadline,
            latched: None,
            checks: None,
            cpu: None,
            listens: false,
            known: false,
        };
        self.tally.alarms.add(1);
        self.alarms.push((Some(alarm), naive));
    }

    fn arm_at(&mut self, deadline: Instant) {
        self.arm(|| Alarm::at(deadline), None, None);
        let (shown, limit) = (self.newest_guard().deadline(), self.newest_guard().limit());
        let anchored = self.anchored;
        let naive = self.newest();
        assert_eq!(shown, Some(deadline), "not the deadline that was asked for");
        let deadline = Span { lo: deadline, hi: deadline + anchored };
        let left = naive.since.until(deadline);
        assert!(limit.is_some_and(|limit| left.contains(&limit)), "{limit:?}, not {left:?}");
        naive.limit = limit;
        naive.deadline = Some(deadline);
    }

    fn newest_guard(&self) -> &Alarm {
        self.guard(self.alarms.len() - 1)
    }

    fn arm_ticker(&mut self, period: Duration) {
        let was_free = self.is_free();
        let (ticker, since) = timed(|| Ticker::every(period).expect("arming"));
        if was_free {
            self.world.taken_over(since);
        }
        self.tickers.push(Ticking { ticker, since, returned: 0 });
    }

    fn drop_ticker(&mut self, n: usize) {
        if self.tickers.is_empty() {
            return;
        }
        let i = n % self.tickers.len();
        // The ticks must include all periods that have passed.
        let now = Instant::now();
        let expected = *self.tickers[i].periods(Span { lo: now, hi: now }).start();
        let began = Instant::now();
        while self.tickers[i].returned < expected {
            self.due(i);
            assert!(began.elapsed() < LATE, "a ticker has lost its periods");
        }
        self.tickers.swap_remove(i);
    }

    fn drop_all(&mut self, order: usize) {
        while let Some(i) = self.which(order) {
            self.alarms.remove(i);
        }
        while !self.tickers.is_empty() {
            self.drop_ticker(order);
        }
    }

    fn due(&mut self, i: usize) {
        let ticking = &mut self.tickers[i];
        let (n, at) = timed(|| ticking.ticker.ticks());
        if n == 0 {
            return;
        }
        ticking.returned += n;
        let periods = ticking.periods(at);
        assert!(
            periods.contains(&ticking.returned),
            "{} periods returned, not {periods:?}",
            ticking.returned
        );
    }

    fn sleep(&mut self, i: usize, time: Duration) {
        // The number of checks in a sleep is unspecified.
        if self.alarms[..=i].iter().any(|(_, naive)| naive.checks.is_some()) {
            return;
        }
        let (result, asked) = asked(|| self.guard(i).sleep(time));
        match result {
            Ok(()) => {
                assert!(asked.at.hi - asked.at.lo >= time, "woke early");
                let overdue = self.alarms[..=i].iter().any(|(_, naive)| naive.must(asked.at.lo));
                assert!(!overdue, "slept in spite of an alarm that had expired: {:#?}", self.alarms);
            }
            Err(e) => {
                // An enclosing alarm may have expired during the sleep.
                self.tally.time_outs.add(1);
                self.blame(i, &e, &asked);
            }
        }
    }
}
