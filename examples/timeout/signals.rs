use std::ffi::c_int;
use std::ops::RangeInclusive;
use std::str::FromStr;

use nix::libc;
use nix::sys::signal::Signal;

/// Parses a name in either case, with or without `SIG`, or a number, which may be a shell's exit status.
pub fn parse(text: &str) -> Option<c_int> {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        let number = text.parse::<c_int>().ok()? & 0x7f;
        return exists(number).then_some(number);
    }
    let name = text.to_ascii_uppercase();
    let name = name.strip_prefix("SIG").unwrap_or(&name);
    match name {
        "EXIT" => Some(0),
        "IOT" => Some(libc::SIGABRT),
        "CLD" => Some(libc::SIGCHLD),
        "POLL" => Some(libc::SIGIO),
        _ => real_time(name).or_else(|| Some(Signal::from_str(&format!("SIG{name}")).ok()? as c_int)),
    }
}

pub fn name(signal: c_int) -> String {
    // Of two names for one signal, GNU prints this one.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if signal == libc::SIGIO {
        return "POLL".to_owned();
    }
    match Signal::try_from(signal) {
        Ok(signal) => signal.as_str().trim_start_matches("SIG").to_owned(),
        Err(_) if signal == 0 => "EXIT".to_owned(),
        Err(_) => real_time_name(signal),
    }
}

fn exists(number: c_int) -> bool {
    number == 0 || Signal::try_from(number).is_ok() || real_time_signals().contains(&number)
}

/// Counts from the nearer end: `RTMIN+3`, `RTMAX-2`.
fn real_time_name(signal: c_int) -> String {
    let (first, last) = real_time_signals().into_inner();
    let (base, offset) = if signal <= first + (last - first) / 2 {
        ("RTMIN", signal - first)
    } else {
        ("RTMAX", signal - last)
    };
    if offset == 0 { base.to_owned() } else { format!("{base}{offset:+}") }
}

fn real_time(name: &str) -> Option<c_int> {
    let signals = real_time_signals();
    let (base, offset) = match (name.strip_prefix("RTMIN"), name.strip_prefix("RTMAX")) {
        (Some(offset), _) => (*signals.start(), offset),
        (_, Some(offset)) => (*signals.end(), offset),
        _ => return None,
    };
    let offset: c_int = if offset.is_empty() { 0 } else { offset.parse().ok()? };
    let signal = base.checked_add(offset)?;
    signals.contains(&signal).then_some(signal)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn real_time_signals() -> RangeInclusive<c_int> {
    libc::SIGRTMIN()..=libc::SIGRTMAX()
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn real_time_signals() -> RangeInclusive<c_int> {
    1..=0
}
