//! Applies each operation to the library and the model, and compares the results.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use nix::libc::{self, SIGALRM, SIGUSR1};
use nix::sys::pthread::pthread_kill;
use nix::sys::signal::{SigHandler, Signal, signal};
use nix::time::{ClockId, clock_gettime};
use sigalarm::{Alarm, Cause, Ticker, TimedOut, checkpoint, suspended};

use super::LATE;
use super::naive::{Asked, Naive, Span};
use super::op::Op;
use super::stormer::Stormer;
use super::tally::Tally;
use super::world::World;
use crate::process;

/// Longer than arming takes without a preemption.
const HELD_UP: Duration = Duration::from_micros(200);

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

fn cpu() -> Duration {
    clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).expect("there is such a clock").into()
}

fn timed<T>(f: impl FnOnce() -> T) -> (T, Span) {
    let lo = Instant::now();
    let it = f();
    (it, Span { lo, hi: Instant::now() })
}

fn asked<T>(f: impl FnOnce() -> T) -> (T, Asked) {
    let (it, at) = timed(f);
    (it, Asked { at, cpu: cpu() })
}

fn spin(time: Duration) {
    let began = Instant::now();
    while began.elapsed() < time {}
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
                let before = cpu();
                self.arm(|| Alarm::builder().cpu_limit(limit).arm(), None, None);
                self.newest().cpu = Some((limit, Some((before, cpu()))));
            }
            Op::OnSignal => {
                self.arm(|| Alarm::builder().ring_on(SIGUSR1).arm(), None, None);
                self.newest().listens = true;
            }
            Op::Ticker(period) => self.arm_ticker(period),
            Op::Drop(n) => self.drop_one(n),
            Op::DropTicker(n) => self.drop_ticker(n),
            Op::DropAll(n) => self.drop_all(n),
            Op::Forget(n) => {
                if let Some(i) = self.which(n) {
                    std::mem::forget(self.alarms[i].0.take());
                }
            }
            Op::Restart(n) => {
                if let Some(i) = self.which(n) {
                    let before = cpu();
                    let ((), at) = timed(|| self.guard(i).restart());
                    self.alarms[i].1.restart(at, (before, cpu()));
                }
            }
            Op::Extend(n, more) => {
                if let Some(i) = self.which(n) {
                    self.guard(i).extend(more);
                    let shown = self.guard(i).limit();
                    self.alarms[i].1.extend(more, shown);
                }
            }
            Op::Ring(n) => {
                if let Some(i) = self.which(n) {
                    self.guard(i).ring();
                    self.alarms[i].1.latch(Cause::Rung);
                }
            }
            Op::Disarm(n) => {
                if let Some(i) = self.which(n) {
                    self.guard(i).disarm();
                    self.alarms[i].1.disarm();
                }
            }
            Op::Check(n) => {
                if let Some(i) = self.which(n) {
                    self.check(i);
                }
            }
            Op::IsExpired(n) => {
                if let Some(i) = self.which(n) {
                    self.is_expired(i);
                }
            }
            Op::Checkpoint => self.checkpoint(),
            Op::Ask(n) => {
                if let Some(i) = self.which(n) {
                    self.ask(i);
                }
            }
            Op::Await(n) => self.await_one(n),
            Op::Due(n) => {
                if !self.tickers.is_empty() {
                    let i = n % self.tickers.len();
                    self.due(i);
                }
            }
            Op::Spin(time) => spin(time),
            Op::Sleep(n, time) => self.sleep(n, time),
            Op::Kill(times) => self.world.kill(times, !self.is_free(), || process::kill_self(SIGALRM)),
            Op::KillThread(times) => {
                let me = nix::sys::pthread::pthread_self();
                let send = || pthread_kill(me, Signal::SIGALRM).expect("this thread lives");
                self.world.kill(times, !self.is_free(), send);
            }
            Op::User(times) => self.user(times),
            Op::SetTimer { value, period } => self.set_timer(value, period),
            Op::SetAction(which) => {
                if self.is_free() {
                    self.world.set_action(which);
                }
            }
            Op::Block => {
                if self.is_free() {
                    self.world.block();
                }
            }
            Op::Unblock => {
                if self.is_free() {
                    self.world.unblock();
                }
            }
            Op::ShutOut(time) => {
                if !self.is_free() && !self.world.blocked {
                    process::block(SIGALRM);
                    spin(time);
                    process::unblock(SIGALRM);
                }
            }
            Op::Suspended(time) => self.suspend(time),
            Op::Thread { which, limit, ring } => self.thread(which, limit, ring),
            Op::Fork(limit) => self.fork(limit),
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
        let (least, most) = (
            deadline.saturating_duration_since(naive.since.hi),
            deadline.saturating_duration_since(naive.since.lo) + anchored,
        );
        assert_eq!(shown, Some(deadline), "not the deadline that was asked for");
        assert!(
            limit.is_some_and(|limit| (least..=most).contains(&limit)),
            "{limit:?}, not {least:?}..{most:?}"
        );
        naive.limit = limit;
        naive.deadline = Some(Span { lo: deadline, hi: deadline + anchored });
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

    fn drop_one(&mut self, n: usize) {
        if let Some(i) = self.which(n) {
            self.alarms.remove(i);
        }
    }

    fn drop_ticker(&mut self, n: usize) {
        if self.tickers.is_empty() {
            return;
        }
        let i = n % self.tickers.len();
        // The ticks must include all periods that have passed.
        let passed = |ticking: &Ticking, now: Instant| {
            (now.saturating_duration_since(ticking.since.hi).as_nanos() / ticking.ticker.period().as_nanos())
                as u64
        };
        let expected = passed(&self.tickers[i], Instant::now());
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

    /// Returns whether the flag must be set, so that every check reads the clock.
    fn is_exact(&self) -> bool {
        self.suspended
            || self.alarms.iter().any(|(_, naive)| {
                let counts = naive.checks.is_some_and(|(_, left)| left.is_some());
                naive.known || naive.latched.is_some() || counts
            })
    }

    fn check(&mut self, i: usize) -> Option<TimedOut> {
        let exact = self.is_exact();
        self.count(i);
        let (result, asked) = asked(|| self.guard(i).check());
        self.compare(i, result.err(), &asked, exact)
    }

    fn is_expired(&mut self, i: usize) {
        let exact = self.is_exact();
        self.count(i);
        let (is_expired, asked) = asked(|| self.guard(i).is_expired());
        let Span { lo, .. } = asked.at;
        let mut around = self.alarms[..=i].iter();
        if is_expired {
            assert!(around.any(|(_, naive)| naive.may(&asked)), "{i} is expired early");
        } else if exact {
            assert!(!around.any(|(_, naive)| naive.must(lo)), "{i} should have expired");
        }
    }

    fn checkpoint(&mut self) {
        let exact = self.is_exact();
        let innermost = self.alarms.len().checked_sub(1);
        if let Some(innermost) = innermost {
            self.count(innermost);
        }
        let (result, asked) = asked(checkpoint);
        match innermost {
            Some(innermost) => {
                self.compare(innermost, result.err(), &asked, exact);
            }
            None => assert!(result.is_ok(), "there is no alarm, and yet {result:?}"),
        }
    }

    fn count(&mut self, i: usize) {
        self.alarms[..=i].iter_mut().for_each(|(_, naive)| naive.count());
    }

    /// Compares the result of a check of alarm `i` with the model.
    fn compare(&mut self, i: usize, e: Option<TimedOut>, asked: &Asked, exact: bool) -> Option<TimedOut> {
        let Some(e) = e else {
            let overdue = self.alarms[..=i].iter().position(|(_, naive)| naive.must(asked.at.lo));
            if let Some(overdue) = overdue {
                assert!(!exact, "{i} is well, though {overdue} has expired: {:#?}", self.alarms[overdue].1);
                return self.insist(i);
            }
            return None;
        };
        self.tally.time_outs.add(1);
        self.blame(i, &e, asked);
        Some(e)
    }

    /// The deadline of an alarm around `i` has passed, and its signal is pending.
    fn insist(&mut self, i: usize) -> Option<TimedOut> {
        let began = Instant::now();
        loop {
            assert!(began.elapsed() < LATE, "an alarm is lost: {:#?}", &self.alarms[..=i]);
            self.count(i);
            let (result, asked) = asked(|| self.guard(i).check());
            if let Err(e) = result {
                self.tally.time_outs.add(1);
                self.blame(i, &e, &asked);
                return Some(e);
            }
        }
    }

    /// Asserts that the error rightly names this alarm.
    fn blame(&mut self, i: usize, e: &TimedOut, asked: &Asked) {
        let Some(culprit) = self.alarms[..=i].iter().position(|(_, naive)| naive.id == e.alarm()) else {
            panic!("{e:?} belongs to no alarm around {i}: {:#?}", self.alarms);
        };
        if let Some(outer) = self.alarms[..culprit].iter().position(|(_, naive)| naive.must(asked.at.lo)) {
            panic!("{e:?} of {culprit} hides {outer}, which encloses it: {:#?}", self.alarms);
        }
        let naive = &mut self.alarms[culprit].1;
        if let Some(objection) = naive.objection(e, asked) {
            panic!("{objection}: {e:?}, asked {asked:?}: {naive:#?}");
        }
        naive.known = true;
        if e.cause() != Cause::Deadline {
            naive.latch(e.cause());
        } else if let Some(deadline) = naive.deadline {
            self.tally.latest.at_least(asked.at.lo.saturating_duration_since(deadline.hi).as_nanos() as u64);
        }
    }

    fn await_one(&mut self, n: usize) {
        let Some(i) = self.which(n) else { return };
        let soon = Instant::now() + SOON;
        let naive = &self.alarms[i].1;
        let by_time = naive.deadline.is_some_and(|deadline| deadline.hi < soon);
        let by_cpu = naive.cpu.is_some_and(|(_, began)| began.is_some());
        if !by_time && !by_cpu {
            return;
        }
        let began = Instant::now();
        while self.check(i).is_none() {
            assert!(began.elapsed() < LATE, "{i} is lost: {:#?}", self.alarms);
        }
    }

    fn ask(&mut self, i: usize) {
        let (asked, at) = timed(|| {
            let alarm = self.guard(i);
            (alarm.elapsed(), alarm.remaining(), alarm.limit(), alarm.label().map(str::to_owned), alarm.id())
        });
        let (elapsed, remaining, limit, label, id) = asked;
        let naive = &self.alarms[i].1;
        assert_eq!((limit, label.as_deref(), id), (naive.limit, naive.label, naive.id));
        let since =
            at.lo.saturating_duration_since(naive.since.hi)..=at.hi.saturating_duration_since(naive.since.lo);
        assert!(since.contains(&elapsed), "elapsed {elapsed:?}, not {since:?}");
        match (remaining, naive.deadline) {
            (None, None) => {}
            (Some(left), Some(Span { lo, hi })) => {
                let until = lo.saturating_duration_since(at.hi)..=hi.saturating_duration_since(at.lo);
                assert!(until.contains(&left), "remaining {left:?}, not {until:?}");
            }
            (left, deadline) => panic!("remaining {left:?}, with {deadline:?}"),
        }
    }

    fn due(&mut self, i: usize) {
        let ticking = &mut self.tickers[i];
        let (n, at) = timed(|| ticking.ticker.ticks());
        if n == 0 {
            return;
        }
        ticking.returned += n;
        let period = ticking.ticker.period().as_nanos();
        let periods = |time: Duration| (time.as_nanos() / period) as u64;
        let least = periods(at.lo.saturating_duration_since(ticking.since.hi));
        let most = periods(at.hi.saturating_duration_since(ticking.since.lo));
        assert!(
            (least..=most).contains(&ticking.returned),
            "{} periods returned, not {least}..{most}",
            ticking.returned
        );
    }

    fn sleep(&mut self, n: usize, time: Duration) {
        let Some(i) = self.which(n) else { return };
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

    /// The first signal rings the listening alarms. Later ones are the program's.
    fn user(&mut self, times: usize) {
        for turn in 0..times {
            let before = users();
            process::kill_self(SIGUSR1);
            let listening = self.alarms.iter().any(|(_, naive)| naive.listens && naive.latched.is_none());
            let expected = before + usize::from(!listening || turn > 0);
            assert_eq!(users(), expected, "SIGUSR1 went to the wrong one");
        }
        for (_, naive) in self.alarms.iter_mut().filter(|(_, naive)| naive.listens) {
            naive.latch(Cause::Signal(SIGUSR1));
        }
        self.checkpoint();
    }

    fn set_timer(&mut self, value: Duration, period: Duration) {
        // A timer over a guard's that expires before the library's next timer call goes unnoticed.
        let value =
            if self.is_free() || value.is_zero() { value } else { value + Duration::from_micros(300) };
        // The timer may still be set for a dropped alarm. Half of the rounds program it first.
        let put_right = value.as_micros() % 2 == 0;
        if put_right && !self.is_free() {
            self.speak_to_the_kernel();
        }
        let old = self.world.set_timer(value, period);
        if self.is_free() {
            self.world.is_over(old);
            return;
        }
        // A library that is preempted between its two readings cannot classify the remaining time.
        let held_up = self.speak_to_the_kernel() > HELD_UP;
        // A foreign deadline that coincides with the library's is taken for the library's.
        let deadlines = self.alarms.iter().filter_map(|(_, naive)| naive.deadline);
        // A timer disarmed just after a deadline of the library's may seem to have expired.
        if value.is_zero() && old.is_some() {
            self.world.may_ring_still();
        }
        let looks = !self.tickers.is_empty() || self.alarms.iter().any(|(_, a)| a.cpu.is_some());
        self.world.is_confused(deadlines, old, looks || held_up || !put_right);
        // The previous timer ran until then.
        self.world.is_over(old);
    }

    /// The library notices a foreign timer when it programs its own. Returns an upper bound on the duration.
    fn speak_to_the_kernel(&mut self) -> Duration {
        let began = Instant::now();
        let mut longest = Duration::ZERO;
        loop {
            assert!(began.elapsed() < LATE, "an alarm is lost over which a timer was set");
            let (alarm, at) = timed(|| Alarm::after(Duration::from_micros(1)).expect("arming"));
            longest = longest.max(at.hi - at.lo);
            self.world.taken_over(at);
            spin(Duration::from_micros(5));
            // A check counts for the enclosing alarms too.
            self.alarms.iter_mut().for_each(|(_, naive)| naive.count());
            if alarm.check().is_err() && alarm.remaining() == Some(Duration::ZERO) {
                break longest;
            }
        }
    }

    fn suspend(&mut self, time: Duration) {
        let nested = self.suspended;
        suspended(|| {
            self.suspended = true;
            self.world.look();
            self.world.must_be_as_found();
            if let Some(i) = self.which(1) {
                self.check(i);
            }
            spin(time);
            self.checkpoint();
            self.world.must_be_as_found();
        });
        self.suspended = nested;
        let now = Instant::now();
        self.world.taken_over(Span { lo: now, hi: now });
    }

    fn thread(&mut self, n: usize, limit: Duration, ring: bool) {
        let Some(i) = self.which(n) else { return };
        if self.world.blocked || self.alarms[..=i].iter().any(|(_, naive)| naive.checks.is_some()) {
            return;
        }
        self.tally.threads.add(1);
        // A timer that was set over an expiry of the library's, and that the library has not noticed yet, is lost once the process
        // has two threads.
        self.world.doubt_timer();
        let alarm = self.guard(i);
        let answers = std::thread::scope(|s| {
            let worker = s.spawn(move || {
                assert!(checkpoint().is_ok(), "no alarm is this thread's");
                let entered = alarm.enter();
                let first = asked(checkpoint);
                let own = Alarm::after(limit).expect("arming");
                let began = Instant::now();
                let second = loop {
                    assert!(began.elapsed() < LATE, "an alarm of a thread is lost");
                    let (result, asked) = asked(|| own.check());
                    if let Err(e) = result {
                        break (e, asked);
                    }
                };
                if own.owns(&second.0) {
                    assert!(second.0.elapsed() >= limit, "early");
                } else {
                    assert!(alarm.check().is_err(), "if one that encloses it has expired, so has it");
                }
                if ring {
                    alarm.ring();
                    assert!(alarm.check().is_err(), "it was rung");
                }
                let own_id = own.id();
                drop(own);
                drop(entered);
                assert!(checkpoint().is_ok(), "no alarm is this thread's any more");
                (first, second, own_id)
            });
            worker.join()
        });
        let ((first, at_first), (e, at_second), own) = match answers {
            Ok(answers) => answers,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        match first {
            Err(e) => self.blame(i, &e, &at_first),
            Ok(()) => {
                let exact = self.is_exact();
                let must = self.alarms[..=i].iter().any(|(_, naive)| naive.must(at_first.at.lo));
                assert!(
                    !exact || !must,
                    "an entered alarm's check is Ok, though an enclosing alarm has expired"
                );
            }
        }
        if e.alarm() != own {
            self.blame(i, &e, &at_second);
        } else {
            let overdue = self.alarms[..=i].iter().any(|(_, naive)| naive.must(at_second.at.lo));
            assert!(!overdue, "an alarm of a thread hides one around it");
        }
        if ring {
            self.alarms[i].1.latch(Cause::Rung);
        }
    }

    fn fork(&mut self, limit: Duration) {
        self.tally.forks.add(1);
        let parent = self.tally;
        let status = process::in_child(|| {
            assert!(checkpoint().is_ok(), "a child has no alarms");
            self.world.must_be_as_found_without_timer();
            for (alarm, _) in self.alarms.iter().filter_map(|(alarm, naive)| Some((alarm.as_ref()?, naive))) {
                assert!(alarm.check().is_ok() && alarm.remaining().is_none(), "a child's guards are inert");
                alarm.ring();
                assert!(alarm.check().is_ok(), "a child's guards are inert");
            }
            {
                let alarm = Alarm::after(limit).expect("arming");
                let began = Instant::now();
                let e = loop {
                    assert!(began.elapsed() < LATE, "a child's alarm is lost");
                    if let Err(e) = alarm.check() {
                        break e;
                    }
                };
                assert!(alarm.owns(&e) && e.elapsed() >= limit, "a child's alarm: {e:?}");
                parent.alarms.add(1);
                self.alarms.clear();
                self.tickers.clear();
            }
            self.world.must_be_as_found_without_timer();
        });
        assert_eq!(status, 0, "a child failed: {}", self.tally.complaint());
    }
}
