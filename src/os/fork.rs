//! A lock that another thread holds at a fork stays locked in the child. So a hook of
//! [pthread_atfork(3)](https://man7.org/linux/man-pages/man3/pthread_atfork.3.html) locks each [`ForkMutex`] before the
//! fork. In the child, another hook resets the protected value and unlocks the mutex.

use std::cell::UnsafeCell;
use std::io;
use std::mem;
use std::sync::{Mutex, PoisonError};

use nix::libc;

pub(crate) use std::sync::MutexGuard;

use super::atomic::{AtomicUsize, Ordering};
use super::single_threaded::is_single_threaded;
use super::thread;

/// A mutex that a forked child can use. The queue of a parking_lot mutex would contain threads that the child lacks.
/// The alignment keeps the mutex within one page, because the kernel copies each page that is written after a fork.
#[repr(align(2048))]
pub(crate) struct ForkMutex<T: 'static> {
    mutex: Mutex<T>,
    /// The handle of the thread that is in a fork, or zero. The hooks may be registered twice, and then each runs twice.
    forking_thread: AtomicUsize,
    held: UnsafeCell<Option<MutexGuard<'static, T>>>,
}

// SAFETY:
// - The mutex protects the value.
// - Only the thread that holds the mutex accesses `held`, so no other thread gets the guard.
unsafe impl<T: Send> Sync for ForkMutex<T> {}

impl<T> ForkMutex<T> {
    pub(crate) const fn new(value: T) -> ForkMutex<T> {
        const { assert!(mem::size_of::<Self>() == mem::align_of::<Self>()) };
        ForkMutex {
            mutex: Mutex::new(value),
            forking_thread: AtomicUsize::new(0),
            held: UnsafeCell::new(None),
        }
    }

    #[cfg_attr(sigalarm_rtsan, sanitize(realtime = "blocking"))]
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.mutex.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs before a fork. Does not lock in a process with one thread, because the unlock after the fork would make the
    /// kernel copy the page.
    fn acquire(&'static self) {
        if is_single_threaded() || self.is_forking() {
            return;
        }
        let guard = self.lock();
        self.forking_thread.store(thread::handle(), Ordering::Relaxed);
        // SAFETY: this thread holds the mutex, so no other reference to `held` exists.
        unsafe { *self.held.get() = Some(guard) };
    }

    /// Returns whether `acquire` has locked the mutex on this thread or, in a child, on the parent's thread that this
    /// thread is a copy of. `Relaxed` suffices, because only this thread stores its handle.
    #[inline]
    fn is_forking(&self) -> bool {
        let thread = self.forking_thread.load(Ordering::Relaxed);
        thread != 0 && thread == thread::handle()
    }

    #[inline]
    fn release(&self) -> Option<MutexGuard<'static, T>> {
        if !self.is_forking() {
            return None;
        }
        self.forking_thread.store(0, Ordering::Relaxed);
        // SAFETY: this thread holds the mutex, so no other reference to `held` exists.
        unsafe { (*self.held.get()).take() }
    }

    #[inline]
    fn reset(&'static self)
    where
        T: ForkSafe,
    {
        let not_acquired = || if is_single_threaded() { self.mutex.try_lock().ok() } else { None };
        if let Some(mut value) = self.release().or_else(not_acquired) {
            value.start_again();
        }
    }
}

pub(crate) trait ForkSafe: Sized + Send + 'static {
    fn home() -> &'static ForkMutex<Self>;

    /// Runs in the child. Must not use the heap, because another thread may have been changing the heap at the fork.
    fn start_again(&mut self);
}

/// Registers the hooks. A repeated registration is harmless.
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
    drop(T::home().release());
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
