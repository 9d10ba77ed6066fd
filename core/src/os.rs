//! All `unsafe` of the crate: the flag, and a place for a reference that is published once.

#![allow(unsafe_code)]

use core::ptr;

use super::atomic::{AtomicPtr, AtomicU8, Ordering, fence};

/// A byte whose test is as short as the machine allows. Each of its bits has one owner, who alone sets and clears it.
pub struct Flag(AtomicU8);

impl Flag {
    /// A clear flag.
    pub const fn new() -> Flag {
        Flag(AtomicU8::new(0))
    }

    /// Whether any bit is set: one relaxed load.
    #[inline(always)]
    #[cfg(not(all(sigalarm_asm_goto, target_arch = "x86_64", not(miri), not(sigalarm_shuttle))))]
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed) != 0
    }

    /// Whether any bit is set: one relaxed load, and the branch on it: `cmp byte ptr [flag], 0; jne set`.
    ///
    /// Written out, because LLVM does not fold an atomic load into the comparison: from `load` it makes three
    /// instructions (`movzx`, `test`, `jne`) and a register, and a recursive function that checks at its entry
    /// runs a tenth slower for it. By its name (`sym`) a static flag would take no register for its address either; but
    /// then no dynamic library of Rust's can be linked with it inside.
    #[inline(always)]
    #[cfg(all(sigalarm_asm_goto, target_arch = "x86_64", not(miri), not(sigalarm_shuttle)))]
    pub fn is_set(&self) -> bool {
        // SAFETY:
        // - the address is that of a live byte, which other threads and handlers change by atomic operations
        //   only; a byte load by the machine is atomic and ordered like a relaxed load or better;
        // - it reads memory and nothing else (`readonly`), leaves the stack alone (`nostack`), and changes no
        //   register but the flags;
        // - it is neither `pure` nor `nomem`, so it is not moved out of a loop.
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

    /// The bits that are set. What their owners did before they set them is visible afterwards.
    pub fn bits(&self) -> u8 {
        self.0.load(Ordering::Acquire)
    }

    /// Sets bits. Async-signal-safe.
    pub fn set(&self, bits: u8) {
        self.0.fetch_or(bits, Ordering::SeqCst);
    }

    /// Clears bits so that every processor sees them cleared before this thread reads anything else.
    ///
    /// Without the fence the store could sit in this processor's store buffer while the thread goes on reading,
    /// and come out of it later, over a `set` of another processor.
    pub fn clear(&self, bits: u8) {
        self.0.fetch_and(!bits, Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }

    /// Clears bits where it is no matter when the others see it.
    pub fn reset(&self, bits: u8) {
        self.0.fetch_and(!bits, Ordering::Relaxed);
    }
}

impl Default for Flag {
    fn default() -> Flag {
        Flag::new()
    }
}

/// A place for a `&'static T`, filled once for the life of the process.
pub(crate) struct Slot<T: 'static>(AtomicPtr<T>);

impl<T: Sync> Slot<T> {
    pub(crate) const fn empty() -> Slot<T> {
        Slot(AtomicPtr::new(ptr::null_mut()))
    }

    /// What it holds. Async-signal-safe.
    pub(crate) fn get(&self) -> Option<&'static T> {
        // SAFETY: `fill` is the only writer, so it is null or a `&'static T`, which never dangles; it is read only. The load
        // acquires what `fill` released: the value is whole.
        unsafe { self.0.load(Ordering::Acquire).as_ref() }
    }

    /// Fills it; or returns what it holds already, which stays.
    pub(crate) fn fill(&self, value: &'static T) -> &'static T {
        let new = (value as *const T).cast_mut();
        match self.0.compare_exchange(ptr::null_mut(), new, Ordering::SeqCst, Ordering::SeqCst) {
            Ok(_) => value,
            // SAFETY: as in `get`; it is not null.
            Err(there) => unsafe { &*there },
        }
    }
}
