/// One more than the largest standard signal number.
pub(crate) const SIGNALS: usize = 32;

pub(crate) fn numbers(mask: u32) -> impl Iterator<Item = usize> {
    let next = |mask: &u32| Some(mask & mask.wrapping_sub(1));
    let masks = std::iter::successors(Some(mask), next).take_while(|mask| *mask != 0);
    masks.map(|mask| mask.trailing_zeros() as usize)
}
