use alloc::format;
use core::fmt;
use core::time::Duration;

/// Displays a duration with three decimals, such as `1.500 ms`.
#[derive(Clone, Copy, Debug)]
pub struct Measured(pub Duration);

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        // Rounds down, so that an elapsed time below the limit is never displayed as the limit.
        let (unit, name) = match nanos {
            0..1_000_000 => (1_000, "µs"),
            1_000_000..1_000_000_000 => (1_000_000, "ms"),
            _ => (1_000_000_000, "s"),
        };
        write!(f, "{}.{:03} {name}", nanos / unit, nanos % unit / (unit / 1_000))
    }
}

/// Displays a duration with all digits, such as `1.5 ms`.
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

#[test]
fn durations_have_units_and_digits() {
    for (nanos, measured, exact) in [
        (0, "0.000 µs", "0 s"),
        (1, "0.001 µs", "1 ns"),
        (1_500, "1.500 µs", "1.5 µs"),
        (250_000_000, "250.000 ms", "250 ms"),
        (999_999_999, "999.999 ms", "999.999999 ms"),
        (1_000_000_001, "1.000 s", "1.000000001 s"),
        (9_999_999_999, "9.999 s", "9.999999999 s"),
        (90_000_000_000, "90.000 s", "90 s"),
    ] {
        let duration = Duration::from_nanos(nanos);
        assert_eq!(format!("{} {}", Measured(duration), Exact(duration)), format!("{measured} {exact}"));
    }
}
