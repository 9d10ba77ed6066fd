use nix::errno::Errno;
use nix::libc;

/// Makes a system call, on x86-64 without the C library and without a change of `errno`. In a forked child, each page
/// of that library costs a page fault, which is as slow as ten system calls.
///
/// # Safety
///
/// The arguments must be valid for the call.
#[inline]
pub(crate) unsafe fn kernel_call(number: libc::c_long, arguments: [usize; 4]) -> Result<usize, Errno> {
    let [a, b, c, d] = arguments;
    #[cfg(all(target_arch = "x86_64", target_pointer_width = "64", not(miri)))]
    {
        let result: isize;
        // SAFETY: the kernel changes only rax, rcx, r11 and memory that the arguments name, and uses no user stack.
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
        // SAFETY: the caller guarantees valid arguments.
        let result = unsafe { libc::syscall(number, a, b, c, d) };
        Errno::result(result).map(|result| result as usize)
    }
}
