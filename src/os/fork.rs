//! A lock that another thread holds at a fork stays locked in the child. So hooks of
//! [pthread_atfork(3)](https://man7.org/linux/man-pages/man3/pthread_atfork.3.html) hold each [`ForkMutex`] during a fork,
//! and reset its value in the child.

use std::cell::UnsafeCell;
use std::io;
use std::mem;
use std::sync::{Mutex, PoisonError};

use nix::libc;

pub(crate) use std::sync::MutexGuard;

use super::atomic::{AtomicU32, AtomicUsize, Ordering};
use super::single_threaded::is_single_threaded;
use super::thread::Handle;

/// A mutex that stays usable in a child. One of parking_lot would not: its queue contains threads of the parent. The alignment
/// keeps the mutex on one page, because a write after a fork copies the page.
#[repr(align(2048))]
pub(crate) struct ForkMutex<T: 'static> {
    mutex: Mutex<T>,
    /// The handle of the thread that forks; zero for none.
    forking: AtomicUsize,
    /// How many `before` hooks this fork has called: they may be registered twice.
    hooks: AtomicU32,
    held: UnsafeCell<Option<MutexGuard<'static, T>>>,
}

// SAFETY:
// - The mutex protects the value.
// - Only the thread that holds the mutex accesses `held`, so the guard stays on its thread.
unsafe impl<T: Send> Sync for ForkMutex<T> {}

impl<T> ForkMutex<T> {
    pub(crate) const fn new(value: T) -> ForkMutex<T> {
        const { assert!(mem::size_of::<Self>() == mem::align_of::<Self>()) };
        ForkMutex {
            mutex: Mutex::new(value),
            forking: AtomicUsize::new(0),
            hooks: AtomicU32::new(0),
            held: UnsafeCell::new(None),
        }
    }

    // Locking a free mutex makes no call that the real-time sanitizer could see.
    #[cfg_attr(sigalarm_rtsan, sanitize(realtime = "blocking"))]
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.mutex.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs before a fork. Without other threads it leaves the mutex free, because a write would copy the page.
    fn acquire(&'static self) {
        if is_single_threaded() {
            return;
        }
        let this = Handle::current().0;
        // Only this thread stores its own handle, so `Relaxed` suffices.
        if self.forking.load(Ordering::Relaxed) != this {
            let guard = self.lock();
            self.forking.store(this, Ordering::Relaxed);
            // SAFETY: this thread holds the mutex, so no other reference to `held` exists.
            unsafe { *self.held.get() = Some(guard) };
        }
        self.hooks.fetch_add(1, Ordering::Relaxed);
    }

    #[inline]
    fn end_hook(&self) -> Option<MutexGuard<'static, T>> {
        if self.hooks.load(Ordering::Relaxed) == 0 || self.hooks.fetch_sub(1, Ordering::Relaxed) > 1 {
            return None;
        }
        self.forking.store(0, Ordering::Relaxed);
        // SAFETY: as in `acquire`; in the child, this thread is the copy of the holder.
        unsafe { (*self.held.get()).take() }
    }

    fn release(&self) {
        drop(self.end_hook());
    }

    /// Runs in the child. The waiting threads are in the parent, so the unlock wakes no thread.
    #[inline]
    fn reset(&'static self)
    where
        T: ForkSafe,
    {
        let was_acquired = self.hooks.load(Ordering::Relaxed) > 0;
        let value = if was_acquired { self.end_hook() } else { self.mutex.try_lock().ok() };
        if let Some(mut value) = value {
            value.start_again();
        }
    }
}

pub(crate) trait ForkSafe: Sized + Send + 'static {
    fn home() -> &'static ForkMutex<Self>;

    /// Runs in the child. Must not use the heap, which another thread may have been changing at the fork.
    fn start_again(&mut self);
}

/// Registers the hooks. POSIX cannot remove them; a repeated registration is harmless.
pub(crate) fn register<T: ForkSafe>() -> io::Result<()> {
    if cfg!(miri) {
        return Ok(());
    }
    // SAFETY: the functions are static and do not unwind.
    match unsafe { libc::pthread_atfork(Some(before::<T>), Some(in_parent::<T>), Some(in_child::<T>)) } {
        0 => Ok(()),
        errno => Err(io::Error::from_raw_os_error(errno)),
    }
}

extern "C" fn before<T: ForkSafe>() {
    T::home().acquire();
}

extern "C" fn in_parent<T: ForkSafe>() {
    T::home().release();
}

extern "C" fn in_child<T: ForkSafe>() {
    T::home().reset();
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    struct Counted(u64, u64);

    static HOME: ForkMutex<Counted> = ForkMutex::new(Counted(0, 0));

    impl ForkSafe for Counted {
        fn home() -> &'static ForkMutex<Counted> {
            &HOME
        }

        fn start_again(&mut self) {
            self.1 += 1;
        }
    }

    /// Runs hooks that are registered twice.
    fn fork(end: extern "C" fn()) {
        [before::<Counted>, before::<Counted>].iter().for_each(|hook| hook());
        [end, end].iter().for_each(|hook| hook());
    }

    fn count<'a>(scope: &'a thread::Scope<'a, '_>, each: u64) {
        for _ in 0..2 {
            scope.spawn(move || (0..each).for_each(|_| HOME.lock().0 += 1));
        }
    }

    #[test]
    fn the_lock_is_held_across_a_fork_and_free_on_both_sides() {
        const EACH: u64 = if cfg!(miri) { 5 } else { 1_000 };
        thread::scope(|scope| {
            count(scope, EACH);
            for _ in 0..EACH {
                fork(in_parent::<Counted>);
            }
        });
        {
            let counted = HOME.lock();
            assert_eq!((counted.0, counted.1), (2 * EACH, 0));
        }
        fork(in_child::<Counted>);
        thread::scope(|scope| count(scope, EACH));
        let counted = HOME.lock();
        assert_eq!((counted.0, counted.1), (4 * EACH, 1));
    }
}
