//! All `unsafe` of the crate: the flag, and a write-once slot.

#![allow(unsafe_code)]

use core::ptr;

use super::atomic::{AtomicPtr, AtomicU8, Ordering, fence};

/// A byte with one bit for each implementation. An implementation sets and clears only its own bit.
pub struct Flag(AtomicU8);

impl Flag {
    /// Creates a clear flag.
    pub const fn new() -> Flag {
        Flag(AtomicU8::new(0))
    }

    /// Returns whether any bit is set, by one relaxed load.
    #[inline(always)]
    #[cfg(not(all(sigalarm_asm_goto, target_arch = "x86_64", not(miri), not(sigalarm_shuttle))))]
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed) != 0
    }

    /// Returns whether any bit is set: `cmp byte ptr [flag], 0; jne set`.
    ///
    /// LLVM does not fold an atomic load into the comparison, which costs an instruction and a register. A `sym`
    /// operand would save the address register, but dynamic Rust libraries cannot link it.
    #[inline(always)]
    #[cfg(all(sigalarm_asm_goto, target_arch = "x86_64", not(miri), not(sigalarm_shuttle)))]
    pub fn is_set(&self) -> bool {
        // SAFETY:
        // - The address is that of a live byte.
        // - Others change the byte by atomic operations only, and the machine's byte load is atomic.
        // - The assembly reads memory (`readonly`), leaves the stack alone (`nostack`), and changes the condition
        //   flags only.
        // - Without `pure` and `nomem`, the compiler keeps it inside loops.
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

    /// Returns the set bits. The acquire load pairs with [`set`](Flag::set).
    pub fn bits(&self) -> u8 {
        self.0.load(Ordering::Acquire)
    }

    /// Sets bits. Async-signal-safe.
    pub fn set(&self, bits: u8) {
        self.0.fetch_or(bits, Ordering::SeqCst);
    }

    /// Clears bits, before every later read of this thread.
    ///
    /// Without the fence, the processor could delay the store past a later read, and overwrite a concurrent `set`.
    pub fn clear(&self, bits: u8) {
        self.0.fetch_and(!bits, Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }

    /// Clears bits without ordering.
    pub fn reset(&self, bits: u8) {
        self.0.fetch_and(!bits, Ordering::Relaxed);
    }
}

impl Default for Flag {
    fn default() -> Flag {
        Flag::new()
    }
}

/// A write-once slot for a `&'static T`.
pub(crate) struct Slot<T: 'static>(AtomicPtr<T>);

impl<T: Sync> Slot<T> {
    pub(crate) const fn empty() -> Slot<T> {
        Slot(AtomicPtr::new(ptr::null_mut()))
    }

    /// Returns the value. Async-signal-safe.
    pub(crate) fn get(&self) -> Option<&'static T> {
        // SAFETY:
        // - `fill` alone writes, so the pointer is null or a `&'static T`.
        // - The acquire load pairs with the store in `fill`.
        unsafe { self.0.load(Ordering::Acquire).as_ref() }
    }

    /// Fills an empty slot. Returns the value that the slot then holds.
    pub(crate) fn fill(&self, value: &'static T) -> &'static T {
        let new = (value as *const T).cast_mut();
        match self.0.compare_exchange(ptr::null_mut(), new, Ordering::SeqCst, Ordering::SeqCst) {
            Ok(_) => value,
            // SAFETY: as in `get`; a failed exchange from null returns a pointer that is not null.
            Err(there) => unsafe { &*there },
        }
    }
}
