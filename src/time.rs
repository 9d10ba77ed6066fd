use std::time::Duration;

/// Nanoseconds since the epoch of the monotonic clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Time(u64);

impl Time {
    /// Means no deadline. An addition that overflows also returns `NEVER`.
    pub(crate) const NEVER: Time = Time(u64::MAX);

    /// A moment that has passed.
    pub(crate) const PAST: Time = Time(0);

    pub(crate) const fn from_nanos(nanos: u64) -> Time {
        Time(nanos)
    }

    pub(crate) const fn as_nanos(self) -> u64 {
        self.0
    }

    pub(crate) fn is_never(self) -> bool {
        self == Time::NEVER
    }

    pub(crate) fn after(self, d: Duration) -> Time {
        Time(self.0.saturating_add(nanos(d)))
    }

    pub(crate) fn before(self, d: Duration) -> Time {
        if self.is_never() {
            return self;
        }
        Time(self.0.saturating_sub(nanos(d)))
    }

    pub(crate) const fn since(self, earlier: Time) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CpuClock(pub(crate) i32);

/// Faster than [`Duration::as_nanos`], which computes in 128 bits.
fn nanos(d: Duration) -> u64 {
    d.as_secs().saturating_mul(1_000_000_000).saturating_add(u64::from(d.subsec_nanos()))
}
