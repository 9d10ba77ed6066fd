use std::cell::{Cell, UnsafeCell};
use std::io;
use std::mem::MaybeUninit;
use std::ops::{Deref, DerefMut};
use std::ptr;

use super::machine::{self, step};
use super::memory;

/// A mutex whose value is the initial one in each execution.
pub(crate) struct ForkMutex<T> {
    initial: MaybeUninit<T>,
    value: UnsafeCell<MaybeUninit<T>>,
    epoch: Cell<u64>,
    locked: Cell<bool>,
}

// SAFETY: as for `machine::OneThread`.
unsafe impl<T: Send> Sync for ForkMutex<T> {}

impl<T> ForkMutex<T> {
    pub(crate) const fn new(value: T) -> ForkMutex<T> {
        ForkMutex {
            initial: MaybeUninit::new(value),
            value: UnsafeCell::new(MaybeUninit::uninit()),
            epoch: Cell::new(0),
            locked: Cell::new(false),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        step();
        if self.epoch.replace(machine::epoch()) != machine::epoch() {
            self.locked.set(false);
            // SAFETY: one thread runs at a time. The initial value of a static owns no memory, so it may be copied.
            unsafe { ptr::copy_nonoverlapping(&self.initial, self.value.get(), 1) };
        }
        while self.locked.get() && !std::thread::panicking() {
            machine::pause();
        }
        memory::flush();
        self.locked.set(true);
        MutexGuard(self)
    }
}

pub(crate) struct MutexGuard<'a, T>(&'a ForkMutex<T>);

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: `lock` initialised the value; there is one guard.
        unsafe { (*self.0.value.get()).assume_init_ref() }
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`.
        unsafe { (*self.0.value.get()).assume_init_mut() }
    }
}

impl<T> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        step();
        memory::flush();
        self.0.locked.set(false);
    }
}

pub(crate) trait ForkSafe: Sized + Send + 'static {
    fn home() -> &'static ForkMutex<Self>;
    fn start_again(&mut self);
}

pub(crate) fn register<T: ForkSafe>() -> io::Result<()> {
    Ok(())
}
