use core::fmt;
#[cfg(all(target_has_atomic = "ptr", not(target_has_atomic = "64")))]
use core::sync::atomic::AtomicU32 as Counter;
#[cfg(target_has_atomic = "64")]
use core::sync::atomic::AtomicU64 as Counter;

/// The id of an alarm, unique in the process and its forked children. An outer alarm has a smaller id.
/// ```
/// use sigalarm::testing::expired;
/// assert!(expired().id() < expired().id());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct AlarmId(pub(crate) u64);

impl fmt::Display for AlarmId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// The number of the last id.
#[cfg(target_has_atomic = "ptr")]
pub(crate) static LAST: Counter = Counter::new(0);
