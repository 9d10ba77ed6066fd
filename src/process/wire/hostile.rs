//! Bytes from a child that means harm: an inbox says the same of them however they arrive, the same as whoever reads
//! them all at once, and makes no more room than there are bytes.

use super::*;

/// Says what an inbox should, looking at all the bytes at once.
fn naive(mut bytes: &[u8], most: usize) -> Letter {
    let (mut value, mut room): (Vec<u8>, _) = (Vec::new(), MOST_WORDS);
    let mut words: Vec<u8> = Vec::new();
    loop {
        let Some((head, rest)) = bytes.split_at_checked(HEAD) else {
            return Letter::Nothing(value.len() as u64);
        };
        let length = u32::from_le_bytes([head[1], head[2], head[3], head[4]]) as usize;
        let there = rest.get(..length);
        match head[0] {
            KIND_CHUNK if value.len() + length > most => return Letter::TooLarge,
            KIND_CHUNK => value.extend_from_slice(there.unwrap_or(rest)),
            KIND_END if length == 0 => return Letter::Value(value),
            KIND_LAST_WORDS if length > room => return Letter::Garbled,
            KIND_LAST_WORDS => {
                room -= length;
                words.extend_from_slice(there.unwrap_or(rest));
            }
            _ => return Letter::Garbled,
        }
        let Some(there) = there else { return Letter::Nothing(value.len() as u64) };
        if head[0] == KIND_LAST_WORDS {
            return postcard::from_bytes(&words).map_or(Letter::Garbled, Letter::LastWords);
        }
        bytes = &rest[there.len()..];
    }
}

/// The first byte says in what pieces the rest comes, the second how large a value may be.
pub(in crate::process) fn holds(input: &[u8]) {
    let [pieces, most, bytes @ ..] = input else { return };
    let most = if *most == 255 { usize::MAX } else { usize::from(*most) };
    let mut rest = bytes;
    let mut inbox = Inbox::new(most);
    let mut turn = usize::from(*pieces);
    // Now and then there is nothing, and the reader comes again; in the end there is nothing more.
    while !inbox.take_in(1 + turn % 7, |buffer, wanted| {
        turn += 1;
        assert!(wanted > 0 && buffer.len() <= bytes.len());
        let n = wanted.min(1 + turn % (1 + usize::from(*pieces))).min(rest.len());
        if rest.is_empty() {
            return Ok(Found::End);
        }
        if turn % 5 == 0 {
            return Ok(Found::Nothing);
        }
        let (now, later) = rest.split_at(n);
        buffer.extend_from_slice(now);
        rest = later;
        Ok(Found::Bytes(n))
    }) {}
    assert!(inbox.value.capacity() <= 2 * bytes.len() + 64 && inbox.words.capacity() <= 2 * bytes.len() + 64);
    assert_eq!(inbox.close(), naive(bytes, most));
}

#[cfg(test)]
#[path = "../../../tests/fuzz/engine.rs"]
mod engine;

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[&[u8]] = &[
        b"\x03\xff\x01\x03\0\0\0abc\x01\0\0\0\0\x01\x02\0\0\0de\x02\0\0\0\0",
        b"\x09\xff\x03\x08\0\0\0\x01\x06reason",
        b"\x01\xff\x03\x07\0\0\0\x02\x04fork\x02",
        b"\x05\xff\x03\x0a\0\0\0\x00\x02no\x01\x01a\x01\x01\x01\x01",
        b"\x02\x05\x01\x06\0\0\0abcdef",
        b"\x02\xff\x01\xff\xff\xff\xff",
    ];
    const WORDS: &[&[u8]] = &[
        b"\x01\x01\0\0\0x",
        b"\x02\0\0\0\0",
        b"\x03\0\0\0\0",
        b"\xff\xff\xff\xff",
        b"\x01\0\x10\0",
        b"\0\0\0\0",
    ];

    #[test]
    fn whatever_a_child_sends() {
        engine::campaign("wire", KNOWN, WORDS, holds);
    }
}
