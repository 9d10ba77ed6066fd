//! The library's descriptors for jobs. A lock-free bitmap lists them, so that a forked child can close them.

use std::iter;
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::process;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use nix::libc;
use once_cell::race::OnceBox;

#[cfg(any(target_os = "linux", target_os = "android"))]
use super::kernel_call::kernel_call;

/// A drop closes the descriptor only in the process that opened it. A forked child closes it by [`close_all_but`].
#[derive(Debug)]
pub(crate) struct JobFd {
    fd: ManuallyDrop<OwnedFd>,
    owner: u32,
}

impl JobFd {
    pub(crate) fn new(fd: OwnedFd, owner: u32) -> JobFd {
        let before = BITMAP.owner.load(Ordering::Relaxed);
        if before != owner {
            // With another owner, this is a forked child: it clears what it has inherited. With none, nothing was inherited, and a
            // clear could erase a bit that another thread has set after the load above.
            if before != UNUSED {
                words().for_each(|word| word.store(0, Ordering::Relaxed));
            }
            BITMAP.owner.store(owner, Ordering::Relaxed);
        }
        let (word, bit) = bit_of(fd.as_raw_fd());
        word.fetch_or(bit, Ordering::Relaxed);
        JobFd { fd: ManuallyDrop::new(fd), owner }
    }

    pub(crate) fn close(self) {
        ManuallyDrop::new(self).unlist_and_close();
    }

    fn unlist_and_close(&mut self) {
        // The bit is cleared first, because after the close another thread may reuse the number and set the bit.
        let (word, bit) = bit_of(self.fd.as_raw_fd());
        word.fetch_and(!bit, Ordering::Relaxed);
        // SAFETY: the field is not used again, and no other code closes the descriptor in this process.
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

#[inline]
pub(crate) fn close_all_but(keep: RawFd, parent: u32) {
    if BITMAP.owner.load(Ordering::Relaxed) != parent {
        return;
    }
    for (index, word) in words().enumerate() {
        let mut bits = word.load(Ordering::Relaxed);
        while bits != 0 {
            let fd = 64 * index as RawFd + bits.trailing_zeros() as RawFd;
            if fd != keep {
                close(fd);
            }
            bits &= bits - 1;
        }
    }
}

#[inline]
pub(super) fn close(fd: RawFd) {
    // SAFETY: a `JobFd` owns the descriptor, and its drop does not close it in this process.
    unsafe {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let _ = kernel_call(libc::SYS_close, [fd as usize, 0, 0, 0]);
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        libc::close(fd);
    }
}

struct Chunk {
    words: [AtomicU64; WORDS],
    next: OnceBox<Chunk>,
}

const WORDS: usize = 16;

struct Bitmap {
    /// The process whose descriptors are in the bitmap. A nonzero initial value places the bitmap in `.data`, on a page
    /// that each job writes to anyway. A page in `.bss` would cost the parent another page fault.
    owner: AtomicU32,
    first: Chunk,
}

const UNUSED: u32 = u32::MAX;

static BITMAP: Bitmap = Bitmap { owner: AtomicU32::new(UNUSED), first: Chunk::new() };

impl Chunk {
    const fn new() -> Chunk {
        Chunk { words: [const { AtomicU64::new(0) }; WORDS], next: OnceBox::new() }
    }
}

fn bit_of(fd: RawFd) -> (&'static AtomicU64, u64) {
    let (mut word, bit) = (fd as usize / 64, 1 << (fd % 64));
    let mut chunk = &BITMAP.first;
    while word >= WORDS {
        chunk = chunk.next.get_or_init(|| Box::new(Chunk::new()));
        word -= WORDS;
    }
    (&chunk.words[word], bit)
}

#[inline]
fn words() -> impl Iterator<Item = &'static AtomicU64> {
    iter::successors(Some(&BITMAP.first), |chunk| chunk.next.get()).flat_map(|chunk| &chunk.words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_beyond_the_first_chunk_have_bits_of_their_own() {
        let bits = [0, 1, 63, 64, 1023, 1024, 1025, 100_000].map(bit_of);
        for (n, (word, bit)) in bits.iter().enumerate() {
            let same = |other: &&(&AtomicU64, u64)| std::ptr::eq(other.0, *word) && other.1 == *bit;
            assert_eq!(bits.iter().filter(same).count(), 1, "{n}");
        }
    }
}
