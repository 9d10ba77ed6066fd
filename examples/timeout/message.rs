use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt;
use std::sync::LazyLock;

use nix::errno::Errno;

pub fn say(name: &str, what: &str) {
    write(&format!("{name}: {what}\n"));
}

/// Writes the text at once; a failure cannot be reported.
pub fn write(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Returns the C library's text of an error.
pub fn reason(e: &io::Error) -> String {
    e.raw_os_error().map_or_else(|| e.to_string(), |number| Errno::from_raw(number).desc().to_owned())
}

/// Quotes a name for the locale and escapes control characters.
pub fn quote(name: &OsStr) -> String {
    if *CURLY { quoted(name.as_bytes(), '‘', '’') } else { quoted(name.as_bytes(), '\'', '\'') }
}

static CURLY: LazyLock<bool> = LazyLock::new(|| {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set).unwrap_or_default();
    let locale = locale.to_string_lossy().to_ascii_lowercase();
    let locale = locale.split('@').next().unwrap_or_default();
    locale.ends_with(".utf-8") || locale.ends_with(".utf8")
});

fn quoted(name: &[u8], open: char, close: char) -> String {
    let mut text = String::from(open);
    for chunk in name.utf8_chunks() {
        for c in chunk.valid().chars() {
            push(&mut text, c, close);
        }
        octal(&mut text, chunk.invalid());
    }
    text.push(close);
    text
}

fn push(text: &mut String, c: char, close: char) {
    // Without curly quotes the locale has ASCII only.
    let printable = if close.is_ascii() { c.is_ascii() && !c.is_control() } else { is_printable(c) };
    match c {
        '\x07' => text.push_str("\\a"),
        '\x08' => text.push_str("\\b"),
        '\t' => text.push_str("\\t"),
        '\n' => text.push_str("\\n"),
        '\x0b' => text.push_str("\\v"),
        '\x0c' => text.push_str("\\f"),
        '\r' => text.push_str("\\r"),
        '\\' => text.push_str("\\\\"),
        c if !printable => octal(text, c.encode_utf8(&mut [0; 4]).as_bytes()),
        c if c == close => text.extend(['\\', c]),
        c => text.push(c),
    }
}

fn is_printable(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}')
}

fn octal(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        write!(text, "\\{byte:03o}").expect("a String accepts every write");
    }
}
