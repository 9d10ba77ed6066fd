//! The state of each thread that has alarms.

use std::cell::Cell;
use std::io;
use std::ptr;
use std::time::Duration;

use super::fork::prepare;
use super::record::{Record, take_pending_expiry};
use super::registry::Registered;
use super::shared::SHARED;
use super::state::STATE;
use super::timer::Kind;
use super::timer::posix::PosixTimer;
use crate::error::ArmError;
use crate::os::atomic::{Ordering, spin_loop};
use crate::os::local::thread_local;
use crate::os::posix_timer::{ThreadId, TimerId};
use crate::os::{clock, mask, pending, thread_end};
use crate::schedule::{Key, Scope};
use crate::time::Time;

pub(super) struct Thread {
    pub(super) scope: Scope,
    pub(super) id: ThreadId,
    pub(super) record: &'static Registered<Record>,
    pub(super) users: usize,
    pub(super) kind: Kind,
    pub(super) private: Option<PosixTimer>,
    /// When the thread's timer expires; `NEVER` if it is not set. If the thread has no timer, this is the next deadline of its
    /// alarms.
    pub(super) due: Time,
    pub(super) wait: Option<Wait>,
    /// SIGALRM was blocked before the thread's first alarm, so the drop of the last alarm blocks it again.
    pub(super) was_blocked: bool,
}

#[derive(Clone, Copy)]
pub(super) struct Wait {
    /// An alarm that can end the wait in addition to the thread's own alarms.
    pub(super) under: Option<Key>,
    pub(super) is_woken: bool,
}

impl Thread {
    /// Returns whether the timer is set to expire once, later than `now`.
    pub(super) fn is_to_expire(&self, now: Time) -> bool {
        self.due > now && !self.due.is_never() && self.wait.is_none()
    }

    pub(super) fn take_expiry(&self) -> bool {
        self.record.has_expired.swap(false, Ordering::SeqCst)
    }

    /// Returns whether the thread's timer, as it is set, suffices for a new deadline: the timer expires no later than the
    /// deadline, which is in the future.
    #[inline(always)]
    pub(super) fn covers(&self, deadline: Time, now: Time) -> bool {
        // If `due` has passed, the timer does not expire again by itself. The timer still suffices if the flag is set, because
        // the next check sets the timer again.
        let expires_in_time = self.due <= deadline && (self.due > now || SHARED.flag.is_set());
        expires_in_time && self.users > 0 && deadline > now
    }

    #[inline(always)]
    pub(super) fn add_covered(&mut self, deadline: Time, now: Time) -> bool {
        let is_covered = self.covers(deadline, now);
        self.users += usize::from(is_covered);
        is_covered
    }

    #[inline(always)]
    pub(super) fn drop_user_of_many(&mut self) -> bool {
        let others = self.users > 1;
        self.users -= usize::from(others);
        others
    }

    pub(super) fn private(&mut self) -> io::Result<&PosixTimer> {
        if self.private.is_none() {
            let value = ptr::from_ref::<Record>(self.record).addr();
            // In a forked child `self.id` still names a thread of the parent.
            let id = if self.scope == scope() { ThreadId::current() } else { self.id };
            self.private = Some(PosixTimer::create(id, value)?);
        }
        self.private.as_ref().ok_or_else(|| io::ErrorKind::Unsupported.into())
    }

    pub(super) fn set_private(&mut self, due: Time, repeat: Duration) -> io::Result<()> {
        let timer = self.private()?.id()?;
        self.record.armed_timer.store(timer.to_bits(), Ordering::SeqCst);
        timer.set(due, repeat)
    }

    pub(super) fn disarm_private(&mut self) {
        let disarm = |timer: &PosixTimer| timer.id()?.set(Time::NEVER, Duration::ZERO);
        let is_refused = self.private.as_ref().map(disarm).is_some_and(|disarmed| disarmed.is_err());
        self.record.armed_timer.store(0, Ordering::SeqCst);
        if is_refused {
            self.delete_private();
        }
    }

    pub(super) fn delete_private(&mut self) {
        self.hide_timer();
        self.record.armed_timer.store(0, Ordering::SeqCst);
        self.private = None;
    }

    /// Lets handlers use the timer of a blocked thread.
    pub(super) fn show_timer(&self) {
        let timer = self.private.as_ref().filter(|_| self.wait.is_some()).and_then(|timer| timer.id().ok());
        self.record.wait_timer.store(timer.map_or(0, TimerId::to_bits), Ordering::SeqCst);
    }

    /// Removes the timer from the record that handlers read. When this function returns, no handler uses the timer.
    pub(super) fn hide_timer(&self) {
        if self.record.wait_timer.swap(0, Ordering::SeqCst) == 0 {
            return;
        }
        // `waking_handlers` counts the handlers that may still use the timer. A later handler finds no timer in this record.
        while SHARED.waking_handlers.load(Ordering::SeqCst) > 0 {
            spin_loop();
        }
    }

    /// Returns whether a signal of the timer, which was of this kind and due then, may be pending after it is disarmed.
    pub(super) fn may_be_pending(&self, (kind, due): (Kind, Time)) -> bool {
        // Linux before 6.13 keeps the pending signal of a private timer that is disarmed, so a signal may be pending after `due`.
        // If `is_blocked_again`, the handler has disarmed the timer, and a signal may be pending even before `due`.
        !SHARED.expiries.is_none_to_come()
            || (kind == Kind::Private && due <= clock::now())
            || self.is_blocked_again()
    }

    pub(super) fn unblock_alarm(&mut self) -> Result<(), ArmError> {
        let failed = |e| ArmError::system("pthread_sigmask", e);
        if mask::is_alarm_blocked().map_err(failed)? {
            self.open().map_err(failed)?;
        }
        Ok(())
    }

    #[cold]
    fn open(&mut self) -> io::Result<()> {
        // Unblocking SIGALRM delivers a pending signal, whose handler reads these fields, so the fields are written first.
        if !self.was_blocked {
            self.was_blocked = true;
            SHARED.unblocked_threads.fetch_add(1, Ordering::SeqCst);
        }
        self.record.is_blocked_again.store(false, Ordering::SeqCst);
        self.record.is_unblocked_by_library.store(true, Ordering::SeqCst);
        mask::unblock_alarm().inspect_err(|_| self.forget_mask())
    }

    /// Makes the handler receive a pending signal of the calling thread's disarmed timer, even if the program has blocked SIGALRM
    /// since the thread armed its alarm.
    #[cold]
    pub(super) fn take_pending(&mut self) {
        let _ = self.unblock_alarm();
        take_pending_expiry();
    }

    pub(super) fn is_blocked_again(&self) -> bool {
        self.was_blocked && self.record.is_blocked_again.load(Ordering::SeqCst)
    }

    /// Blocks SIGALRM again on the calling thread, if the library has unblocked it. The caller has disarmed the timer, because a
    /// signal of the timer would otherwise stay pending.
    pub(super) fn block_alarm_again(&mut self) {
        if !self.was_blocked {
            return;
        }
        // The kernel would merge the `raise` below with a pending signal. So the thread unblocks SIGALRM, and the handler
        // receives the pending signal first.
        if self.record.is_raise_due.load(Ordering::SeqCst) {
            let _ = mask::unblock_alarm();
        }
        if mask::block_alarm().is_ok() {
            if self.record.is_raise_due.swap(false, Ordering::SeqCst) {
                pending::raise_alarm();
            }
            self.forget_mask();
        }
    }

    pub(super) fn forget_mask(&mut self) {
        self.record.is_unblocked_by_library.store(false, Ordering::SeqCst);
        self.record.is_blocked_again.store(false, Ordering::SeqCst);
        SHARED.unblocked_threads.fetch_sub(1, Ordering::SeqCst);
        self.was_blocked = false;
    }
}

thread_local! {
    /// The calling thread's scope, an id that no later thread reuses; zero until the thread needs one. The variable has no
    /// destructor, so it also works in the destructors of other thread-locals.
    static SCOPE: Cell<u64> = const { Cell::new(0) };
}

#[inline(always)]
pub(super) fn scope() -> Scope {
    SCOPE.with(|scope| Scope(scope.get()))
}

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
    // If this call fails for lack of memory, the thread's timer outlives the thread, and the timer's signals reach no thread.
    let _ = thread_end::call_at_end();
    scope
}

pub(super) fn forget_scope() -> Scope {
    SCOPE.with(|scope| Scope(scope.replace(0)))
}

/// Runs at the end of each thread that has had alarms. With glibc, the destructors of its thread-locals have run.
pub(super) extern "C" fn at_thread_end(_: *mut nix::libc::c_void) {
    let scope = forget_scope();
    if scope != Scope::NONE {
        STATE.lock().end_thread(scope);
    }
}
