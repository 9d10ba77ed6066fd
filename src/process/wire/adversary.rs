//! Compares [`Receiver`] with [`naive`], a simple implementation, on arbitrary bytes.

use std::collections::BTreeMap;

use super::*;

fn naive(mut bytes: &[u8], value_limit: usize) -> Received {
    let mut value: Vec<u8> = Vec::new();
    loop {
        let Some((head, rest)) = bytes.split_at_checked(HEAD) else {
            return Received::Incomplete(value.len() as u64);
        };
        let length = u32::from_le_bytes([head[1], head[2], head[3], head[4]]) as usize;
        let body = rest.get(..length);
        match (head[0], length) {
            (KIND_CHUNK | KIND_LAST_CHUNK, 1..) if value.len() + length > value_limit => {
                return Received::TooLarge;
            }
            (KIND_CHUNK, 1..) | (KIND_LAST_CHUNK, _) => value.extend_from_slice(body.unwrap_or(rest)),
            (KIND_ABORT, 0) => return Received::AbortedWithoutMemory,
            (KIND_FAILURE, 1..=MAX_FAILURE) => {}
            _ => return Received::Invalid,
        }
        match (head[0], body) {
            (KIND_FAILURE, Some(body)) => {
                return postcard::from_bytes(body).map_or(Received::Invalid, Received::Failure);
            }
            (KIND_FAILURE, None) => return Received::Incomplete(0),
            (_, None) => return Received::Incomplete(value.len() as u64),
            (KIND_LAST_CHUNK, _) => return Received::Value(value),
            _ => {}
        }
        bytes = &rest[length..];
    }
}

pub(in crate::process) fn check(input: &[u8]) {
    let [pieces, value_limit, bytes @ ..] = input else { return };
    let value_limit = if *value_limit == 255 { usize::MAX } else { usize::from(*value_limit) };
    let mut rest = bytes;
    let mut receiver = Receiver::new(value_limit);
    let mut turn = usize::from(*pieces);
    while receiver.open {
        receiver.read(1 + turn % 7, |buffer, most| {
            turn += 1;
            assert!(most > 0 && buffer.len() <= bytes.len());
            let n = most.min(1 + turn % (1 + usize::from(*pieces))).min(rest.len());
            if rest.is_empty() {
                return Ok(0);
            }
            if turn % 5 == 0 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let (now, later) = rest.split_at(n);
            buffer.extend_from_slice(now);
            rest = later;
            Ok(n)
        });
    }
    assert!(receiver.bytes.capacity() <= 2 * bytes.len() + 64);
    assert_eq!(receiver.finish(), naive(bytes, value_limit));
    if let Ok(tree) = decode::<Tree>(bytes, 64) {
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
        b"\x03\xff\x01\x03\0\0\0abc\x01\x01\0\0\0f\x01\x02\0\0\0de\x02\0\0\0\0",
        b"\x04\xff\x01\x03\0\0\0abc\x02\x02\0\0\0de\x02\0\0\0\0",
        b"\x09\xff\x03\x08\0\0\0\x01\x06reason",
        b"\x01\xff\x03\x07\0\0\0\x02\x04fork\x02",
        b"\x05\xff\x03\x0a\0\0\0\x00\x02no\x01\x01a\x01\x01\x01\x01",
        b"\x02\x05\x01\x06\0\0\0abcdef",
        b"\x02\xff\x01\xff\xff\xff\xff",
        b"\0\0\x01\x03\0\x02\x02\x01\0\x05\xff\xff\x03",
    ];
    const WORDS: &[&[u8]] = &[
        b"\x01\x01\0\0\0x",
        b"\x02\0\0\0\0",
        b"\x03\0\0\0\0",
        b"\xff\xff\xff\xff",
        b"\x01\0\x10\0",
        b"\0\0\0\0",
        b"\x05\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x01\x01\x01\x02\x02\x02",
    ];

    #[test]
    fn any_bytes_have_one_result() {
        engine::campaign("wire", KNOWN, WORDS, check);
    }
}
