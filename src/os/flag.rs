//! The library's bit of the flag that checks read, and flags of one owner.

// Not those of a model: the bit stays for the life of the process.
use std::sync::atomic::{AtomicU8, Ordering};

use sigalarm_core::implementer::Bit;

pub(crate) use super::core_flag::{Byte, flag};

/// The library's bit of the [`flag`]. No bit, until it is assigned.
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

/// A flag of one owner, whose test is as short as that of the [`flag`].
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

    /// Async-signal-safe.
    pub(crate) fn set(&self) {
        self.0.set(SET);
    }

    /// Clears the flag so that every processor sees it cleared before this thread reads anything else.
    pub(crate) fn clear(&self) {
        self.0.clear(SET);
    }

    /// Clears the flag where it is no matter when the others see it.
    pub(crate) fn reset(&self) {
        self.0.reset(SET);
    }
}
