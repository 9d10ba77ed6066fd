use std::os::fd::AsFd;

use serde::de::DeserializeOwned;

use super::*;
use crate::os::pipe;

/// Returns what a receiver reads from `bytes` in pieces of at most `piece`.
fn received(bytes: &[u8], piece: usize, value_limit: usize) -> Received {
    let mut receiver = Receiver::new(value_limit);
    let mut rest = bytes;
    let mut read = |buffer: &mut Vec<u8>, most: usize| {
        let (now, later) = rest.split_at(most.min(piece).min(rest.len()));
        buffer.extend_from_slice(now);
        rest = later;
        Ok(if now.is_empty() { Found::End } else { Found::Bytes(now.len()) })
    };
    while receiver.is_open() {
        receiver.read(1 << 20, &mut read);
    }
    receiver.finish()
}

fn frames(frames: &[(u8, &[u8])]) -> Vec<u8> {
    frames.iter().flat_map(|(kind, body)| [&head(*kind, body.len())[..], body].concat()).collect()
}

#[test]
fn chunks_add_up_in_pieces_of_any_size() {
    let bytes = frames(&[(KIND_CHUNK, b"abc"), (KIND_CHUNK, b"de"), (KIND_END, b"")]);
    for piece in 1..=bytes.len() {
        assert_eq!(received(&bytes, piece, usize::MAX), Received::Value(b"abcde".to_vec()));
    }
}

#[test]
fn value_without_its_end_is_incomplete() {
    let bytes = frames(&[(KIND_CHUNK, b"abc"), (KIND_CHUNK, b"de"), (KIND_END, b"")]);
    for cut in 0..bytes.len() {
        match received(&bytes[..cut], 3, usize::MAX) {
            Received::Incomplete(received) => assert!(received <= 5),
            other => panic!("cut at {cut}: {other:?}"),
        }
    }
}

#[test]
fn bytes_that_are_no_frame_are_invalid() {
    let invalid = [
        b"Hello, world!".to_vec(),
        frames(&[(KIND_FAILURE, b"\xff\xff\xff")]),
        frames(&[(KIND_FAILURE, b"")]),
        head(KIND_FAILURE, MAX_FAILURE + 1).to_vec(),
        frames(&[(KIND_END, b"x")]),
        frames(&[(KIND_CHUNK, b""), (KIND_END, b"")]),
    ];
    for bytes in invalid {
        for piece in [1, 4, 100] {
            assert_eq!(received(&bytes, piece, usize::MAX), Received::Invalid, "{bytes:?}");
        }
    }
    // The header claims four gigabytes. The receiver does not allocate them.
    assert_eq!(received(&[KIND_CHUNK, 255, 255, 255, 255, 1], 4, usize::MAX), Received::Incomplete(1));
}

#[test]
fn too_large_is_known_from_the_head() {
    assert_eq!(received(&head(KIND_CHUNK, 11), 5, 10), Received::TooLarge);
    let bytes = frames(&[(KIND_CHUNK, b"0123456789"), (KIND_END, b"")]);
    assert_eq!(received(&bytes, 5, 10), Received::Value(b"0123456789".to_vec()));
    let more = frames(&[(KIND_CHUNK, b"0123456789"), (KIND_CHUNK, b"x"), (KIND_END, b"")]);
    assert_eq!(received(&more, 5, 10), Received::TooLarge);
}

#[test]
fn one_call_reads_many_small_frames() {
    let bytes = [(KIND_CHUNK, &b"x"[..]); 5_000];
    let bytes = [frames(&bytes), frames(&[(KIND_END, b"")])].concat();
    let (mut rest, mut calls) = (&bytes[..], 0);
    let mut receiver = Receiver::new(usize::MAX);
    receiver.read(usize::MAX, |buffer, most| {
        let (now, later) = rest.split_at(most.min(rest.len()));
        buffer.extend_from_slice(now);
        (rest, calls) = (later, calls + 1);
        Ok(Found::Bytes(now.len()))
    });
    assert!(!receiver.is_open() && calls <= 130, "{calls} calls");
    assert_eq!(receiver.finish(), Received::Value(vec![b'x'; 5_000]));
}

#[test]
fn one_read_is_bounded_in_calls_and_bytes() {
    // A chunk that claims a gigabyte, read byte by byte.
    let mut bytes = head(KIND_CHUNK, 1 << 30).into_iter().chain(std::iter::repeat(0));
    let mut calls = 0;
    let mut receiver = Receiver::new(usize::MAX);
    receiver.read(1 << 20, |buffer, _| {
        calls += 1;
        buffer.extend(bytes.next());
        Ok(Found::Bytes(1))
    });
    assert!(receiver.is_open() && calls < 5_000, "{calls} calls");

    let mut total = 0;
    receiver.read(100_000, |buffer, most| {
        total += most;
        buffer.resize(buffer.len() + most, 0);
        Ok(Found::Bytes(most))
    });
    assert!(receiver.is_open() && total == 100_000, "{total} bytes");
}

#[test]
fn refused_memory_ends_the_value() {
    let mut receiver = Receiver::new(usize::MAX);
    let mut first = true;
    receiver.read(1 << 20, |buffer, _| {
        if !std::mem::take(&mut first) {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        buffer.extend(head(KIND_CHUNK, 1 << 20));
        Ok(Found::Bytes(HEAD))
    });
    assert!(!receiver.is_open() && receiver.refuses());
    assert!(matches!(receiver.finish(), Received::OutOfMemory(1..)));
}

#[test]
#[cfg_attr(miri, ignore = "Miri has no F_SETPIPE_SZ")]
fn values_of_all_sizes_pass_through_a_pipe() {
    let around = |size: usize| size - 3 * HEAD..size + HEAD;
    let sizes = (0..5 * SMALL).chain(around(PIPE)).chain(around(CHUNK)).chain([3 * CHUNK + 17]);
    for size in sizes {
        let text = "x".repeat(size);
        let bytes: Vec<u8> = (0..size).map(|n| n as u8).collect();
        assert!(sent(text.clone()) == text && sent(bytes.clone()) == bytes, "{size}");
        let both = (text, bytes, 7_u64);
        assert!(sent(both.clone()) == both, "{size}");
    }
}

fn sent<T: Serialize + DeserializeOwned + Sync>(value: T) -> T {
    let (read, write) = pipe::pipe().unwrap();
    let write_end = WriteEnd::new(write.as_fd()).unwrap();
    let received = std::thread::scope(|s| {
        s.spawn(|| {
            let mut small = [0; SMALL];
            let mut sender = Sender::new(write_end, &mut small);
            sender.send(&value).unwrap();
            sender.finish().unwrap();
        });
        let mut receiver = Receiver::new(usize::MAX);
        while receiver.is_open() {
            receiver.read(1000, |buffer, most| pipe::read_onto(read.as_fd(), buffer, most));
            std::thread::yield_now();
        }
        receiver.finish()
    });
    let Received::Value(bytes) = received else { panic!("{received:?}") };
    decode(&bytes, 10).unwrap()
}

#[test]
fn failures_arrive() {
    let (read, write) = pipe::pipe().unwrap();
    let failure = Failure::Setup("setrlimit".into(), 22);
    failure.send(WriteEnd::new(write.as_fd()).unwrap()).unwrap();
    let mut receiver = Receiver::new(0);
    receiver.read(1000, |buffer, most| pipe::read_onto(read.as_fd(), buffer, most));
    assert_eq!(receiver.finish(), Received::Failure(failure));
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Every {
    Unit,
    Newtype(Box<Option<Every>>),
    Tuple(i8, u16, i32, u64, i128, f32, f64, char),
    Struct { map: std::collections::BTreeMap<String, Vec<u8>>, units: Vec<()>, inner: (bool, String) },
}

#[test]
#[cfg_attr(miri, ignore = "Miri has no F_SETPIPE_SZ")]
fn the_format_is_that_of_postcard() {
    let values = vec![
        Every::Unit,
        Every::Tuple(-1, 300, -70_000, u64::MAX, i128::MIN, 0.5, -1e300, 'ß'),
        Every::Struct {
            map: [("a".to_owned(), vec![1, 2, 255]), (String::new(), vec![])].into(),
            units: vec![(); 3],
            inner: (true, "x".repeat(300)),
        },
        Every::Newtype(Box::new(Some(Every::Newtype(Box::new(None))))),
    ];
    let bytes = postcard::to_allocvec(&values).unwrap();
    assert_eq!(decode::<Vec<Every>>(&bytes, 20).unwrap(), values);
    assert_eq!(sent(values.clone()), values);
    for cut in 0..bytes.len() {
        assert!(decode::<Vec<Every>>(&bytes[..cut], 20).is_err(), "{cut}");
    }
    let longer = [&bytes[..], b"x"].concat();
    assert!(decode::<Vec<Every>>(&longer, 20).is_err());
}

#[test]
fn nesting_beyond_the_limit_is_an_error() {
    #[derive(Debug, Deserialize)]
    struct Node(#[allow(dead_code)] Option<Box<Node>>);
    let nested = |levels: usize| [vec![1_u8; levels], vec![0]].concat();
    assert!(decode::<Node>(&nested(4), 9).is_ok());
    assert!(matches!(decode::<Node>(&nested(4), 8), Err(DecodeError::TooDeep)));
    assert!(matches!(decode::<Node>(&nested(1 << 20), 128), Err(DecodeError::TooDeep)));
}

#[test]
fn elements_without_bytes_are_bounded() {
    let claimed = |n: u64| postcard::to_allocvec(&n).unwrap();
    assert_eq!(decode::<Vec<()>>(&claimed(60_000), 9).unwrap().len(), 60_000);
    for n in [70_000, 1 << 40, u64::MAX] {
        assert!(matches!(decode::<Vec<()>>(&claimed(n), 9), Err(DecodeError::Other(_))));
        assert!(decode::<Vec<u64>>(&claimed(n), 9).is_err());
    }
    // Fields without bytes do not count as elements.
    let pairs = vec![((), 1_u8); 70_000];
    assert_eq!(decode::<Vec<((), u8)>>(&postcard::to_allocvec(&pairs).unwrap(), 9).unwrap(), pairs);
}
