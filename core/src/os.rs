//! All `unsafe` of the crate.

#![allow(unsafe_code)]

use core::ptr;

use super::atomic::{AtomicPtr, AtomicU8, Ordering, fence};

/// The byte that checks read, with one bit for each implementation (a crate that arms alarms).
pub struct Flag(AtomicU8);

impl Flag {
    /// Creates a clear flag.
    pub const fn new() -> Flag {
        Flag(AtomicU8::new(0))
    }

    /// Returns whether any bit is set.
    #[inline(always)]
    pub fn is_set(&self) -> bool {
        // Assembly, because an atomic load costs one more instruction and register. A `sym` operand would need no
        // register, but Rust dylibs with it do not link.
        //
        // SAFETY:
        // - The byte outlives the call, and only atomic operations change it.
        // - A byte load is atomic on this processor.
        // - The code writes no memory and uses no stack. With `pure`, the compiler could move it out of a loop.
        #[cfg(all(sigalarm_asm_goto, target_arch = "x86_64", not(miri), not(sigalarm_shuttle)))]
        unsafe {
            core::arch::asm!(
                "cmp byte ptr [{flag}], 0",
                "jne {set}",
                flag = in(reg) self.0.as_ptr(),
                set = label { return true },
                options(readonly, nostack),
            );
            false
        }
        #[cfg(not(all(sigalarm_asm_goto, target_arch = "x86_64", not(miri), not(sigalarm_shuttle))))]
        {
            self.0.load(Ordering::Relaxed) != 0
        }
    }

    /// Returns the set bits. The load acquires all writes before their `set`.
    #[inline]
    pub fn bits(&self) -> u8 {
        self.0.load(Ordering::Acquire)
    }

    /// Sets bits. Async-signal-safe.
    pub fn set(&self, bits: u8) {
        self.0.fetch_or(bits, Ordering::SeqCst);
    }

    /// Clears bits before every later read of this thread. Without the fence, the thread could read the clock first,
    /// and then clear a bit that was set after this read: the expiry would be lost.
    pub fn clear(&self, bits: u8) {
        self.0.fetch_and(!bits, Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }

    /// Clears bits that no armed alarm uses, without the order of `clear`.
    pub fn reset(&self, bits: u8) {
        self.0.fetch_and(!bits, Ordering::Relaxed);
    }
}

impl Default for Flag {
    fn default() -> Flag {
        Flag::new()
    }
}

pub(crate) struct Slot<T: 'static>(AtomicPtr<T>);

impl<T: Sync> Slot<T> {
    pub(crate) const fn empty() -> Slot<T> {
        Slot(AtomicPtr::new(ptr::null_mut()))
    }

    pub(crate) fn get(&self) -> Option<&'static T> {
        // SAFETY:
        // - The pointer is null or a `&'static T` from `fill`.
        // - The acquire load pairs with the store in `fill`.
        unsafe { self.0.load(Ordering::Acquire).as_ref() }
    }

    /// Fills the slot if it is empty. Returns its value.
    pub(crate) fn fill(&self, value: &'static T) -> &'static T {
        let new = (value as *const T).cast_mut();
        match self.0.compare_exchange(ptr::null_mut(), new, Ordering::SeqCst, Ordering::SeqCst) {
            Ok(_) => value,
            // SAFETY: as in `get`. The pointer is not null, because the exchange failed.
            Err(there) => unsafe { &*there },
        }
    }
}
