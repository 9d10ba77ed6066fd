//! The durations of examples/timeout, against `strtod`.

#![allow(unsafe_code, clippy::undocumented_unsafe_blocks)]

use std::ffi::CString;
use std::time::Duration;

use nix::libc;

#[allow(dead_code)]
#[path = "../../../examples/timeout/duration.rs"]
mod duration;

pub const KNOWN: &[&[u8]] = &[
    b"10", b"1.5s", b"0", b"-0", b"+.5m", b"1e-9", b"3.h", b"inf", b"infinityd", b"0x1.8p3", b"0x.1", b"nan",
    b" \t\x0b7d", b"1e308", b"1e-400", b"99999999999999999999d", b"0x1p-1074", b"18446744073709551615.999999999",
    b"0x.ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
];

#[rustfmt::skip]
pub const WORDS: &[&[u8]] = &[
    b"0x", b"e", b"p", b"+", b"-", b".", b"inf", b"infinity", b"nan", b"nan(1)", b"s", b"m", b"h", b"d",
    b"e999999999", b"p-99999999999", b" ", b"\x0b", b"0000000000", b"9999999999", b"ffffffffffffffff",
];

fn strtod(text: &[u8]) -> Option<(f64, Vec<u8>)> {
    let text = CString::new(text).expect("no zero in it");
    let mut end = std::ptr::null_mut();
    let (value, length) = unsafe {
        let value = libc::strtod(text.as_ptr(), &mut end);
        (value, end.offset_from(text.as_ptr()) as usize)
    };
    (length > 0).then(|| (value, text.as_bytes()[length..].to_vec()))
}

pub fn holds(input: &[u8]) {
    let text = input.split(|byte| *byte == 0).next().unwrap_or(&[]);
    let read = duration::parse(text);
    let expected = strtod(text).and_then(|(value, rest)| {
        let unit = match rest.as_slice() {
            b"" | b"s" => 1.0,
            b"m" => 60.0,
            b"h" => 3600.0,
            b"d" => 86400.0,
            _ => return None,
        };
        // NaN fails this comparison too.
        (value >= 0.0).then_some((value, value * unit))
    });
    // A negative value that `strtod` rounds to zero is refused.
    if read.is_none() && expected.is_some_and(|(value, _)| value == 0.0 && value.is_sign_negative()) {
        return;
    }
    let (Some(read), Some((value, seconds))) = (read, expected) else {
        assert_eq!(read.is_some(), expected.is_some(), "{read:?} for {expected:?}");
        return;
    };
    // Zero means no limit, so no other value may become zero.
    assert!(value == 0.0 || !read.is_zero(), "no limit for {seconds:?} s");
    if seconds >= Duration::MAX.as_secs_f64() {
        assert_eq!(read, Duration::MAX);
    } else {
        let difference = (read.as_secs_f64() - seconds).abs();
        assert!(difference <= 2e-9 + seconds * 1e-12, "{read:?} for {seconds:?} s");
    }
}
