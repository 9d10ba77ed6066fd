// The tests in `src/interleavings` replace `super::atomic` by types that reorder stores. `OwnBit` uses the standard
// type, because it always stores the same value.
use std::sync::atomic::{AtomicU8, Ordering};

use sigalarm_core::implementer::Bit;

pub(crate) use super::core_flag::{Byte, flag};

pub(crate) struct OwnBit(AtomicU8);

impl OwnBit {
    pub(crate) const fn none() -> OwnBit {
        OwnBit(AtomicU8::new(0))
    }

    pub(crate) fn assign(&self, bit: Bit) {
        self.0.store(bit.mask(), Ordering::SeqCst);
    }

    pub(crate) fn mask(&self) -> u8 {
        self.0.load(Ordering::Relaxed)
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

    pub(crate) fn reset(&self) {
        self.0.reset(SET);
    }
}
