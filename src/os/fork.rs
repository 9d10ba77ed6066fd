//! Consistent state across `fork`.
//!
//! A child has only the thread that called `fork`, so a lock that another thread holds stays locked. [`ForkMutex`] is locked
//! during the fork by [pthread_atfork(3)](https://man7.org/linux/man-pages/man3/pthread_atfork.3.html). The child resets its
//! value.
//!
//! For the same reason, initialisation here never waits for another thread.

use std::cell::UnsafeCell;
use std::io;
use std::mem;
use std::sync::{Mutex, PoisonError};

use nix::libc;

pub(crate) use std::sync::MutexGuard;

use super::atomic::{AtomicU32, AtomicUsize, Ordering};
use super::thread::Handle;

/// A mutex that three hooks keep consistent across a fork.
///
/// It uses the standard mutex. parking_lot's has a process-wide queue of waiting threads, which is wrong in the child.
///
/// The alignment keeps it on one page, because a forked child copies each page that it writes.
#[repr(align(2048))]
pub(crate) struct ForkMutex<T: 'static> {
    mutex: Mutex<T>,
    /// The handle of the forking thread that holds the lock, or zero.
    forking: AtomicUsize,
    /// The number of that thread's hook calls: the hooks may be registered twice.
    hooks: AtomicU32,
    /// The forking thread's guard.
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

    // The annotation is for the sanitizer: locking a free mutex makes no call that it sees.
    #[cfg_attr(sigalarm_rtsan, sanitize(realtime = "blocking"))]
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        // The value stays consistent after a panic.
        self.mutex.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks the mutex before a fork.
    fn hold(&'static self) {
        let this = Handle::current().0;
        // Only this thread stores its own handle, so relaxed loads suffice.
        if self.forking.load(Ordering::Relaxed) != this {
            let guard = self.lock();
            self.forking.store(this, Ordering::Relaxed);
            // SAFETY: this thread holds the mutex, so no other reference to the cell exists.
            unsafe { *self.held.get() = Some(guard) };
        }
        self.hooks.fetch_add(1, Ordering::Relaxed);
    }

    /// Ends a hook on either side. The last hook returns the guard.
    #[inline]
    fn is_over(&self) -> Option<MutexGuard<'static, T>> {
        if self.hooks.fetch_sub(1, Ordering::Relaxed) > 1 {
            return None;
        }
        self.forking.store(0, Ordering::Relaxed);
        // SAFETY: this thread, or its copy in the child, holds the mutex since `hold`, so no other reference to the cell
        // exists.
        unsafe { (*self.held.get()).take() }
    }

    fn release(&self) {
        drop(self.is_over());
    }

    /// Resets the value in the child. Threads that wait for the lock exist in the parent only, so the unlock wakes no thread.
    #[inline]
    fn renew(&self)
    where
        T: ForkSafe,
    {
        if let Some(mut value) = self.is_over() {
            value.start_again();
        }
    }
}

/// State behind a [`ForkMutex`].
pub(crate) trait ForkSafe: Sized + Send + 'static {
    fn home() -> &'static ForkMutex<Self>;

    /// Resets the state in the child. It must not use the heap, which another thread may have been changing.
    fn start_again(&mut self);
}

/// Registers the hooks.
///
/// POSIX cannot remove them, so the caller registers once. Two threads, or a forked child, may still register twice; the
/// hooks allow that.
pub(crate) fn register<T: ForkSafe>() -> io::Result<()> {
    // Miri has no `fork`.
    if cfg!(miri) {
        return Ok(());
    }
    // SAFETY: the functions are static, and do not unwind.
    match unsafe { libc::pthread_atfork(Some(before::<T>), Some(in_parent::<T>), Some(in_child::<T>)) } {
        0 => Ok(()),
        errno => Err(io::Error::from_raw_os_error(errno)),
    }
}

extern "C" fn before<T: ForkSafe>() {
    T::home().hold();
}

extern "C" fn in_parent<T: ForkSafe>() {
    T::home().release();
}

extern "C" fn in_child<T: ForkSafe>() {
    T::home().renew();
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// The number of lock holders' increments, and of resets.
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

    /// Calls the hooks of two registrations, as the C library does.
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
