//! What is known of each thread that has alarms.

use std::cell::Cell;
use std::io;
use std::ptr;
use std::time::Duration;

use super::FLAG;
use super::registry::Registered;
use super::shared::SHARED;
use super::state::{STATE, prepare};
use super::timer::Kind;
use super::timer::posix::PosixTimer;
use crate::error::ArmError;
use crate::os::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::os::handler::{Arrival, Sender};
use crate::os::local::thread_local;
use crate::os::posix_timer::{ThreadId, TimerId, When};
use crate::os::thread::Handle;
use crate::os::{mask, pending, thread_end};
use crate::schedule::{Key, Positions, Queue, Scope};
use crate::time::Time;

/// What the handler reads of a thread.
pub(super) struct Record {
    /// The thread's timer has expired, and has not been set since.
    has_expired: AtomicBool,
    /// As [`Handle`] names it; zero for none.
    thread: AtomicUsize,
    /// The thread had SIGALRM blocked, and the library has let it in.
    is_opened: AtomicBool,
    /// A signal that was not the library's has come there, and SIGALRM is blocked again.
    is_kept_out: AtomicBool,
    /// A signal that was sent to the thread is to be sent again, as soon as none is pending that would take it in.
    is_raise_due: AtomicBool,
    /// The thread's private timer, while the thread is blocked in a system call; zero if not.
    pub(super) wake_by: AtomicUsize,
    /// A handler has set that timer.
    pub(super) is_woken: AtomicBool,
    /// The thread's private timer, from when it is set until it is disarmed; else zero.
    pub(super) set_timer: AtomicUsize,
}

impl Record {
    fn new() -> Record {
        Record {
            has_expired: AtomicBool::new(false),
            thread: AtomicUsize::new(0),
            is_opened: AtomicBool::new(false),
            is_kept_out: AtomicBool::new(false),
            is_raise_due: AtomicBool::new(false),
            wake_by: AtomicUsize::new(0),
            is_woken: AtomicBool::new(false),
            set_timer: AtomicUsize::new(0),
        }
    }

    fn clear(&self) {
        self.has_expired.store(false, Ordering::SeqCst);
        self.thread.store(0, Ordering::SeqCst);
        self.is_opened.store(false, Ordering::SeqCst);
        self.is_kept_out.store(false, Ordering::SeqCst);
        self.is_raise_due.store(false, Ordering::SeqCst);
        self.wake_by.store(0, Ordering::SeqCst);
        self.is_woken.store(false, Ordering::SeqCst);
        self.set_timer.store(0, Ordering::SeqCst);
    }
}

/// A timer with this value has expired. Says whether it is a thread's, and notes it. Async-signal-safe.
pub(super) fn on_timer(value: usize) -> bool {
    let record = SHARED.threads.iter().find(|record| ptr::from_ref(*record).addr() == value);
    record.map(note_expiry).is_some()
}

/// In this order: who clears the second finds the first.
fn note_expiry(record: &Record) {
    record.has_expired.store(true, Ordering::SeqCst);
    SHARED.any_expired.store(true, Ordering::SeqCst);
}

/// Whether a signal of the library's may have come to another handler in this handler's place: a timer has expired, and
/// this handler has not seen it. Async-signal-safe.
pub(super) fn is_any_expiry_unhandled() -> bool {
    let this = Handle::current().0;
    let is_this = |record: &&Record| record.thread.load(Ordering::SeqCst) == this;
    let timer = SHARED.threads.iter().find(is_this);
    let timer = timer.and_then(|record| TimerId::from_bits(record.set_timer.load(Ordering::SeqCst)));
    timer.is_some_and(TimerId::has_expired) || SHARED.expiries.is_any_pending()
}

/// If the calling thread had SIGALRM blocked before its first alarm: blocks it again from the moment at which the handler
/// returns, and sends this signal again, so that it is pending as the program expects. From then on the checks of the
/// thread's alarms read the clock. Async-signal-safe.
pub(super) fn keep_out(arrival: &Arrival, sender: Sender) -> bool {
    if SHARED.opened.load(Ordering::SeqCst) == 0 {
        return false;
    }
    let this = Handle::current().0;
    let is_this = |record: &&Record| {
        record.thread.load(Ordering::SeqCst) == this && record.is_opened.load(Ordering::SeqCst)
    };
    let Some(record) = SHARED.threads.iter().find(is_this) else { return false };
    if !arrival.can_block_on_return() {
        return false;
    }
    let timer = TimerId::from_bits(record.set_timer.load(Ordering::SeqCst));
    let has_expired = timer.is_some_and(TimerId::has_expired);
    if let Some(timer) = timer {
        let _ = timer.set(When::Never, Duration::ZERO);
        record.set_timer.store(0, Ordering::SeqCst);
    }
    // Still opened: where this handler has interrupted another, the end of that one lets SIGALRM in once more.
    record.is_kept_out.store(true, Ordering::SeqCst);
    // The kernel drops a signal to a thread while another is pending for that thread, also that of a disarmed timer.
    if sender == Sender::Raise {
        arrival.block_on_return();
        if pending::is_alarm_pending() {
            record.is_raise_due.store(true, Ordering::SeqCst);
            return true;
        }
    } else if !has_expired {
        // Else the timer's signal may be pending. It comes first when this handler returns, and then this one again.
        arrival.block_on_return();
    }
    arrival.send_again(sender);
    true
}

/// Has the handler take an expiry of the disarmed interval timer that is pending for the process. Not where the calling thread
/// has SIGALRM blocked.
///
/// The race: the kernel has chosen another thread for the signal. 1. That thread has not dequeued it: a thread whose mask changes
/// does. 2. It has: it runs the library's handler, now or later.
pub(super) fn take_pending_expiry() {
    let is_let_in = || mask::is_alarm_blocked().is_ok_and(|blocked| !blocked);
    if !SHARED.expiries.is_none_to_come() && is_let_in() && mask::block_alarm().is_ok() {
        let _ = mask::unblock_alarm();
    }
}

/// A thread that has, or has had, alarms that need the signal.
pub(super) struct Thread {
    pub(super) scope: Scope,
    pub(super) id: ThreadId,
    pub(super) record: &'static Registered<Record>,
    /// How many alarms and waits need its timer.
    pub(super) users: usize,
    pub(super) kind: Kind,
    pub(super) private: Option<PosixTimer>,
    /// When its timer expires; *never* if it is not set. Of a thread without a timer: when its next alarm is due.
    pub(super) due: Time,
    /// What it is blocked under, while it is blocked.
    pub(super) wait: Option<Wait>,
    /// SIGALRM was blocked before the first of its alarms.
    was_blocked: bool,
}

/// A thread is blocked in a system call that a signal is to end.
#[derive(Clone, Copy)]
pub(super) struct Wait {
    /// The alarm that it asks, if that is not its own.
    pub(super) under: Option<Key>,
    /// Its timer has been set to expire at once, and again and again.
    pub(super) is_woken: bool,
}

impl Thread {
    /// Whether its timer is set for later, once.
    pub(super) fn is_to_expire(&self, now: Time) -> bool {
        self.due > now && !self.due.is_never() && self.wait.is_none()
    }

    /// Takes the note that its timer has expired.
    pub(super) fn take_expiry(&self) -> bool {
        self.record.has_expired.swap(false, Ordering::SeqCst)
    }

    /// See [`State::is_covered`](super::state::State::is_covered).
    #[inline(always)]
    pub(super) fn covers(&self, deadline: Time, now: Time) -> bool {
        // A moment that has passed counts only if its signal has come.
        let expires_in_time = self.due <= deadline && (self.due > now || FLAG.is_set());
        expires_in_time && self.users > 0 && deadline > now
    }

    /// The thread's private timer, created if need be.
    pub(super) fn private(&mut self) -> io::Result<&PosixTimer> {
        if self.private.is_none() {
            let value = ptr::from_ref::<Record>(self.record).addr();
            self.private = Some(PosixTimer::create(self.id, value)?);
        }
        self.private.as_ref().ok_or_else(|| io::ErrorKind::Unsupported.into())
    }

    /// Lets SIGALRM in on the calling thread, which is this one, if it is blocked.
    pub(super) fn let_in(&mut self) -> Result<(), ArmError> {
        let failed = |e| ArmError::system("pthread_sigmask", e);
        if mask::is_alarm_blocked().map_err(failed)? {
            self.open().map_err(failed)?;
        }
        Ok(())
    }

    #[cold]
    fn open(&mut self) -> io::Result<()> {
        // Noted first: a signal that is pending behind the mask comes before the call returns.
        if !self.was_blocked {
            self.was_blocked = true;
            SHARED.opened.fetch_add(1, Ordering::SeqCst);
        }
        self.record.is_kept_out.store(false, Ordering::SeqCst);
        self.record.is_opened.store(true, Ordering::SeqCst);
        mask::unblock_alarm().inspect_err(|_| self.forget_mask())
    }

    /// Has the handler take what is pending of the disarmed timer on the calling thread, which is this one: the program may have
    /// blocked SIGALRM since it was set.
    #[cold]
    pub(super) fn take_pending(&mut self) {
        let _ = self.let_in();
        take_pending_expiry();
    }

    pub(super) fn was_blocked(&self) -> bool {
        self.was_blocked
    }

    /// Whether the handler has blocked SIGALRM again on this thread.
    pub(super) fn is_kept_out(&self) -> bool {
        self.was_blocked && self.record.is_kept_out.load(Ordering::SeqCst)
    }

    /// Blocks SIGALRM on the calling thread again, if it was. Its timer is disarmed.
    pub(super) fn keep_out_again(&mut self) {
        if !self.was_blocked {
            return;
        }
        // What would take it in is handled or discarded before the call returns.
        if self.record.is_raise_due.load(Ordering::SeqCst) {
            let _ = mask::unblock_alarm();
        }
        // Refused, it stays let in until it can be blocked: the next drop tries again.
        if mask::block_alarm().is_ok() {
            if self.record.is_raise_due.swap(false, Ordering::SeqCst) {
                pending::raise_alarm();
            }
            self.forget_mask();
        }
    }

    fn forget_mask(&mut self) {
        self.record.is_opened.store(false, Ordering::SeqCst);
        self.record.is_kept_out.store(false, Ordering::SeqCst);
        SHARED.opened.fetch_sub(1, Ordering::SeqCst);
        self.was_blocked = false;
    }
}

/// All threads that have, or have had, alarms that need the signal, by the index of their scopes.
pub(super) struct Threads {
    /// Those that have ended, and have no alarm, have no scope.
    threads: Vec<Thread>,
    free: Vec<usize>,
    /// Those whose `due` is not *never*, in the order of it.
    order: Queue,
    positions: Positions,
    last_serial: u32,
}

impl Threads {
    pub(super) const fn new() -> Threads {
        Threads {
            threads: Vec::new(),
            free: Vec::new(),
            order: Queue::new(),
            positions: Positions::new(),
            last_serial: 0,
        }
    }

    #[inline(always)]
    pub(super) fn get(&mut self, index: usize) -> Option<&mut Thread> {
        self.threads.get_mut(index).filter(|thread| thread.scope != Scope::NONE)
    }

    pub(super) fn of(&mut self, scope: Scope) -> Option<&mut Thread> {
        self.threads.get_mut(scope.index()).filter(|thread| thread.scope == scope && scope != Scope::NONE)
    }

    /// One alarm or wait more of a thread needs its timer; hands back how many do.
    #[inline(always)]
    pub(super) fn add_user(&mut self, scope: Scope) -> usize {
        self.of(scope).map_or(0, |thread| {
            thread.users += 1;
            thread.users
        })
    }

    /// One alarm more of a thread needs its timer, which may stay as it is if `is_covered` says so; `false` if not, and nothing is
    /// done.
    #[inline(always)]
    pub(super) fn add_covered(&mut self, scope: Scope, is_covered: impl FnOnce(&Thread) -> bool) -> bool {
        self.of(scope).is_some_and(|thread| {
            let is_covered = is_covered(thread);
            thread.users += usize::from(is_covered);
            is_covered
        })
    }

    /// One less, if it is not the last; `false` if it is, and nothing is done.
    #[inline(always)]
    pub(super) fn drop_user_of_many(&mut self, scope: Scope) -> bool {
        self.of(scope).is_some_and(|thread| {
            let others = thread.users > 1;
            thread.users -= usize::from(others);
            others
        })
    }

    pub(super) fn drop_user(&mut self, scope: Scope) {
        if let Some(thread) = self.of(scope) {
            thread.users = thread.users.saturating_sub(1);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &Thread)> {
        self.threads.iter().enumerate().filter(|(_, thread)| thread.scope != Scope::NONE)
    }

    pub(super) fn find(&self, is_it: impl Fn(&Thread) -> bool) -> Option<usize> {
        self.iter().find(|(_, thread)| is_it(thread)).map(|(index, _)| index)
    }

    /// The thread whose timer expires first.
    #[inline(always)]
    pub(super) fn first(&self) -> Option<(Time, usize)> {
        self.order.first()
    }

    /// Notes when a thread's timer expires.
    pub(super) fn set_due(&mut self, index: usize, due: Time) {
        let Some(thread) = self.threads.get_mut(index) else { return };
        let before = std::mem::replace(&mut thread.due, due);
        match (before.is_never(), due.is_never()) {
            (true, true) => {}
            (true, false) => self.order.insert(&mut self.positions, due, index),
            (false, true) => self.order.remove(&mut self.positions, index),
            (false, false) => self.order.shift(&mut self.positions, due, index),
        }
    }

    fn register(&mut self) -> Scope {
        let index = self.free.pop().unwrap_or(self.threads.len());
        // Scopes begin at 1 << 32: zero is the scope of no thread.
        self.last_serial = self.last_serial.wrapping_add(1).max(1);
        let scope = Scope::new(self.last_serial, index);
        let record = SHARED.threads.take(Record::new);
        record.clear();
        record.thread.store(Handle::current().0, Ordering::SeqCst);
        let thread = Thread {
            scope,
            id: ThreadId::current(),
            record,
            users: 0,
            kind: Kind::Private,
            private: None,
            due: Time::NEVER,
            wait: None,
            was_blocked: false,
        };
        if index == self.threads.len() {
            self.threads.push(thread);
        } else {
            self.threads[index] = thread;
        }
        scope
    }

    /// Forgets a thread that has ended and has no alarm left.
    pub(super) fn remove(&mut self, index: usize) {
        self.set_due(index, Time::NEVER);
        let Some(thread) = self.get(index) else { return };
        thread.scope = Scope::NONE;
        thread.record.clear();
        thread.record.give_back();
        self.free.push(index);
    }

    /// In a forked child: only the calling thread is left, and it begins anew. Timers are not inherited.
    pub(super) fn start_again(&mut self) {
        let scope = SCOPE.with(|scope| Scope(scope.replace(0)));
        if let Some(thread) = self.of(scope) {
            // What is due there is due in the parent.
            thread.record.is_raise_due.store(false, Ordering::SeqCst);
            thread.keep_out_again();
        }
        let serial = self.last_serial;
        // Not dropped: nothing is freed in a child.
        std::mem::forget(std::mem::replace(self, Threads { last_serial: serial, ..Threads::new() }));
        for record in SHARED.threads.iter() {
            record.clear();
        }
        SHARED.threads.free_all();
    }
}

thread_local! {
    /// The calling thread's scope; zero until it needs one. Constant and without a destructor, so that alarms work in the
    /// destructors of other thread-locals too.
    static SCOPE: Cell<u64> = const { Cell::new(0) };
}

/// The calling thread's scope; [`Scope::NONE`] if it has never needed one.
#[inline(always)]
pub(super) fn scope() -> Scope {
    SCOPE.with(|scope| Scope(scope.get()))
}

/// The calling thread's scope.
#[inline(always)]
pub(super) fn scope_registered() -> Scope {
    match scope() {
        Scope::NONE => register(),
        scope => scope,
    }
}

#[cold]
#[inline(never)]
fn register() -> Scope {
    let _ = prepare();
    let scope = STATE.lock().threads.register();
    SCOPE.with(|cell| cell.set(scope.0));
    // Without memory for it, nothing is done at the thread's end: its timer stays, and signals nobody.
    let _ = thread_end::call_at_end();
    scope
}

/// Runs at the end of each thread that has had alarms, after the destructors of its thread-locals.
pub(super) extern "C" fn at_thread_end(_: *mut nix::libc::c_void) {
    let scope = SCOPE.with(|scope| Scope(scope.replace(0)));
    if scope != Scope::NONE {
        STATE.lock().end_thread(scope);
    }
}
