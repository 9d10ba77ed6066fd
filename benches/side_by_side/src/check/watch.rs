//! The limits that the checks look at: an alarm, tokens of other crates, clocks.

use std::cell::RefCell;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use cancel_this::DynamicCancellationTrigger;
use sigalarm::Alarm;
use stop_token::{StopSource, StopToken};
use tokio_util::sync::CancellationToken;

/// An error for crates without one.
#[derive(Debug)]
pub struct Stopped;

pub trait Limit {
    fn is_expired(&self) -> bool;
}

impl Limit for Arc<AtomicBool> {
    #[inline(always)]
    fn is_expired(&self) -> bool {
        self.load(Ordering::Relaxed)
    }
}

impl Limit for CancellationToken {
    #[inline(always)]
    fn is_expired(&self) -> bool {
        self.is_cancelled()
    }
}

/// A stop-token is a future, which can be polled.
pub struct Polled {
    token: RefCell<StopToken>,
    _source: StopSource,
}

impl Limit for Polled {
    #[inline(always)]
    fn is_expired(&self) -> bool {
        let mut token = self.token.borrow_mut();
        Future::poll(Pin::new(&mut *token), &mut Context::from_waker(Waker::noop())).is_ready()
    }
}

impl Limit for Instant {
    #[inline(always)]
    fn is_expired(&self) -> bool {
        Instant::now() >= *self
    }
}

impl Limit for quanta::Instant {
    #[inline(always)]
    fn is_expired(&self) -> bool {
        quanta::Instant::now() >= *self
    }
}

/// The kernel's coarse clock, read at each check.
pub struct Coarse(coarsetime::Instant);

impl Limit for Coarse {
    #[inline(always)]
    fn is_expired(&self) -> bool {
        coarsetime::Instant::now() >= self.0
    }
}

pub struct CoarseRecent(coarsetime::Instant);

impl Limit for CoarseRecent {
    #[inline(always)]
    fn is_expired(&self) -> bool {
        coarsetime::Instant::recent() >= self.0
    }
}

/// A flag, and the thread that sets it at the limit.
pub struct Flag {
    pub flag: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Flag {
    pub fn after(limit: Duration) -> Flag {
        let flag = Arc::new(AtomicBool::new(false));
        let set = Arc::clone(&flag);
        let end = Instant::now() + limit;
        let thread = thread::spawn(move || {
            while let Some(left) = end.checked_duration_since(Instant::now()) {
                thread::park_timeout(left);
                if Arc::strong_count(&set) == 1 {
                    return;
                }
            }
            set.store(true, Ordering::Relaxed);
        });
        Flag { flag, thread: Some(thread) }
    }
}

impl Drop for Flag {
    fn drop(&mut self) {
        self.flag = Arc::new(AtomicBool::new(true));
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            thread.join().expect("it only waits");
        }
    }
}

pub struct Watches {
    pub alarm: Alarm,
    pub flag: Flag,
    pub triggers: DynamicCancellationTrigger,
    pub tokio: CancellationToken,
    pub cancel: cancel::Token,
    pub stop: Polled,
}

impl Watches {
    pub fn new(limit: Duration) -> Watches {
        let source = StopSource::new();
        Watches {
            alarm: Alarm::after(limit).expect("arming"),
            flag: Flag::after(limit),
            triggers: cancel_this::active_triggers(),
            tokio: CancellationToken::new(),
            cancel: cancel::Token::with_duration(limit),
            stop: Polled { token: RefCell::new(source.token()), _source: source },
        }
    }
}

pub struct Clocks {
    pub std: Instant,
    pub quanta: quanta::Instant,
    pub coarse: Coarse,
    pub coarse_recent: CoarseRecent,
    _updater: coarsetime::Updater,
}

impl Clocks {
    pub fn new(limit: Duration) -> Clocks {
        let updater = coarsetime::Updater::new(1).start().expect("a thread");
        let end = coarsetime::Instant::now() + limit.into();
        Clocks {
            std: Instant::now() + limit,
            quanta: quanta::Instant::now() + limit,
            coarse: Coarse(end),
            coarse_recent: CoarseRecent(end),
            _updater: updater,
        }
    }
}
