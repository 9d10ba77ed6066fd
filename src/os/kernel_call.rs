//! System calls without the C library.
//!
//! A forked child has no page tables for code. So the first call into each stretch of the C library costs it a page fault,
//! which takes as long as ten system calls.

use nix::errno::Errno;
use nix::libc;

/// Makes a system call of four arguments or fewer. Does not change `errno`, where it does not use the C library.
///
/// # Safety
///
/// As the call itself demands of its arguments.
#[inline]
pub(crate) unsafe fn kernel_call(number: libc::c_long, arguments: [usize; 4]) -> Result<usize, Errno> {
    let [a, b, c, d] = arguments;
    #[cfg(all(target_arch = "x86_64", target_pointer_width = "64", not(miri)))]
    {
        let result: isize;
        // SAFETY:
        // - the kernel takes the number in rax and the arguments in these registers, and returns in rax;
        // - it changes rcx and r11, and memory as the call says, which is the caller's promise;
        // - it does not touch the stack.
        unsafe {
            std::arch::asm!(
                "syscall",
                inlateout("rax") number as isize => result,
                in("rdi") a,
                in("rsi") b,
                in("rdx") c,
                in("r10") d,
                lateout("rcx") _,
                lateout("r11") _,
                options(nostack),
            );
        }
        usize::try_from(result).map_err(|_| Errno::from_raw(-result as i32))
    }
    #[cfg(not(all(target_arch = "x86_64", target_pointer_width = "64", not(miri))))]
    {
        // SAFETY: the caller's promise.
        let result = unsafe { libc::syscall(number, a, b, c, d) };
        Errno::result(result).map(|result| result as usize)
    }
}
