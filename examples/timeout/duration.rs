//! Durations of the command line: a number as C's `strtod` reads it, then optionally `s`, `m`, `h` or `d`.

use std::time::Duration;

/// Parses a duration; too large a number gives [`Duration::MAX`]. Only zero gives zero, which means no limit.
pub fn parse(text: &[u8]) -> Option<Duration> {
    let (number, rest) = number(trimmed(text))?;
    let unit = match rest {
        b"" | b"s" => 1,
        b"m" => 60,
        b"h" => 60 * 60,
        b"d" => 24 * 60 * 60,
        _ => return None,
    };
    Some(duration(number * f64::from(unit)))
}

/// Rounds up to a nanosecond.
fn duration(seconds: f64) -> Duration {
    let nanos = (seconds.fract() * 1e9).ceil();
    let whole = Duration::try_from_secs_f64(seconds.trunc()).unwrap_or(Duration::MAX);
    whole.saturating_add(Duration::from_nanos(nanos as u64))
}

fn number(text: &[u8]) -> Option<(f64, &[u8])> {
    let (negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let (number, rest) = infinite(text).or_else(|| hexadecimal(text)).or_else(|| decimal(text))?;
    (!negative || number == 0.0).then_some((number, rest))
}

fn infinite(text: &[u8]) -> Option<(f64, &[u8])> {
    let word = [&b"infinity"[..], b"inf"].into_iter().find(|word| starts_with(text, word))?;
    Some((f64::INFINITY, &text[word.len()..]))
}

fn starts_with(text: &[u8], word: &[u8]) -> bool {
    text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
}

fn decimal(text: &[u8]) -> Option<(f64, &[u8])> {
    let (mantissa, rest) = split(text, |byte| byte.is_ascii_digit())?;
    let (exponent, rest) = exponent(rest, b'e');
    let number: f64 = format!("{mantissa}e{exponent}").parse().ok()?;
    Some((not_lost(number, &mantissa), rest))
}

fn hexadecimal(text: &[u8]) -> Option<(f64, &[u8])> {
    let (mantissa, rest) = split(starts_with(text, b"0x").then(|| &text[2..])?, |b| b.is_ascii_hexdigit())?;
    let (exponent, rest) = exponent(rest, b'p');
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((&mantissa, ""));
    let digits = whole.chars().chain(fraction.chars()).filter_map(|c| c.to_digit(16));
    // Further digits do not change the value.
    let (number, more) = digits.fold((0.0, 0), |(number, more), digit| match number < 1e300 {
        true => (number * 16.0 + f64::from(digit), more),
        false => (number, more + 1),
    });
    let places = i32::try_from(fraction.len()).ok()? - more;
    let exponent = exponent.saturating_sub(4 * places);
    // The scaling has two steps, because the power alone may be out of range.
    let number = number * 2_f64.powi(exponent / 2) * 2_f64.powi(exponent - exponent / 2);
    Some((not_lost(number, &mantissa), rest))
}

/// Rounds a number that is too small for `f64` up to the smallest one.
fn not_lost(number: f64, mantissa: &str) -> f64 {
    let is_zero = mantissa.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    if is_zero { 0.0 } else { number.max(f64::MIN_POSITIVE) }
}

fn split(text: &[u8], is_digit: impl Fn(&u8) -> bool) -> Option<(String, &[u8])> {
    let count = |text: &[u8]| text.iter().take_while(|byte| is_digit(byte)).count();
    let mut end = count(text);
    let mut digits = end;
    if text.get(end) == Some(&b'.') {
        let fraction = count(&text[end + 1..]);
        digits += fraction;
        end += 1 + fraction;
    }
    let (mantissa, rest) = text.split_at(end);
    (digits > 0).then(|| (String::from_utf8_lossy(mantissa).into_owned(), rest))
}

fn exponent(text: &[u8], mark: u8) -> (i32, &[u8]) {
    let there = || {
        let (first, rest) = text.split_first()?;
        let (negative, rest) = match rest {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            _ => (false, rest),
        };
        let end = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if first.to_ascii_lowercase() != mark || end == 0 {
            return None;
        }
        let add = |value: i32, digit: &u8| value.saturating_mul(10).saturating_add(i32::from(digit - b'0'));
        let value = rest[..end].iter().fold(0, add);
        Some((if negative { -value } else { value }, &rest[end..]))
    };
    there().unwrap_or((0, text))
}

/// Skips what C's `isspace` accepts, including the vertical tab.
fn trimmed(text: &[u8]) -> &[u8] {
    let spaces = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t'..=b'\r')).count();
    &text[spaces..]
}
