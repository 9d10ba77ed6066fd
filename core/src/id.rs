use core::fmt;

/// The id of an alarm, unique in the process and its forked children. An outer alarm has a smaller id.
/// ```
/// assert!(sigalarm::testing::expired().id() < sigalarm::testing::expired().id());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct AlarmId(pub(crate) u64);

impl fmt::Display for AlarmId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}
