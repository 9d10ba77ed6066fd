use std::os::fd::AsFd;

use serde::de::DeserializeOwned;

use super::*;
use crate::os::pipe;

#[test]
#[cfg_attr(miri, ignore = "Miri has no F_SETPIPE_SZ")]
fn values_of_all_sizes_pass_through_a_pipe() {
    let around = |size: usize| size - 3 * HEAD..size + HEAD;
    let sizes = (0..2 * SMALL).chain(around(PIPE)).chain(around(CHUNK)).chain([3 * CHUNK + 17]);
    for size in sizes {
        // A string goes in one piece, a vector byte by byte.
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
    assert_eq!(bytes, postcard::to_allocvec(&value).unwrap());
    assert!(decode::<T>(&[&bytes[..], b"x"].concat(), 10).is_err());
    decode(&bytes, 10).unwrap()
}

#[test]
fn elements_without_bytes_are_bounded() {
    let claimed = |n: u64| postcard::to_allocvec(&n).unwrap();
    assert_eq!(decode::<Vec<()>>(&claimed(60_000), 9).unwrap().len(), 60_000);
    assert!(matches!(decode::<Vec<()>>(&claimed(70_000), 9), Err(DecodeError::Other(_))));
    // Fields without bytes are not elements.
    let pairs = vec![((), 1_u8); 70_000];
    assert_eq!(decode::<Vec<((), u8)>>(&postcard::to_allocvec(&pairs).unwrap(), 9).unwrap(), pairs);
}
