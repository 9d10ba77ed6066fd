//! The frames that a child sends. A value is a sequence of chunks; the last may be empty. A failure is one frame.

mod decode;
mod encode;

use std::io;
use std::mem;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub(super) use self::decode::{DecodeError, decode};
use super::panics::Panic;
use crate::os::child_timer::ChildTimer;
use crate::os::pipe::WriteEnd;

const HEAD: usize = 5;

/// The length of the sender's first buffer, on the stack. A larger array (which `memset` clears) or the heap would cost
/// the child page faults.
pub(super) const STACK_BUFFER: usize = 256;

const CHUNK: usize = 256 * 1024;
const PIPE: usize = 64 * 1024;
const MAX_FAILURE: usize = 1 << 20;
const KIND_CHUNK: u8 = 1;
const KIND_LAST_CHUNK: u8 = 2;
const KIND_FAILURE: u8 = 3;
const KIND_ABORT: u8 = 4;

pub(super) const ABORT_FRAME: [u8; HEAD] = [KIND_ABORT, 0, 0, 0, 0];

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Failure {
    Panicked(Panic),
    NotEncoded(Arc<str>),
    Setup(Arc<str>, i32),
}

impl Failure {
    pub(super) fn send(&self, pipe: WriteEnd) -> io::Result<()> {
        let body = postcard::to_allocvec(self).unwrap_or_default();
        let mut frame = head(KIND_FAILURE, body.len()).to_vec();
        frame.extend_from_slice(&body);
        pipe.write_all(&frame)
    }
}

pub(super) struct Sender<'a> {
    pipe: WriteEnd,
    buffer: &'a mut [u8],
    filled: usize,
    kill_timer: Option<ChildTimer>,
}

impl<'a> Sender<'a> {
    #[inline]
    pub(super) fn new(pipe: WriteEnd, small: &'a mut [u8], kill_timer: Option<ChildTimer>) -> Sender<'a> {
        Sender { pipe, buffer: small, filled: HEAD, kill_timer }
    }

    /// Must be called before a write: a full pipe may block the child until a join after the limit, and the timer must
    /// not kill it in that wait.
    #[inline]
    pub(super) fn stop_timer(&mut self) {
        if let Some(timer) = self.kill_timer.take() {
            timer.stop();
        }
    }

    pub(super) fn send<T: Serialize>(&mut self, value: &T) -> Result<(), serde::de::value::Error> {
        value.serialize(self)
    }

    #[inline]
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.send_chunk(KIND_LAST_CHUNK)
    }

    #[inline]
    fn push(&mut self, byte: u8) -> io::Result<()> {
        if let Some(slot) = self.buffer.get_mut(self.filled) {
            *slot = byte;
            self.filled += 1;
            return Ok(());
        }
        self.reserve(1)?;
        self.push(byte)
    }

    #[inline]
    fn extend(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() >= CHUNK - HEAD {
            return self.send_in_place(bytes);
        }
        let end = self.filled + bytes.len();
        if let Some(room) = self.buffer.get_mut(self.filled..end) {
            room.copy_from_slice(bytes);
            self.filled = end;
            return Ok(());
        }
        self.reserve(bytes.len())?;
        self.extend(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.filled == HEAD { Ok(()) } else { self.send_chunk(KIND_CHUNK) }
    }

    #[inline]
    fn send_chunk(&mut self, kind: u8) -> io::Result<()> {
        self.stop_timer();
        let filled = mem::replace(&mut self.filled, HEAD);
        self.buffer[..HEAD].copy_from_slice(&head(kind, filled - HEAD));
        self.pipe.write_all(&self.buffer[..filled])
    }

    #[cold]
    fn reserve(&mut self, bytes: usize) -> io::Result<()> {
        let may_grow = self.buffer.len() < CHUNK;
        if self.filled + bytes > PIPE {
            if may_grow {
                self.pipe.enlarge();
            }
            self.flush()?;
        }
        if may_grow {
            let length = (4 * self.buffer.len()).max(self.filled + bytes).min(CHUNK);
            let buffer = Box::leak(vec![0; length].into_boxed_slice());
            buffer[..self.filled].copy_from_slice(&self.buffer[..self.filled]);
            self.buffer = buffer;
        }
        Ok(())
    }

    #[cold]
    fn send_in_place(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stop_timer();
        self.pipe.enlarge();
        self.flush()?;
        for part in bytes.chunks(1 << 30) {
            let head = head(KIND_CHUNK, part.len());
            self.pipe.write_all(&head)?;
            self.pipe.write_all(part)?;
        }
        Ok(())
    }
}

#[inline]
fn head(kind: u8, body: usize) -> [u8; HEAD] {
    let [a, b, c, d] = u32::try_from(body).unwrap_or(u32::MAX).to_le_bytes();
    [kind, a, b, c, d]
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Received {
    Value(Vec<u8>),
    Failure(Failure),
    Incomplete(u64),
    TooLarge,
    OutOfMemory(usize),
    AbortedWithoutMemory,
    Invalid,
}

#[derive(Debug, Default)]
pub(super) struct Receiver {
    /// The received bytes of the value or failure, followed by `in_head` bytes of an incomplete head.
    bytes: Vec<u8>,
    /// The current frame: its kind, and how many bytes of its body are missing. `None` while its head arrives.
    frame: Option<(u8, usize)>,
    in_head: usize,
    value_limit: usize,
    result: Option<Received>,
    pub(super) open: bool,
}

impl Receiver {
    pub(super) fn new(value_limit: usize) -> Receiver {
        Receiver { value_limit, open: true, ..Receiver::default() }
    }

    pub(super) fn must_kill(&self) -> bool {
        matches!(self.result, Some(Received::TooLarge | Received::OutOfMemory(_)))
    }

    pub(super) fn received(&self) -> usize {
        self.bytes.len() - self.in_head
    }

    /// Also bounds the number of reads, because a child that sends single bytes could occupy the parent.
    pub(super) fn read(
        &mut self,
        mut budget: usize,
        mut read: impl FnMut(&mut Vec<u8>, usize) -> io::Result<usize>,
    ) {
        // The most memory that `read` reserves for bytes that have not arrived. A hostile head may announce 4 GiB.
        const AT_ONCE: usize = 1 << 20;
        for _ in 0..16 + budget / 256 {
            if !self.open || budget == 0 {
                break;
            }
            let missing = self.frame.map_or(HEAD - self.in_head, |(_, left)| left);
            let most = missing.min(AT_ONCE).min(budget);
            match read(&mut self.bytes, most) {
                Ok(n @ 1..) => {
                    budget -= n;
                    self.take(n);
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                Err(e) if e.kind() == io::ErrorKind::OutOfMemory => {
                    self.end(Received::OutOfMemory(self.received().saturating_add(most)));
                }
                Ok(0) | Err(_) => self.open = false,
            }
        }
    }

    fn take(&mut self, found: usize) {
        if let Some((kind, left)) = self.frame {
            self.frame = (left > found).then_some((kind, left - found));
            if self.frame.is_none() {
                self.end_frame(kind);
            }
            return;
        }
        self.in_head += found;
        if let (HEAD, Some(&[kind, a, b, c, d])) = (self.in_head, self.bytes.last_chunk()) {
            self.bytes.truncate(self.bytes.len() - HEAD);
            self.in_head = 0;
            self.begin(kind, u32::from_le_bytes([a, b, c, d]) as usize);
        }
    }

    fn begin(&mut self, kind: u8, length: usize) {
        match (kind, length) {
            (KIND_CHUNK | KIND_LAST_CHUNK, 1..)
                if self.bytes.len().saturating_add(length) > self.value_limit =>
            {
                self.end(Received::TooLarge);
            }
            (KIND_CHUNK | KIND_LAST_CHUNK, 1..) => self.frame = Some((kind, length)),
            (KIND_LAST_CHUNK, 0) => self.end_frame(kind),
            (KIND_FAILURE, 1..=MAX_FAILURE) => {
                self.bytes.clear();
                self.frame = Some((kind, length));
            }
            (KIND_ABORT, 0) => self.end(Received::AbortedWithoutMemory),
            _ => self.end(Received::Invalid),
        }
    }

    fn end_frame(&mut self, kind: u8) {
        match kind {
            KIND_LAST_CHUNK => {
                let value = mem::take(&mut self.bytes);
                self.end(Received::Value(value));
            }
            KIND_FAILURE => {
                let failure = postcard::from_bytes(&self.bytes);
                self.end(failure.map_or(Received::Invalid, Received::Failure));
            }
            _ => {}
        }
    }

    fn end(&mut self, result: Received) {
        self.result = Some(result);
        self.bytes = Vec::new();
        self.in_head = 0;
        self.open = false;
    }

    pub(super) fn finish(self) -> Received {
        let is_failure = matches!(self.frame, Some((KIND_FAILURE, _)));
        let received = if is_failure { 0 } else { self.received() };
        self.result.unwrap_or(Received::Incomplete(received as u64))
    }
}

#[cfg(any(test, fuzzing))]
pub(super) mod adversary;
