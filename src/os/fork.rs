//! What must happen around a `fork` so that parent and child both go on with a sound state.
//!
//! A child has one thread: the one that called `fork`. A lock that another thread held at that moment is
//! locked in the child for ever. So the lock is taken before every fork
//! ([pthread_atfork(3)](https://man7.org/linux/man-pages/man3/pthread_atfork.3.html)), released in the parent,
//! and in the child, where the state also starts again.
//!
//! For the same reason nothing here is initialised by one thread while others wait for it: a child that is forked in the
//! middle of that would wait for a thread that it does not have.

use std::cell::UnsafeCell;
use std::io;
use std::mem;
use std::sync::{Mutex, PoisonError};

use nix::libc;

pub(crate) use std::sync::MutexGuard;

use super::atomic::{AtomicU32, AtomicUsize, Ordering};
use super::thread::Handle;

/// A mutex that survives a fork, if its three hooks are called around it.
///
/// The standard library's, whose whole state is in it and in the kernel. parking_lot's keeps a queue of waiting threads in the
/// process; in the child it would wake a thread that exists in the parent only.
///
/// What is no larger than its alignment lies on one page, and both sides of a fork write to it.
#[repr(align(2048))]
pub(crate) struct ForkMutex<T: 'static> {
    mutex: Mutex<T>,
    /// The thread that holds it because it forks; zero for none. Here, and not with the thread: the page is written to in
    /// any case, and each page that is written to after a fork costs a copy.
    forking: AtomicUsize,
    /// How many of that thread's hooks have been called, for they may be registered twice.
    hooks: AtomicU32,
    /// By what it holds it.
    held: UnsafeCell<Option<MutexGuard<'static, T>>>,
}

// SAFETY: shared access goes through the mutex, but for `held`, which none but the thread that has the mutex locked looks at
// or changes. So the guard does not leave its thread either.
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

    // A free lock is taken without a call that a sanitizer could see; so it is told that this is not for a handler.
    #[cfg_attr(sigalarm_rtsan, sanitize(realtime = "blocking"))]
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        // A panic while it was locked leaves the value as it was then, poisoned or not.
        self.mutex.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Before the fork: from here on this thread holds the lock.
    fn hold(&'static self) {
        let this = Handle::current().0;
        // Only this thread writes its own handle there, so no ordering is needed to see it.
        if self.forking.load(Ordering::Relaxed) != this {
            let guard = self.lock();
            self.forking.store(this, Ordering::Relaxed);
            // SAFETY: this thread has the mutex locked, so no other reference to the cell exists.
            unsafe { *self.held.get() = Some(guard) };
        }
        self.hooks.fetch_add(1, Ordering::Relaxed);
    }

    /// After the fork, on either side. If this hook is the last, the lock is to be given up, with what is handed back.
    #[inline]
    fn is_over(&self) -> Option<MutexGuard<'static, T>> {
        if self.hooks.fetch_sub(1, Ordering::Relaxed) > 1 {
            return None;
        }
        self.forking.store(0, Ordering::Relaxed);
        // SAFETY: this thread has had the mutex locked since `hold`, or is that thread in the child, so no
        // other reference to the cell exists.
        unsafe { (*self.held.get()).take() }
    }

    /// After the fork, in the parent.
    fn release(&self) {
        drop(self.is_over());
    }

    /// After the fork, in the child: the value starts again. The threads that waited for the lock exist in the parent only,
    /// so the unlock wakes none.
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

/// A state behind a [`ForkMutex`] that has something to put right in a forked child.
pub(crate) trait ForkSafe: Sized + Send + 'static {
    /// Where it lives.
    fn home() -> &'static ForkMutex<Self>;

    /// Runs in the child, on its only thread: puts the process right, and itself. What was allocated stays with the child:
    /// the heap was copied in the middle of another thread's work.
    fn start_again(&mut self);
}

/// Sees to it that the state is looked after around every `fork` from now on.
///
/// The hooks add up, and cannot be taken back, since POSIX has no call for it; so do not call it for ever. But two
/// threads may both do so at once, and a forked child again whose parent was in the middle of it: called twice around a
/// fork, they do what they do once.
pub(crate) fn register<T: ForkSafe>() -> io::Result<()> {
    // Miri has no `fork`, and nothing to register for it.
    if cfg!(miri) {
        return Ok(());
    }
    // SAFETY: the three functions live as long as the program, take nothing and unwind nowhere.
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

    /// What the fork that is played does to it shows in the second number.
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

    /// The hooks around a fork, registered twice, as the C library calls them.
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
        // The parent: others go on.
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
        // The child: no other thread exists, and later ones can take the lock.
        fork(in_child::<Counted>);
        thread::scope(|scope| count(scope, EACH));
        let counted = HOME.lock();
        assert_eq!((counted.0, counted.1), (4 * EACH, 1));
    }
}
