//! Reads and decodes arbitrary bytes.

use std::collections::BTreeMap;

use super::*;

pub(in crate::process) fn check(input: &[u8]) {
    let receiver = Receiver { bytes: input.to_vec(), ..Receiver::new(usize::MAX) };
    if let Received::Value(bytes) = receiver.finish() {
        assert_eq!([&bytes, &VALUE_END[..]].concat(), input);
    }
    if let Ok(tree) = decode::<Tree>(input, 64) {
        drop(tree);
    }
}

#[derive(Deserialize)]
#[allow(dead_code)]
enum Tree {
    Leaf,
    List(Vec<Tree>),
    Pair { one: Box<Tree>, other: Option<Box<Tree>> },
    Named(BTreeMap<String, Tree>),
    Text(String, char, u128, f32),
    Units(Vec<()>),
}

#[cfg(test)]
#[path = "../../../tests/support/mutations.rs"]
mod engine;

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[&[u8]] = &[
        b"abc\xf5 value\xf5",
        b"abc\x01\x06reason\x08\0\0\0\0\0\0\0\xf5failed\xf5",
        b"\x02\x04fork\x02\x07\0\0\0\0\0\0\0\xf5failed\xf5",
        b"\xf5 abort\xf5",
        b"\x01\x03\0\x02\x02\x01\0\x05\xff\xff\x03",
    ];
    const WORDS: &[&[u8]] = &[
        &VALUE_END,
        &FAILURE_END,
        b"\xff\xff\xff\xff",
        b"\0\0\0\0\0\0\0\0",
        b"\x05\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x01\x01\x01\x02\x02\x02",
    ];

    #[test]
    fn hostile_bytes_are_a_value_or_an_error() {
        engine::campaign("wire", KNOWN, WORDS, check);
    }
}
