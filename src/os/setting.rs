use std::time::Duration;

/// A setting of the interval timer, in whole microseconds. The timer is disarmed if `remaining` is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) remaining: Duration,
    pub(crate) interval: Duration,
}

impl Setting {
    pub(crate) const DISARMED: Setting = Setting { remaining: Duration::ZERO, interval: Duration::ZERO };

    /// Rounds up to microseconds. A duration that is rounded down to zero would disarm the timer.
    #[inline]
    pub(crate) fn rounded(remaining: Duration, interval: Duration) -> Setting {
        let round = |d: Duration| {
            let micros = d.subsec_nanos().div_ceil(1_000);
            Duration::from_secs(d.as_secs()).saturating_add(Duration::from_micros(micros.into()))
        };
        Setting { remaining: round(remaining), interval: round(interval) }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimerId(pub(super) usize);

impl TimerId {
    pub(crate) fn to_bits(self) -> usize {
        self.0.wrapping_add(1)
    }

    pub(crate) fn from_bits(bits: usize) -> Option<TimerId> {
        (bits != 0).then(|| TimerId(bits.wrapping_sub(1)))
    }
}
