//! All `unsafe` of the crate.

#![allow(unsafe_code)]

use core::ptr;

use super::atomic::{AtomicPtr, AtomicU8, Ordering, fence};

/// A byte with a bit for each implementation.
pub struct Flag(AtomicU8);

impl Flag {
    /// Creates a clear flag.
    pub const fn new() -> Flag {
        Flag(AtomicU8::new(0))
    }

    /// Returns whether any bit is set.
    #[inline(always)]
    #[cfg(not(all(sigalarm_asm_goto, target_arch = "x86_64", not(miri), not(sigalarm_shuttle))))]
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed) != 0
    }

    /// Returns whether any bit is set: `cmp byte ptr [flag], 0; jne set`.
    ///
    /// An atomic load costs one more instruction and register. With a `sym` operand, which needs no register, Rust
    /// dylibs do not link.
    #[inline(always)]
    #[cfg(all(sigalarm_asm_goto, target_arch = "x86_64", not(miri), not(sigalarm_shuttle)))]
    pub fn is_set(&self) -> bool {
        // SAFETY:
        // - The byte outlives the call, and only atomic operations change it.
        // - A byte load is atomic on this processor.
        // - The code writes no memory and uses no stack. Without `pure`, the compiler does not move it out of a loop.
        unsafe {
            core::arch::asm!(
                "cmp byte ptr [{flag}], 0",
                "jne {set}",
                flag = in(reg) self.0.as_ptr(),
                set = label { return true },
                options(readonly, nostack),
            );
        }
        false
    }

    /// Returns the set bits. What happened before a `set` is visible after this call.
    #[inline]
    pub fn bits(&self) -> u8 {
        self.0.load(Ordering::Acquire)
    }

    /// Sets bits. Async-signal-safe.
    pub fn set(&self, bits: u8) {
        self.0.fetch_or(bits, Ordering::SeqCst);
    }

    /// Clears bits, before every later read of this thread. Without the fence, the thread could read the clock, and
    /// then clear a bit that was set after the read.
    pub fn clear(&self, bits: u8) {
        self.0.fetch_and(!bits, Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }

    /// Clears bits, without that order.
    pub fn reset(&self, bits: u8) {
        self.0.fetch_and(!bits, Ordering::Relaxed);
    }
}

impl Default for Flag {
    fn default() -> Flag {
        Flag::new()
    }
}

/// A slot that is written once.
pub(crate) struct Slot<T: 'static>(AtomicPtr<T>);

impl<T: Sync> Slot<T> {
    pub(crate) const fn empty() -> Slot<T> {
        Slot(AtomicPtr::new(ptr::null_mut()))
    }

    /// Returns the value. Async-signal-safe.
    pub(crate) fn get(&self) -> Option<&'static T> {
        // SAFETY:
        // - The pointer is null or a `&'static T` from `fill`.
        // - The acquire load pairs with the store in `fill`.
        unsafe { self.0.load(Ordering::Acquire).as_ref() }
    }

    /// Fills an empty slot. Returns the slot's value, old or new.
    pub(crate) fn fill(&self, value: &'static T) -> &'static T {
        let new = (value as *const T).cast_mut();
        match self.0.compare_exchange(ptr::null_mut(), new, Ordering::SeqCst, Ordering::SeqCst) {
            Ok(_) => value,
            // SAFETY: as in `get`, and not null, because the exchange failed.
            Err(there) => unsafe { &*there },
        }
    }
}
