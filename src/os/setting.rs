use std::time::Duration;

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
    pub(crate) fn rounded(self) -> Setting {
        let Setting { remaining, interval } = self.in_micros();
        Setting { remaining: remaining.min(LONGEST), interval: interval.min(LONGEST) }
    }

    pub(crate) fn in_micros(self) -> Setting {
        Setting { remaining: round_up(self.remaining), interval: round_up(self.interval) }
    }
}

fn round_up(d: Duration) -> Duration {
    match d.subsec_nanos().div_ceil(1_000) {
        1_000_000 => d.as_secs().checked_add(1).map_or(Duration::MAX, Duration::from_secs),
        micros => Duration::new(d.as_secs(), micros * 1_000),
    }
}
