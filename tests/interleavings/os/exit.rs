//! The end of the process.

pub(crate) fn with_a_last_word(line: &[u8], _: bool) -> ! {
    panic!("last resort: {}", String::from_utf8_lossy(line))
}
