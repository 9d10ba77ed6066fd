//! Signals as bits of a mask.

/// The classic signals, 1 to 31.
pub(crate) const SIGNALS: usize = 32;

/// The numbers of the signals in a mask.
pub(crate) fn numbers(mut mask: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        (mask != 0).then(|| {
            let number = mask.trailing_zeros();
            mask &= mask - 1;
            number as usize
        })
    })
}
