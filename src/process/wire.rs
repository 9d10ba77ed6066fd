//! What travels from the child to the parent: frames, each a kind, a length and a body.
//!
//! A value is any number of chunks and then an end, so that it is sent while it is still being serialised, and
//! so that a value which was cut short is never taken for a whole one. Instead of the end there may come a
//! panic or a failure. Bytes that are no frame are said to be so: the other side is not trusted.

use std::cell::Cell;
use std::io;
use std::mem;
use std::sync::Arc;

use postcard::ser_flavors::Flavor;
use serde::{Deserialize, Serialize};

use self::whole::Whole;
use super::panics::Panic;
use crate::os::pipe::{Found, Outlet};

/// Kind, and length in four bytes, the lowest first.
const HEAD: usize = 5;

/// How much room there is for a value at first: most need no more.
pub(super) const SMALL: usize = 256;

/// How much of a large value goes into one frame, the head included.
const CHUNK: usize = 256 * 1024;

/// What a pipe holds that nobody has enlarged.
const PIPE: usize = 64 * 1024;

/// Last words are no longer than this.
const MOST_WORDS: usize = 1 << 20;

const KIND_CHUNK: u8 = 1;
const KIND_END: u8 = 2;
const KIND_LAST_WORDS: u8 = 3;

/// How a child ends that has no value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum LastWords {
    Panicked(Panic),
    NotEncoded(Arc<str>),
    /// It could not set itself up: the call, and `errno`.
    Fault(Arc<str>, i32),
}

/// Why a value was not sent.
pub(super) enum Unsent {
    NotEncoded(String),
    /// Nobody reads, or the pipe is closed.
    Unheard,
}

/// The child's side.
pub(super) struct Outbox<'a> {
    outlet: Outlet,
    /// The next chunk, with its head in front, and room for more: lent as long as the value is small, so that nothing
    /// need be allocated.
    room: &'a mut [u8],
    /// How much of it there is.
    filled: usize,
    /// The outlet has failed.
    failed: bool,
}

impl<'a> Outbox<'a> {
    pub(super) fn new(outlet: Outlet, small: &'a mut [u8; SMALL]) -> Outbox<'a> {
        Outbox { outlet, room: small, filled: HEAD, failed: false }
    }

    /// Sends a value, but for its last chunk at most.
    pub(super) fn value<T: Serialize>(&mut self, value: &T) -> Result<(), Unsent> {
        let left_out = Cell::new(None);
        let sent = postcard::serialize_with_flavor(&Whole { value, left_out: &left_out }, Sending(self));
        match (sent, left_out.get()) {
            _ if self.failed => Err(Unsent::Unheard),
            (Ok(()), _) => Ok(()),
            (Err(_), Some(field)) => Err(Unsent::NotEncoded(format!(
                "it leaves out the field `{field}`, and the others would be taken for it: a job's value must not skip any"
            ))),
            (Err(e), None) => Err(Unsent::NotEncoded(e.to_string())),
        }
    }

    /// Sends what is left of the value, and that it is whole: in one piece, so that the parent wakes up once.
    pub(super) fn end(&mut self) -> io::Result<()> {
        let end = head(KIND_END, 0);
        if self.filled + end.len() > self.room.len() {
            self.make_room(end.len())?;
        }
        let (body, whole) = (self.filled - HEAD, self.filled + end.len());
        let outlet = self.outlet;
        let chunk = &mut self.room[..whole];
        chunk[..HEAD].copy_from_slice(&head(KIND_CHUNK, body));
        chunk[whole - end.len()..].copy_from_slice(&end);
        outlet.write_all(chunk)
    }

    pub(super) fn last_words(outlet: Outlet, words: &LastWords) -> io::Result<()> {
        let body = postcard::to_allocvec(words).unwrap_or_default();
        let mut frame = head(KIND_LAST_WORDS, body.len()).to_vec();
        frame.extend_from_slice(&body);
        outlet.write_all(&frame)
    }

    fn flush(&mut self) -> io::Result<()> {
        let (outlet, filled) = (self.outlet, mem::replace(&mut self.filled, HEAD));
        if filled == HEAD {
            return Ok(());
        }
        let chunk = &mut self.room[..filled];
        chunk[..HEAD].copy_from_slice(&head(KIND_CHUNK, filled - HEAD));
        outlet.write_all(chunk)
    }

    /// Makes room for so many bytes more, which must be fewer than a chunk has.
    ///
    /// As much as they need, or a few times what there was, and not a whole chunk for a kilobyte: each page that a child
    /// writes to for the first time costs it as much as several system calls.
    #[cold]
    fn make_room(&mut self, bytes: usize) -> io::Result<()> {
        let may_grow = self.room.len() < CHUNK;
        if self.filled + bytes > PIPE {
            if may_grow {
                self.outlet.enlarge();
            }
            // Also if it is little: the parent wakes up meanwhile.
            self.flush()?;
        }
        if may_grow {
            let needed = (self.filled + bytes).next_power_of_two();
            let length = (4 * self.room.len()).max(needed).min(CHUNK);
            // For as long as the child lives.
            let room = Box::leak(vec![0; length].into_boxed_slice());
            room[..self.filled].copy_from_slice(&self.room[..self.filled]);
            self.room = room;
        }
        Ok(())
    }

    #[cold]
    fn turn(&mut self, bytes: usize) -> postcard::Result<()> {
        self.make_room(bytes).map_err(|_| self.give_up())
    }

    /// What is a chunk by itself goes out from where it is.
    #[cold]
    fn pass(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.outlet.enlarge();
        self.flush().map_err(|_| self.give_up())?;
        for part in bytes.chunks(1 << 30) {
            let head = head(KIND_CHUNK, part.len());
            self.outlet
                .write_all(&head)
                .and_then(|()| self.outlet.write_all(part))
                .map_err(|_| self.give_up())?;
        }
        Ok(())
    }

    fn give_up(&mut self) -> postcard::Error {
        self.failed = true;
        postcard::Error::SerializeBufferFull
    }
}

struct Sending<'a, 'b>(&'a mut Outbox<'b>);

impl Flavor for Sending<'_, '_> {
    type Output = ();

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        // One comparison for a byte: there may be a hundred million of them.
        let filled = self.0.filled;
        if let Some(slot) = self.0.room.get_mut(filled) {
            *slot = byte;
            self.0.filled += 1;
            return Ok(());
        }
        self.0.turn(1)?;
        self.try_push(byte)
    }

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        if bytes.len() >= CHUNK - HEAD {
            return self.0.pass(bytes);
        }
        let end = self.0.filled + bytes.len();
        let filled = self.0.filled;
        if let Some(room) = self.0.room.get_mut(filled..end) {
            room.copy_from_slice(bytes);
            self.0.filled = end;
            return Ok(());
        }
        self.0.turn(bytes.len())?;
        self.try_extend(bytes)
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

fn head(kind: u8, body: usize) -> [u8; HEAD] {
    let [a, b, c, d] = u32::try_from(body).unwrap_or(u32::MAX).to_le_bytes();
    [kind, a, b, c, d]
}

/// What came from the child in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Letter {
    Value(Vec<u8>),
    LastWords(LastWords),
    /// No end came; so many bytes of a value did.
    Nothing(u64),
    /// The value was larger than allowed.
    TooLarge,
    /// Something that no child of ours sends.
    Garbled,
}

/// The parent's side.
#[derive(Debug)]
pub(super) struct Inbox {
    head: Vec<u8>,
    /// The kind of the frame that is under way, and what is still to come of it.
    frame: Option<(u8, usize)>,
    value: Vec<u8>,
    words: Vec<u8>,
    most: usize,
    end: Option<Letter>,
}

impl Inbox {
    /// For a value of at most `most` bytes.
    pub(super) fn new(most: usize) -> Inbox {
        Inbox { head: Vec::new(), frame: None, value: Vec::new(), words: Vec::new(), most, end: None }
    }

    /// Whether the last word has been said.
    pub(super) fn is_closed(&self) -> bool {
        self.end.is_some()
    }

    pub(super) fn is_too_large(&self) -> bool {
        self.end == Some(Letter::TooLarge)
    }

    /// How many bytes of a value have come.
    pub(super) fn received(&self) -> usize {
        self.value.len()
    }

    /// Takes in what `read` finds, about `budget` bytes of it, until there is nothing at the moment (`false`)
    /// or nothing more will come (`true`).
    pub(super) fn take_in(
        &mut self,
        mut budget: usize,
        mut read: impl FnMut(&mut Vec<u8>, usize) -> io::Result<Found>,
    ) -> bool {
        // Not more room at a time than this for what a head only promises.
        const AT_ONCE: usize = 1 << 20;
        while self.end.is_none() && budget > 0 {
            let missing = HEAD - self.head.len();
            let (buffer, wanted) = match self.frame {
                None => (&mut self.head, missing),
                Some((KIND_CHUNK, left)) => (&mut self.value, left),
                Some((_, left)) => (&mut self.words, left),
            };
            let found = match read(buffer, wanted.min(AT_ONCE)) {
                Ok(Found::Bytes(n)) => n,
                Ok(Found::Nothing) => return false,
                // A pipe has no other errors to give; should there be one, nothing more will come of it.
                Ok(Found::End) | Err(_) => return true,
            };
            budget = budget.saturating_sub(found);
            self.advance(found);
        }
        self.is_closed()
    }

    fn advance(&mut self, found: usize) {
        let frame = match self.frame {
            Some((kind, left)) => (kind, left - found),
            None => match *self.head.as_slice() {
                [kind, a, b, c, d] => {
                    self.head.clear();
                    (kind, u32::from_le_bytes([a, b, c, d]) as usize)
                }
                _ => return,
            },
        };
        self.frame = Some(frame);
        match frame {
            (KIND_CHUNK, left) if self.value.len().saturating_add(left) > self.most => {
                self.value = Vec::new();
                self.end = Some(Letter::TooLarge);
            }
            (KIND_CHUNK, 0) => self.frame = None,
            (KIND_CHUNK, _) => {}
            (KIND_END, 0) => self.end = Some(Letter::Value(mem::take(&mut self.value))),
            (KIND_LAST_WORDS, 0) => {
                let words = postcard::from_bytes(&self.words);
                self.end = Some(words.map_or(Letter::Garbled, Letter::LastWords));
            }
            (KIND_LAST_WORDS, left) if self.words.len().saturating_add(left) <= MOST_WORDS => {}
            _ => self.end = Some(Letter::Garbled),
        }
    }

    /// Nothing more will come.
    pub(super) fn close(self) -> Letter {
        self.end.unwrap_or(Letter::Nothing(self.value.len() as u64))
    }
}

/// What must hold whatever a child sends: also for the fuzzer in `fuzz/`.
#[cfg(any(test, fuzzing))]
pub(super) mod hostile;
mod whole;

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use serde::de::DeserializeOwned;

    use super::*;
    use crate::os::pipe;

    /// Plays `bytes` to an inbox in pieces of at most `piece`.
    fn taken_in(bytes: &[u8], piece: usize, most: usize) -> Letter {
        let mut inbox = Inbox::new(most);
        let mut rest = bytes;
        let done = inbox.take_in(usize::MAX, |buffer, wanted| {
            let n = wanted.min(piece).min(rest.len());
            let (now, later) = rest.split_at(n);
            buffer.extend_from_slice(now);
            rest = later;
            Ok(if n == 0 { Found::End } else { Found::Bytes(n) })
        });
        assert!(done);
        inbox.close()
    }

    fn frames(frames: &[(u8, &[u8])]) -> Vec<u8> {
        frames.iter().flat_map(|(kind, body)| [&head(*kind, body.len())[..], body].concat()).collect()
    }

    #[test]
    fn chunks_add_up_however_they_arrive() {
        let bytes = frames(&[(KIND_CHUNK, b"abc"), (KIND_CHUNK, b""), (KIND_CHUNK, b"de"), (KIND_END, b"")]);
        for piece in 1..=bytes.len() {
            assert_eq!(taken_in(&bytes, piece, usize::MAX), Letter::Value(b"abcde".to_vec()));
        }
    }

    #[test]
    fn whatever_is_missing_is_missed() {
        let bytes = frames(&[(KIND_CHUNK, b"abc"), (KIND_CHUNK, b"de"), (KIND_END, b"")]);
        for cut in 0..bytes.len() {
            match taken_in(&bytes[..cut], 3, usize::MAX) {
                Letter::Nothing(received) => assert!(received <= 5),
                other => panic!("cut at {cut}: {other:?}"),
            }
        }
    }

    #[test]
    fn strangers_are_known() {
        assert_eq!(taken_in(b"Hello, world!", 4, usize::MAX), Letter::Garbled);
        assert_eq!(taken_in(&frames(&[(KIND_LAST_WORDS, b"\xff\xff\xff")]), 4, usize::MAX), Letter::Garbled);
        assert_eq!(taken_in(&head(KIND_LAST_WORDS, MOST_WORDS + 1), 5, usize::MAX), Letter::Garbled);
        assert_eq!(taken_in(&frames(&[(KIND_END, b"x")]), 4, usize::MAX), Letter::Garbled);
        // A head that promises four gigabytes makes no room for them.
        assert_eq!(taken_in(&[KIND_CHUNK, 255, 255, 255, 255, 1], 4, usize::MAX), Letter::Nothing(1));
    }

    #[test]
    fn too_large_is_said_at_once() {
        assert_eq!(taken_in(&head(KIND_CHUNK, 11), 5, 10), Letter::TooLarge);
        let bytes = frames(&[(KIND_CHUNK, b"0123456789"), (KIND_END, b"")]);
        assert_eq!(taken_in(&bytes, 5, 10), Letter::Value(b"0123456789".to_vec()));
        let more = frames(&[(KIND_CHUNK, b"0123456789"), (KIND_CHUNK, b"x"), (KIND_END, b"")]);
        assert_eq!(taken_in(&more, 5, 10), Letter::TooLarge);
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri knows no F_SETPIPE_SZ")]
    fn values_of_all_sizes_pass_through_a_pipe() {
        let around = |size: usize| size - 3 * HEAD..size + HEAD;
        let sizes = (0..5 * SMALL).chain(around(PIPE)).chain(around(CHUNK)).chain([3 * CHUNK + 17]);
        for size in sizes {
            // In one piece, and byte by byte.
            let text = "x".repeat(size);
            let bytes: Vec<u8> = (0..size).map(|n| n as u8).collect();
            assert!(passed_on(text.clone()) == text && passed_on(bytes.clone()) == bytes, "{size}");
            let both = (text, bytes, 7_u64);
            assert!(passed_on(both.clone()) == both, "{size}");
        }
    }

    fn passed_on<T: Serialize + DeserializeOwned + Sync>(value: T) -> T {
        let (read, write) = pipe::pipe().unwrap();
        let outlet = Outlet::new(&write).unwrap();
        let letter = std::thread::scope(|s| {
            s.spawn(|| {
                let mut small = [0; SMALL];
                let mut outbox = Outbox::new(outlet, &mut small);
                assert!(outbox.value(&value).is_ok());
                outbox.end().unwrap();
            });
            let mut inbox = Inbox::new(usize::MAX);
            while !inbox.take_in(1000, |buffer, most| pipe::read_onto(read.as_fd(), buffer, most)) {
                std::thread::yield_now();
            }
            inbox.close()
        });
        let Letter::Value(sent) = letter else { panic!("{letter:?}") };
        postcard::from_bytes(&sent).unwrap()
    }

    #[test]
    fn last_words_arrive() {
        let (read, write) = pipe::pipe().unwrap();
        let words = LastWords::Fault("setrlimit".into(), 22);
        Outbox::last_words(Outlet::new(&write).unwrap(), &words).unwrap();
        let mut inbox = Inbox::new(0);
        assert!(inbox.take_in(1000, |buffer, most| pipe::read_onto(read.as_fd(), buffer, most)));
        assert_eq!(inbox.close(), Letter::LastWords(words));
    }
}
