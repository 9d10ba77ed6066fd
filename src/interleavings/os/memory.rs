//! Atomics with store buffers.
//!
//! Each thread sees its own buffered stores at once. Stores leave in any order, but stores to one word in order, and a release
//! store after all earlier stores. Sequentially consistent stores, exchanges, fences, locks, system calls and signals flush.
//!
//! Each execution starts with the statics' initial values.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::ops::{BitAnd, BitOr};
use std::ptr;
use std::sync::atomic as std_atomic;
pub(crate) use std::sync::atomic::Ordering;

use shuttle::rand::{Rng, thread_rng};

use super::machine::{self, step};

struct Word {
    initial: u64,
    epoch: std_atomic::AtomicU64,
    value: std_atomic::AtomicU64,
}

struct Store {
    thread: usize,
    word: *const Word,
    value: u64,
    release: bool,
}

struct Buffers {
    stores: Vec<Store>,
    /// A store leaves in one of this many steps.
    delay: u32,
}

struct OneThread(RefCell<Buffers>);

// SAFETY: as for `machine::OneThread`.
unsafe impl Sync for OneThread {}

static BUFFERS: OneThread = OneThread(RefCell::new(Buffers { stores: Vec::new(), delay: 2 }));

pub(super) fn reset() {
    let delay = [1, 4, 60][thread_rng().gen_range(0..3)];
    *BUFFERS.0.borrow_mut() = Buffers { stores: Vec::new(), delay };
}

/// Moves a random store to memory, sometimes.
pub(super) fn settle() {
    let mut buffers = BUFFERS.0.borrow_mut();
    if buffers.stores.is_empty() || !machine::chance(buffers.delay) {
        return;
    }
    let chosen = thread_rng().gen_range(0..buffers.stores.len());
    let (thread, word, release) = {
        let store = &buffers.stores[chosen];
        (store.thread, store.word, store.release)
    };
    // The chosen store, or the first that must leave before it.
    let first = (0..=chosen)
        .find(|index| {
            let store = &buffers.stores[*index];
            store.thread == thread && (release || store.word == word)
        })
        .unwrap_or(chosen);
    let store = buffers.stores.remove(first);
    // SAFETY: the word is static or leaked.
    unsafe { &*store.word }.write(store.value);
}

/// Empties the thread's buffer.
pub(super) fn flush() {
    let me = machine::me();
    let mut buffers = BUFFERS.0.borrow_mut();
    buffers.stores.retain(|store| {
        let mine = store.thread == me;
        if mine {
            // SAFETY: as in `settle`.
            unsafe { &*store.word }.write(store.value);
        }
        !mine
    });
}

pub(crate) fn fence(_: Ordering) {
    step();
    flush();
}

pub(crate) fn spin_loop() {
    machine::pause();
}

impl Word {
    const fn new(initial: u64) -> Word {
        Word { initial, epoch: std_atomic::AtomicU64::new(0), value: std_atomic::AtomicU64::new(0) }
    }

    fn write(&self, value: u64) {
        self.epoch.store(machine::epoch(), Ordering::Relaxed);
        self.value.store(value, Ordering::Relaxed);
    }

    fn read(&self) -> u64 {
        match self.epoch.load(Ordering::Relaxed) == machine::epoch() {
            true => self.value.load(Ordering::Relaxed),
            false => self.initial,
        }
    }

    fn load(&self) -> u64 {
        step();
        let me = machine::me();
        let buffers = BUFFERS.0.borrow();
        let own =
            buffers.stores.iter().rev().find(|store| store.thread == me && std::ptr::eq(store.word, self));
        own.map_or_else(|| self.read(), |store| store.value)
    }

    fn store(&self, value: u64, order: Ordering) {
        step();
        if order == Ordering::SeqCst {
            flush();
            self.write(value);
        } else {
            let release = order == Ordering::Release;
            let store = Store { thread: machine::me(), word: self, value, release };
            BUFFERS.0.borrow_mut().stores.push(store);
        }
    }

    fn change(&self, change: impl FnOnce(u64) -> u64) -> u64 {
        step();
        flush();
        let before = self.read();
        self.write(change(before));
        before
    }
}

macro_rules! atomic {
    ($name:ident, $type:ty, $from:expr, { $($rest:tt)* }) => {
        pub(crate) struct $name(Word);

        impl $name {
            pub(crate) const fn new(value: $type) -> $name {
                $name(Word::new(value as u64))
            }

            pub(crate) fn load(&self, _: Ordering) -> $type {
                $from(self.0.load())
            }

            pub(crate) fn store(&self, value: $type, order: Ordering) {
                self.0.store(value as u64, order);
            }

            pub(crate) fn swap(&self, value: $type, _: Ordering) -> $type {
                $from(self.0.change(|_| value as u64))
            }

            $($rest)*
        }
    };
}

macro_rules! number {
    ($name:ident, $type:ident) => {
        atomic! { $name, $type, |word| word as $type, {
            number! { @change $type fetch_add wrapping_add }
            number! { @change $type fetch_sub wrapping_sub }
            number! { @change $type fetch_or bitor }
            number! { @change $type fetch_and bitand }

            pub(crate) fn fetch_update(
                &self,
                _: Ordering,
                _: Ordering,
                update: impl FnOnce($type) -> Option<$type>,
            ) -> Result<$type, $type> {
                let mut new = None;
                let before = self.0.change(|old| {
                    new = update(old as $type);
                    new.map_or(old, |new| new as u64)
                }) as $type;
                new.map(|_| before).ok_or(before)
            }

            pub(crate) fn compare_exchange(
                &self,
                old: $type,
                new: $type,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$type, $type> {
                self.fetch_update(success, failure, |current| (current == old).then_some(new))
            }
        }}
    };
    (@change $type:ident $name:ident $change:ident) => {
        pub(crate) fn $name(&self, value: $type, _: Ordering) -> $type {
            self.0.change(|old| (old as $type).$change(value) as u64) as $type
        }
    };
}

number!(AtomicU8, u8);
number!(AtomicU32, u32);
number!(AtomicU64, u64);
number!(AtomicUsize, usize);
atomic!(AtomicBool, bool, |word| word != 0, {});

/// Initially null. Its stores are not buffered.
pub(crate) struct AtomicPtr<T>(Word, PhantomData<*mut T>);

// SAFETY: the value is an address.
unsafe impl<T> Sync for AtomicPtr<T> {}
// SAFETY: the same.
unsafe impl<T> Send for AtomicPtr<T> {}

impl<T> AtomicPtr<T> {
    pub(crate) const fn new(initial: *mut T) -> AtomicPtr<T> {
        assert!(initial.is_null());
        AtomicPtr(Word::new(0), PhantomData)
    }

    fn pointer(word: u64) -> *mut T {
        ptr::with_exposed_provenance_mut(word as usize)
    }

    pub(crate) fn load(&self, _: Ordering) -> *mut T {
        Self::pointer(self.0.load())
    }

    pub(crate) fn store(&self, new: *mut T, order: Ordering) {
        self.swap(new, order);
    }

    pub(crate) fn swap(&self, new: *mut T, _: Ordering) -> *mut T {
        Self::pointer(self.0.change(|_| new.expose_provenance() as u64))
    }

    pub(crate) fn compare_exchange(
        &self,
        old: *mut T,
        new: *mut T,
        _: Ordering,
        _: Ordering,
    ) -> Result<*mut T, *mut T> {
        let new = new.expose_provenance() as u64;
        let before = Self::pointer(self.0.change(|word| if Self::pointer(word) == old { new } else { word }));
        if before == old { Ok(before) } else { Err(before) }
    }
}

pub(crate) fn is_empty() -> bool {
    BUFFERS.0.borrow().stores.is_empty()
}
