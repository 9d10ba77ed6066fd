//! The descriptors of jobs, listed so that a forked child can close those of other jobs.
//!
//! With the reading end of another job's pipe a child could read that job's value, and the other job would wait for this child
//! when its pipe is full. The list is a lock-free bitmap over descriptor numbers, sound at any fork.

use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::process;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

use nix::libc;
use once_cell::race::OnceBox;

#[cfg(any(target_os = "linux", target_os = "android"))]
use super::kernel_call::kernel_call;

/// A descriptor of a job, closed on drop in the process that made it.
///
/// A forked child that drops its copy closes nothing: [`ToClose`] has closed the number, which may be another file's.
#[derive(Debug)]
pub(crate) struct JobFd {
    fd: ManuallyDrop<OwnedFd>,
    owner: u32,
}

impl JobFd {
    /// For this process, whose id is `owner`.
    pub(crate) fn new(fd: OwnedFd, owner: u32) -> JobFd {
        // A forked child starts with its parent's list.
        if list().owner.load(Ordering::Relaxed) != owner {
            clear();
            list().owner.store(owner, Ordering::Relaxed);
        }
        let (word, bit) = place(fd.as_raw_fd());
        word.fetch_or(bit, Ordering::Relaxed);
        list().length.fetch_add(1, Ordering::Relaxed);
        JobFd { fd: ManuallyDrop::new(fd), owner }
    }

    /// Closes it, in the process that made it.
    pub(crate) fn close(self) {
        ManuallyDrop::new(self).unlist_and_close();
    }

    fn unlist_and_close(&mut self) {
        // Unlisted before the number is free for other threads.
        let (word, bit) = place(self.fd.as_raw_fd());
        word.fetch_and(!bit, Ordering::Relaxed);
        list().length.fetch_sub(1, Ordering::Relaxed);
        // SAFETY: it is not used again, and this process has opened it and closes it here only.
        unsafe { ManuallyDrop::drop(&mut self.fd) };
    }
}

impl Drop for JobFd {
    fn drop(&mut self) {
        if self.owner == process::id() {
            self.unlist_and_close();
        }
    }
}

impl AsFd for JobFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// What a child is to close, known before the fork.
#[derive(Clone, Copy)]
pub(crate) enum ToClose {
    /// No other job has a descriptor.
    Only(RawFd),
    AllBut(RawFd),
}

impl ToClose {
    /// For the child that keeps `write`, the writing end of a pipe whose other end is `read`.
    pub(crate) fn find(read: &JobFd, write: &JobFd) -> ToClose {
        match list().length.load(Ordering::Relaxed) {
            2 => ToClose::Only(read.fd.as_raw_fd()),
            _ => ToClose::AllBut(write.fd.as_raw_fd()),
        }
    }

    /// Closes it, in a child of `parent` that has just been forked.
    #[inline]
    pub(crate) fn close(self, parent: u32) {
        match self {
            // Does not read the list, which would be one page more.
            ToClose::Only(fd) => close(fd),
            ToClose::AllBut(keep) => close_all_but(keep, parent),
        }
    }
}

fn close_all_but(keep: RawFd, parent: u32) {
    let Some(list) = FIRST.get().filter(|list| list.owner.load(Ordering::Relaxed) == parent) else { return };
    let mut first = 0;
    let mut chunk = Some(&list.first);
    while let Some(Chunk { words, next }) = chunk {
        for word in words {
            let mut bits = word.load(Ordering::Relaxed);
            while bits != 0 {
                let fd = first + bits.trailing_zeros() as RawFd;
                if fd != keep {
                    close(fd);
                }
                bits &= bits - 1;
            }
            first += 64;
        }
        chunk = next.get();
    }
}

#[inline]
fn close(fd: RawFd) {
    // SAFETY: the number is that of a `JobFd`, which its drop does not close in this process.
    unsafe {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let _ = kernel_call(libc::SYS_close, [fd as usize, 0, 0, 0]);
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        libc::close(fd);
    }
}

/// One bit for each of `64 * WORDS` numbers, and the numbers above those.
struct Chunk {
    words: [AtomicU64; WORDS],
    next: OnceBox<Chunk>,
}

const WORDS: usize = 16;

/// On the heap, which a parent writes to for each job in any case.
static FIRST: OnceBox<List> = OnceBox::new();

struct List {
    /// The process that it is about.
    owner: AtomicU32,
    length: AtomicUsize,
    first: Chunk,
}

impl Chunk {
    fn new() -> Chunk {
        Chunk { words: [const { AtomicU64::new(0) }; WORDS], next: OnceBox::new() }
    }
}

fn list() -> &'static List {
    FIRST.get_or_init(|| {
        Box::new(List { owner: AtomicU32::new(0), length: AtomicUsize::new(0), first: Chunk::new() })
    })
}

fn place(fd: RawFd) -> (&'static AtomicU64, u64) {
    let (mut word, bit) = (fd as usize / 64, 1 << (fd % 64));
    let mut chunk = &list().first;
    while word >= WORDS {
        chunk = chunk.next.get_or_init(|| Box::new(Chunk::new()));
        word -= WORDS;
    }
    (&chunk.words[word], bit)
}

fn clear() {
    list().length.store(0, Ordering::Relaxed);
    let mut chunk = Some(&list().first);
    while let Some(Chunk { words, next }) = chunk {
        words.iter().for_each(|word| word.store(0, Ordering::Relaxed));
        chunk = next.get();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_listed(fd: RawFd) -> bool {
        let (word, bit) = place(fd);
        word.load(Ordering::Relaxed) & bit != 0
    }

    #[test]
    fn listed_as_long_as_it_is_open() {
        let fd = JobFd::new(std::fs::File::open("/").unwrap().into(), process::id());
        let number = fd.as_fd().as_raw_fd();
        assert!(is_listed(number));
        drop(fd);
        assert!(!is_listed(number));
    }

    #[test]
    fn numbers_beyond_the_first_chunk_have_bits_of_their_own() {
        let places = [0, 1, 63, 64, 1023, 1024, 1025, 100_000].map(place);
        for (n, (word, bit)) in places.iter().enumerate() {
            let same = |other: &&(&AtomicU64, u64)| std::ptr::eq(other.0, *word) && other.1 == *bit;
            assert_eq!(places.iter().filter(same).count(), 1, "{n}");
        }
    }
}
