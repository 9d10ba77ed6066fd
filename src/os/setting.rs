//! Settings and ids of timers.

use std::time::Duration;

use crate::time::Time;

/// XNU's limit. Longer waits are split.
const LONGEST: Duration = Duration::from_secs(100_000_000);

/// Disarmed if `remaining` is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) remaining: Duration,
    pub(crate) interval: Duration,
}

impl Setting {
    pub(crate) const DISARMED: Setting = Setting { remaining: Duration::ZERO, interval: Duration::ZERO };

    /// Rounds up to microseconds, at most [`LONGEST`].
    #[inline]
    pub(crate) fn rounded(self) -> Setting {
        let Setting { remaining, interval } = self.in_micros();
        Setting { remaining: remaining.min(LONGEST), interval: interval.min(LONGEST) }
    }

    #[inline]
    pub(crate) fn in_micros(self) -> Setting {
        let round = |d: Duration| match d.subsec_nanos().div_ceil(1_000) {
            1_000_000 => d.as_secs().checked_add(1).map_or(Duration::MAX, Duration::from_secs),
            micros => Duration::new(d.as_secs(), micros * 1_000),
        };
        Setting { remaining: round(self.remaining), interval: round(self.interval) }
    }
}

/// The kernel's id of a POSIX timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimerId(pub(super) usize);

impl TimerId {
    /// Returns a nonzero number.
    pub(crate) fn to_bits(self) -> usize {
        self.0.wrapping_add(1)
    }

    pub(crate) fn from_bits(bits: usize) -> Option<TimerId> {
        (bits != 0).then(|| TimerId(bits.wrapping_sub(1)))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    At(Time),
    After(Duration),
    Never,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_up_carries_and_clamps() {
        let setting = |remaining| Setting { remaining, interval: Duration::ZERO };
        for (nanos, micros) in [(0, 0), (1, 1), (1_000, 1), (1_001, 2), (999_999_500, 1_000_000)] {
            let rounded = setting(Duration::from_nanos(nanos)).in_micros().remaining;
            assert_eq!(rounded, Duration::from_micros(micros));
        }
        assert_eq!(setting(Duration::MAX).rounded().remaining, LONGEST);
        assert_eq!(setting(Duration::MAX).in_micros().remaining, Duration::MAX);
    }
}
