//! What a child sends: a value and its [`Tail`], or a failure, its length and its tail. Before a failure there may be a part of a
//! value.
//!
//! A tail contains a random number of the job, so a value that is cut off does not end in one.

mod decode;
mod encode;

use std::io;
use std::mem;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub(super) use self::decode::decode;
use super::JobError;
use super::panics::Panic;
use crate::os::child_timer::ChildTimer;
use crate::os::pipe::{self, WriteEnd};

#[derive(Clone, Copy, Debug)]
pub(super) enum Tail {
    Value,
    Failure,
    Abort,
}

impl Tail {
    #[inline]
    pub(super) fn bytes(self, mark: u64) -> [u8; 8] {
        mark.wrapping_add(self as u64).to_le_bytes()
    }
}

/// The length of the sender's first buffer, on the stack. A larger array (which `memset` clears) or the heap would cost
/// the child page faults.
pub(super) const STACK_BUFFER: usize = 256;

const CHUNK: usize = 256 * 1024;
const PIPE: usize = 64 * 1024;
/// Most values fit into this.
const SMALL_READ: usize = 256;

/// The bytes beyond `value_limit` may be a failure. A child that sends more is killed.
const MAX_FAILURE: usize = 1 << 20;

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Failure {
    Panicked(Panic),
    NotEncoded(Arc<str>),
    Setup(Arc<str>, i32),
}

impl Failure {
    pub(super) fn send(&self, pipe: WriteEnd) -> io::Result<()> {
        let mut bytes = postcard::to_allocvec(self).unwrap_or_default();
        let length = (bytes.len() as u64).to_le_bytes();
        bytes.extend(length.into_iter().chain(Tail::Failure.bytes(pipe.mark)));
        pipe.write_all(&bytes)
    }

    fn last_of(bytes: &[u8]) -> Option<Failure> {
        let (bytes, length) = bytes.split_last_chunk()?;
        let start = bytes.len().checked_sub(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
        postcard::from_bytes(&bytes[start..]).ok()
    }
}

impl From<Failure> for JobError {
    fn from(failure: Failure) -> JobError {
        match failure {
            Failure::Panicked(panic) => JobError::Panicked(panic),
            Failure::NotEncoded(message) => JobError::NotEncoded { message },
            Failure::Setup(call, errno) => JobError::system(&call, io::Error::from_raw_os_error(errno)),
        }
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
        Sender { pipe, buffer: small, filled: 0, kill_timer }
    }

    /// Must be called before a write: a full pipe may block the child until a join after the limit, and the timer must
    /// not kill it in that wait.
    #[inline]
    pub(super) fn stop_timer(&mut self) {
        if let Some(timer) = self.kill_timer.take() {
            timer.stop();
        }
    }

    #[inline]
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.extend(&Tail::Value.bytes(self.pipe.mark))?;
        self.flush()
    }

    #[inline]
    fn extend(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() > CHUNK {
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

    #[inline]
    fn flush(&mut self) -> io::Result<()> {
        self.stop_timer();
        let filled = mem::take(&mut self.filled);
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
            let length = (4 * self.buffer.len()).max(self.filled + bytes + size_of::<u64>()).min(CHUNK);
            let buffer = Box::leak(vec![0; length].into_boxed_slice());
            buffer[..self.filled].copy_from_slice(&self.buffer[..self.filled]);
            self.buffer = buffer;
        }
        Ok(())
    }

    #[cold]
    fn send_in_place(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.pipe.enlarge();
        self.flush()?;
        self.pipe.write_all(bytes)
    }
}

#[derive(Debug)]
pub(super) enum Received {
    Value(Vec<u8>),
    Error(JobError),
    AbortedWithoutMemory,
    Incomplete(usize),
}

#[derive(Debug, Default)]
pub(super) struct Receiver {
    bytes: Vec<u8>,
    mark: u64,
    value_limit: usize,
    refused: Option<JobError>,
    pub(super) open: bool,
}

impl Receiver {
    pub(super) fn new(mark: u64, value_limit: usize) -> Receiver {
        Receiver { mark, value_limit, open: true, ..Receiver::default() }
    }

    pub(super) fn must_kill(&self) -> bool {
        self.refused.is_some()
    }

    pub(super) fn received(&self) -> usize {
        self.bytes.len()
    }

    /// Reads until the pipe is empty, at most `budget` bytes, because a child or a grandchild may write for ever.
    pub(super) fn read(&mut self, pipe: BorrowedFd<'_>, mut budget: usize) {
        while self.open && budget > 0 {
            let room = match self.bytes.capacity() - self.bytes.len() {
                0 => self.bytes.len().clamp(SMALL_READ, PIPE),
                spare => spare,
            };
            let most = room.min(budget);
            match pipe::read_onto(pipe, &mut self.bytes, most) {
                Ok(1..) if self.bytes.len() > self.value_limit.saturating_add(MAX_FAILURE) => {
                    self.refuse(JobError::TooLarge { limit: self.value_limit });
                }
                Ok(n @ 1..) if n == most => budget -= n,
                Ok(1..) => break,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                Err(e) if e.kind() == io::ErrorKind::OutOfMemory => {
                    self.refuse(JobError::OutOfMemory { bytes: self.bytes.len() + most });
                }
                Ok(0) | Err(_) => self.open = false,
            }
        }
    }

    fn refuse(&mut self, e: JobError) {
        self.refused = Some(e);
        self.bytes = Vec::new();
        self.open = false;
    }

    pub(super) fn finish(mut self) -> Received {
        if let Some(e) = self.refused {
            return Received::Error(e);
        }
        let received = Received::Incomplete(self.bytes.len());
        let Some((bytes, end)) = self.bytes.split_last_chunk() else { return received };
        let is = |it: Tail| *end == it.bytes(self.mark);
        if is(Tail::Value) {
            if bytes.len() > self.value_limit {
                return Received::Error(JobError::TooLarge { limit: self.value_limit });
            }
            self.bytes.truncate(bytes.len());
            Received::Value(self.bytes)
        } else if is(Tail::Failure) {
            Failure::last_of(bytes).map_or(received, |failure| Received::Error(failure.into()))
        } else if is(Tail::Abort) {
            Received::AbortedWithoutMemory
        } else {
            received
        }
    }
}

#[cfg(any(test, fuzzing))]
pub(super) mod adversary;
