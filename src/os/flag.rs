//! A flag whose test is as short as the machine allows.

use super::atomic::{AtomicBool, Ordering, fence};

/// A flag on cache lines of its own: it is read all the time, and nothing that is written often may share its
/// line. (128 bytes, for processors that fetch lines in pairs.)
#[repr(align(128))]
pub(crate) struct Flag(AtomicBool);

impl Flag {
    pub(crate) const fn new() -> Flag {
        Flag(AtomicBool::new(false))
    }

    /// One relaxed load.
    #[inline(always)]
    #[cfg(not(all(sigalarm_asm_goto, target_arch = "x86_64", not(miri), not(sigalarm_shuttle))))]
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// One relaxed load, and the branch on it: `cmp byte ptr [flag], 0; jne set`.
    ///
    /// Written out, because LLVM does not fold an atomic load into the comparison: from `load` it makes three
    /// instructions (`movzx`, `test`, `jne`) and a register, and a recursive function that checks at its entry
    /// runs a tenth slower for it. By its name (`sym`) a static flag would take no register for its address either; but
    /// then no dynamic library of Rust's can be linked with us inside.
    #[inline(always)]
    #[cfg(all(sigalarm_asm_goto, target_arch = "x86_64", not(miri), not(sigalarm_shuttle)))]
    pub(crate) fn is_set(&self) -> bool {
        // SAFETY:
        // - the address is that of a live byte, which other threads and handlers write with atomic stores
        //   only; a byte load by the machine is atomic and ordered like a relaxed load or better;
        // - it reads memory and nothing else (`readonly`), leaves the stack alone (`nostack`), and changes no
        //   register but the flags;
        // - it is neither `pure` nor `nomem`, so it is not moved out of a loop.
        unsafe {
            std::arch::asm!(
                "cmp byte ptr [{flag}], 0",
                "jne {set}",
                flag = in(reg) self.0.as_ptr(),
                set = label { return true },
                options(readonly, nostack),
            );
        }
        false
    }

    /// Async-signal-safe.
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Clears the flag so that every processor sees it cleared before this thread reads anything else.
    ///
    /// Without the fence the store could sit in this processor's store buffer while the thread goes on reading,
    /// and come out of it later, over somebody's `set`.
    pub(crate) fn clear(&self) {
        self.0.store(false, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// Clears the flag where it is no matter when the others see it.
    pub(crate) fn reset(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}
