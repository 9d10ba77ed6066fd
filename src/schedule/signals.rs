//! Signal sets as bit masks.

/// One more than the largest standard signal number.
pub(crate) const SIGNALS: usize = 32;

pub(crate) fn numbers(mut mask: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        (mask != 0).then(|| {
            let number = mask.trailing_zeros();
            mask &= mask - 1;
            number as usize
        })
    })
}
