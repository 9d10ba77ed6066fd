//! Settings and ids of timers.

use std::time::Duration;

use crate::time::Time;

/// XNU's limit. Longer waits are split.
const LONGEST: Duration = Duration::from_secs(100_000_000);

/// What an interval timer is set to, in whole microseconds. It is disarmed if `remaining` is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) remaining: Duration,
    pub(crate) interval: Duration,
}

impl Setting {
    pub(crate) const DISARMED: Setting = Setting { remaining: Duration::ZERO, interval: Duration::ZERO };

    /// Rounds both times up to microseconds, because zero disarms. They are at most [`LONGEST`].
    pub(crate) fn rounded(remaining: Duration, interval: Duration) -> Setting {
        let [remaining, interval] = [remaining, interval].map(|d| {
            let d = d.min(LONGEST);
            match d.subsec_nanos().div_ceil(1_000) {
                1_000_000 => Duration::from_secs(d.as_secs() + 1),
                micros => Duration::new(d.as_secs(), micros * 1_000),
            }
        });
        Setting { remaining, interval }
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
        let rounded = |d| Setting::rounded(d, Duration::ZERO).remaining;
        for (nanos, micros) in [(0, 0), (1, 1), (1_000, 1), (1_001, 2), (999_999_500, 1_000_000)] {
            assert_eq!(rounded(Duration::from_nanos(nanos)), Duration::from_micros(micros));
        }
        assert_eq!(rounded(Duration::MAX), LONGEST);
    }
}
