use alloc::format;
use core::fmt;
use core::time::Duration;

/// Formats with three decimals.
#[derive(Clone, Copy, Debug)]
pub struct Measured(pub Duration);

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        // Not rounded, because 9.9999 s is not yet the limit "10.000 s".
        let (unit, name) = match nanos {
            0..1_000_000 => (1_000, "µs"),
            1_000_000..1_000_000_000 => (1_000_000, "ms"),
            _ => (1_000_000_000, "s"),
        };
        write!(f, "{}.{:03} {name}", nanos / unit, nanos % unit / (unit / 1_000))
    }
}

/// Formats all digits.
#[derive(Clone, Copy, Debug)]
pub struct Exact(pub Duration);

impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        let (unit, digits, name) = match nanos {
            0 => (1, 0, "s"),
            1..1_000 => (1, 0, "ns"),
            1_000..1_000_000 => (1_000, 3, "µs"),
            1_000_000..1_000_000_000 => (1_000_000, 6, "ms"),
            _ => (1_000_000_000, 9, "s"),
        };
        let (whole, rest) = (nanos / unit, nanos % unit);
        if rest == 0 {
            write!(f, "{whole} {name}")
        } else {
            let decimals = format!("{rest:0digits$}");
            write!(f, "{whole}.{} {name}", decimals.trim_end_matches('0'))
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn durations_have_units_and_digits() {
        let measured = |d| Measured(d).to_string();
        assert_eq!(measured(Duration::ZERO), "0.000 µs");
        assert_eq!(measured(Duration::from_nanos(1_999)), "1.999 µs");
        assert_eq!(measured(Duration::from_nanos(999_999_999)), "999.999 ms");
        assert_eq!(measured(Duration::from_nanos(9_999_999_999)), "9.999 s");

        let exact = |d| Exact(d).to_string();
        assert_eq!(exact(Duration::ZERO), "0 s");
        assert_eq!(exact(Duration::from_nanos(1)), "1 ns");
        assert_eq!(exact(Duration::from_nanos(1_500)), "1.5 µs");
        assert_eq!(exact(Duration::from_millis(250)), "250 ms");
        assert_eq!(exact(Duration::from_nanos(1_000_000_001)), "1.000000001 s");
        assert_eq!(exact(Duration::from_secs(90)), "90 s");
    }
}
