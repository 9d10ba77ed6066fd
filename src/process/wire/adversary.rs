//! Reads and decodes arbitrary bytes.

use std::collections::BTreeMap;

use super::*;

/// The tails of this mark are "A ended.", "B ended." and "C ended.".
const MARK: u64 = u64::from_le_bytes(*b"A ended.");

pub(in crate::process) fn check(input: &[u8]) {
    let receiver = Receiver { bytes: input.to_vec(), ..Receiver::new(MARK, usize::MAX) };
    if let Received::Value(bytes) = receiver.finish() {
        assert_eq!([&bytes[..], &Tail::Value.bytes(MARK)].concat(), input);
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
    use std::os::fd::AsFd;

    use super::*;

    const KNOWN: &[&[u8]] = &[
        b"abcA ended.",
        b"abc\x01\x06reason\x08\0\0\0\0\0\0\0B ended.",
        b"\x02\x04fork\x02\x07\0\0\0\0\0\0\0B ended.",
        b"C ended.",
        b"\x01\x03\0\x02\x02\x01\0\x05\xff\xff\x03",
    ];
    const WORDS: &[&[u8]] = &[
        b"A ended.",
        b"B ended.",
        b"\xff\xff\xff\xff",
        b"\0\0\0\0\0\0\0\0",
        b"\x05\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x01\x01\x01\x02\x02\x02",
    ];

    #[test]
    fn tail_of_another_job_ends_nothing() {
        let (_read, write) = pipe::pipe().unwrap();
        let [this, other] = [(); 2].map(|()| WriteEnd::new(write.as_fd()).unwrap().mark);
        for tail in [Tail::Value, Tail::Failure, Tail::Abort] {
            let bytes = [b"part", &tail.bytes(other)[..]].concat();
            let received = Receiver { bytes, ..Receiver::new(this, usize::MAX) }.finish();
            assert!(matches!(received, Received::Incomplete(12)), "{tail:?}: {received:?}");
        }
    }

    #[test]
    fn hostile_bytes_are_a_value_or_an_error() {
        engine::campaign("wire", KNOWN, WORDS, check);
    }
}
