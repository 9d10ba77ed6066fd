//! How long to measure.

#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub quick: bool,
}

impl Plan {
    pub fn rounds(&self, full: usize) -> usize {
        if self.quick { (full / 15).max(5) } else { full }
    }
}
