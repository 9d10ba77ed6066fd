//! Atomics with store buffers. A thread's stores reach memory in any order, but stores to one word in order, and a release store
//! after all earlier stores. Sequentially consistent stores, exchanges, fences, locks, system calls and signals flush the buffer.

use std::cell::RefCell;
use std::ptr;
use std::sync::atomic::AtomicU64 as AtomicWord;
pub(crate) use std::sync::atomic::Ordering;

use shuttle::rand::{Rng, thread_rng};

use super::machine::{self, step};

/// The value belongs to the execution `epoch`. Another execution starts with the initial value.
struct Word {
    epoch: AtomicWord,
    value: AtomicWord,
}

#[derive(Clone, Copy)]
struct Store {
    thread: usize,
    word: *const Word,
    value: u64,
    release: bool,
}

struct Buffers {
    stores: Vec<Store>,
    /// One store on average reaches memory in this many steps.
    delay: u32,
}

struct OneThread(RefCell<Buffers>);

// SAFETY: as for `machine::OneThread`.
unsafe impl Sync for OneThread {}

static BUFFERS: OneThread = OneThread(RefCell::new(Buffers { stores: Vec::new(), delay: 2 }));

pub(super) fn reset() {
    let delay = machine::pick([1, 4, 60]);
    *BUFFERS.0.borrow_mut() = Buffers { stores: Vec::new(), delay };
}

pub(super) fn settle() {
    let mut buffers = BUFFERS.0.borrow_mut();
    if buffers.stores.is_empty() || !machine::chance(buffers.delay) {
        return;
    }
    let chosen = thread_rng().gen_range(0..buffers.stores.len());
    let Store { thread, word, release, .. } = buffers.stores[chosen];
    // A store that must reach memory before the chosen one goes first.
    let leaves_before = |store: &Store| store.thread == thread && (release || store.word == word);
    let first = buffers.stores[..chosen].iter().position(leaves_before).unwrap_or(chosen);
    let store = buffers.stores.remove(first);
    // SAFETY: the word is static or leaked.
    unsafe { &*store.word }.write(store.value);
}

pub(super) fn flush() {
    let me = machine::me();
    let mut buffers = BUFFERS.0.borrow_mut();
    buffers.stores.retain(|store| {
        let is_own = store.thread == me;
        if is_own {
            // SAFETY: as in `settle`.
            unsafe { &*store.word }.write(store.value);
        }
        !is_own
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
    fn write(&self, value: u64) {
        self.epoch.store(machine::epoch(), Ordering::Relaxed);
        self.value.store(value, Ordering::Relaxed);
    }
}

pub(crate) trait Value: Copy + PartialEq {
    fn to_word(self) -> u64;
    fn from_word(word: u64) -> Self;
}

macro_rules! value {
    ($($type:ty: $from:expr;)*) => {$(
        impl Value for $type {
            fn from_word(word: u64) -> $type { $from(word) }
            fn to_word(self) -> u64 { self as u64 }
        }
    )*};
}

value! {
    u8: |word| word as u8;
    u32: |word| word as u32;
    u64: |word| word;
    usize: |word| word as usize;
    bool: |word| word != 0;
}

impl<T> Value for *mut T {
    fn from_word(word: u64) -> *mut T {
        ptr::with_exposed_provenance_mut(word as usize)
    }

    fn to_word(self) -> u64 {
        self.expose_provenance() as u64
    }
}

pub(crate) struct Atomic<T> {
    initial: T,
    word: Word,
}

pub(crate) type AtomicU8 = Atomic<u8>;
pub(crate) type AtomicU32 = Atomic<u32>;
pub(crate) type AtomicU64 = Atomic<u64>;
pub(crate) type AtomicUsize = Atomic<usize>;
pub(crate) type AtomicBool = Atomic<bool>;
pub(crate) type AtomicPtr<T> = Atomic<*mut T>;

// SAFETY: the words are atomic, and `initial` is never written.
unsafe impl<T> Sync for Atomic<T> {}
// SAFETY: as for `Sync`.
unsafe impl<T> Send for Atomic<T> {}

impl<T: Value + Default> Default for Atomic<T> {
    fn default() -> Atomic<T> {
        Atomic::new(T::default())
    }
}

impl<T: Value> Atomic<T> {
    pub(crate) const fn new(initial: T) -> Atomic<T> {
        let [epoch, value] = [const { AtomicWord::new(0) }; 2];
        Atomic { initial, word: Word { epoch, value } }
    }

    fn read(&self) -> T {
        match self.word.epoch.load(Ordering::Relaxed) == machine::epoch() {
            true => T::from_word(self.word.value.load(Ordering::Relaxed)),
            false => self.initial,
        }
    }

    pub(crate) fn load(&self, _: Ordering) -> T {
        step();
        let me = machine::me();
        let buffers = BUFFERS.0.borrow();
        let is_own = |store: &&Store| store.thread == me && ptr::eq(store.word, &self.word);
        let own = buffers.stores.iter().rfind(is_own);
        own.map_or_else(|| self.read(), |store| T::from_word(store.value))
    }

    pub(crate) fn store(&self, value: T, order: Ordering) {
        step();
        if order == Ordering::SeqCst {
            flush();
            return self.word.write(value.to_word());
        }
        let (thread, value, release) = (machine::me(), value.to_word(), order == Ordering::Release);
        BUFFERS.0.borrow_mut().stores.push(Store { thread, word: &self.word, value, release });
    }

    pub(crate) fn fetch_update(
        &self,
        _: Ordering,
        _: Ordering,
        update: impl FnOnce(T) -> Option<T>,
    ) -> Result<T, T> {
        step();
        flush();
        let before = self.read();
        let new = update(before).ok_or(before)?;
        self.word.write(new.to_word());
        Ok(before)
    }

    fn change(&self, change: impl FnOnce(u64) -> u64) -> T {
        let change = |old: T| Some(T::from_word(change(old.to_word())));
        self.fetch_update(Ordering::SeqCst, Ordering::SeqCst, change).unwrap_or_else(|old| old)
    }

    pub(crate) fn compare_exchange(&self, old: T, new: T, _: Ordering, _: Ordering) -> Result<T, T> {
        let exchange = |current| (current == old).then_some(new);
        self.fetch_update(Ordering::SeqCst, Ordering::SeqCst, exchange)
    }

    pub(crate) fn swap(&self, value: T, _: Ordering) -> T {
        self.change(|_| value.to_word())
    }

    pub(crate) fn fetch_add(&self, value: T, _: Ordering) -> T {
        self.change(|old| old.wrapping_add(value.to_word()))
    }

    pub(crate) fn fetch_sub(&self, value: T, _: Ordering) -> T {
        self.change(|old| old.wrapping_sub(value.to_word()))
    }

    pub(crate) fn fetch_or(&self, value: T, _: Ordering) -> T {
        self.change(|old| old | value.to_word())
    }

    pub(crate) fn fetch_and(&self, value: T, _: Ordering) -> T {
        self.change(|old| old & value.to_word())
    }
}

pub(crate) fn is_empty() -> bool {
    BUFFERS.0.borrow().stores.is_empty()
}
