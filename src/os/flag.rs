// The tests in `src/interleavings` replace `super::atomic` by types that reorder stores. `OwnFlag` uses the standard
// type, because it always stores the same value.
use std::sync::atomic::{AtomicU8, Ordering};

use sigalarm_core::implementer::Bit;

pub(crate) use super::core_flag::{Byte, flag};

/// The bit that the library owns in the flag, as a mask. Other implementations of `sigalarm-core` own the other bits.
pub(crate) struct OwnFlag(AtomicU8);

impl OwnFlag {
    pub(crate) const fn without_a_bit() -> OwnFlag {
        OwnFlag(AtomicU8::new(0))
    }

    pub(crate) fn assign(&self, bit: Bit) {
        self.0.store(bit.mask(), Ordering::SeqCst);
    }

    pub(crate) fn mask(&self) -> u8 {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn is_set(&self) -> bool {
        flag().bits() & self.mask() != 0
    }

    /// Async-signal-safe.
    pub(crate) fn set(&self) {
        flag().set(self.mask());
    }

    /// Clears the bit. Every later read of this thread, such as a read of the clock, happens after the clearing.
    pub(crate) fn clear(&self) {
        flag().clear(self.mask());
    }

    /// Clears the bit while no alarm is armed. The order that `clear` promises is unnecessary then.
    pub(crate) fn reset(&self) {
        if self.is_set() {
            flag().reset(self.mask());
        }
    }
}

pub(crate) struct Flag(Byte);

const SET: u8 = 1;

impl Flag {
    pub(crate) const fn new() -> Flag {
        Flag(Byte::new())
    }

    #[inline(always)]
    pub(crate) fn is_set(&self) -> bool {
        self.0.is_set()
    }

    pub(crate) fn set(&self) {
        self.0.set(SET);
    }

    pub(crate) fn clear(&self) {
        self.0.clear(SET);
    }
}
