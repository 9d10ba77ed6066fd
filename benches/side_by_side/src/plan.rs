//! How long to measure.

/// The whole suite in some minutes, or a trial in less than one.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub quick: bool,
}

impl Plan {
    /// As many rounds of the full run are this many of this one.
    pub fn rounds(&self, full: usize) -> usize {
        if self.quick { (full / 15).max(5) } else { full }
    }
}
