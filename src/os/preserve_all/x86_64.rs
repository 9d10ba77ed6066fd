//! The call, as x86-64 has it.

use std::arch::x86_64::_xgetbv;
use std::arch::{asm, is_x86_feature_detected, naked_asm};
use std::mem;

use super::Function;
use crate::os::atomic::{AtomicU32, Ordering};

/// What is to be called, and the way there. Found by one address, which is all that code in another library needs.
#[repr(C)]
pub(crate) struct Callee<A, B: 'static, R> {
    enter: unsafe extern "C" fn(),
    function: Function<A, B, R>,
}

impl<A, B, R> Callee<A, B, R> {
    pub(crate) const fn new(function: Function<A, B, R>) -> Callee<A, B, R> {
        const { assert!(size_of::<R>() == size_of::<*mut ()>()) };
        Callee { enter, function }
    }

    /// Calls it, and changes no general register but that of the answer. Not before [`prepare`].
    ///
    /// Of the others it changes those of floating point and of vectors, as any call does: to keep them would cost more than
    /// all the rest, and the compiler finds a place for them that is out of the loop's way.
    #[inline(always)]
    pub(crate) fn call(&'static self, a: &A, b: &'static B) -> R {
        let answer: *mut ();
        // SAFETY:
        // - the stack is ready for a call, as it is for every block that is not `nostack`;
        // - `enter`, to which the first field points, returns with every register as it was but those that are named here
        //   and the flags;
        // - the function gets what it is declared to take, in the registers where the C ABI has it, and does not unwind;
        // - what it returns is an `R`, which as a scalar of a register's size comes in `rax`.
        unsafe {
            asm!(
                "call qword ptr [rax]",
                inlateout("rax") self => answer,
                in("rdi") a,
                in("rsi") b,
                out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm3") _,
                out("xmm4") _, out("xmm5") _, out("xmm6") _, out("xmm7") _,
                out("xmm8") _, out("xmm9") _, out("xmm10") _, out("xmm11") _,
                out("xmm12") _, out("xmm13") _, out("xmm14") _, out("xmm15") _,
                out("st(0)") _, out("st(1)") _, out("st(2)") _, out("st(3)") _,
                out("st(4)") _, out("st(5)") _, out("st(6)") _, out("st(7)") _,
                out("mm0") _, out("mm1") _, out("mm2") _, out("mm3") _,
                out("mm4") _, out("mm5") _, out("mm6") _, out("mm7") _,
            );
            mem::transmute_copy(&answer)
        }
    }
}

/// Which registers there are that can only be named where the compiler was told that there are: those of AVX-512 and the
/// general ones of APX. A function of the program's may be compiled for them, and not this one. Zero until [`prepare`].
static MORE: AtomicU32 = AtomicU32::new(0);

/// It was looked.
const LOOKED: u32 = 1;
const AVX_512: u32 = 2;
/// Its masks have 64 bits, and not 16.
const LONG_MASKS: u32 = 4;
/// No machine that we have tested on has them.
const APX: u32 = 8;

/// Looks at what registers there are.
pub(crate) fn prepare() {
    let mut more = LOOKED;
    if is_x86_feature_detected!("avx512f") {
        more |= AVX_512;
    }
    if is_x86_feature_detected!("avx512bw") {
        more |= LONG_MASKS;
    }
    // SAFETY: asked only where there is XSAVE.
    if is_x86_feature_detected!("xsave") && unsafe { kept_by_the_kernel() } & 1 << 19 != 0 {
        more |= APX;
    }
    MORE.store(more, Ordering::Relaxed);
}

/// Which groups of registers the kernel keeps for each thread, a bit for each: what is not among them nobody can use.
///
/// # Safety
///
/// There must be XSAVE.
#[target_feature(enable = "xsave")]
unsafe fn kept_by_the_kernel() -> u64 {
    // SAFETY: as the caller vouches; and register 0 is there with it.
    unsafe { _xgetbv(0) }
}

/// Calls the function of the [`Callee`] to which `rax` points. Changes `rax`, which has the answer then, the flags, and the
/// registers that `call` names.
///
/// What [`prepare`] has found is here by the time that anything is asked, also on another thread: an alarm was armed after
/// it, and x86 keeps stores in order, and loads.
#[unsafe(naked)]
unsafe extern "C" fn enter() {
    naked_asm!(
        // For whoever walks up the stack from within: a debugger, a profiler, the message of a panic.
        ".cfi_startproc",
        "push rbp",
        ".cfi_def_cfa_offset 16",
        ".cfi_offset rbp, -16",
        "mov rbp, rsp",
        ".cfi_def_cfa_register rbp",
        // All that the function may change, as the C ABI has it.
        "push rcx",
        "push rdx",
        "push rsi",
        "push rdi",
        "push r8",
        "push r9",
        "push r10",
        "push r11",
        "mov ecx, dword ptr [rip + {more}]",
        "cmp ecx, {looked}",
        "jb 9f",
        "ja 3f",
        "call qword ptr [rax + 8]",
        "2:",
        "pop r11",
        "pop r10",
        "pop r9",
        "pop r8",
        "pop rdi",
        "pop rsi",
        "pop rdx",
        "pop rcx",
        "pop rbp",
        ".cfi_remember_state",
        ".cfi_def_cfa rsp, 8",
        ".cfi_restore rbp",
        "ret",
        ".cfi_restore_state",
        // With more registers: sixteen vectors, eight masks, sixteen general ones, and which of them there are.
        "3:",
        "sub rsp, 1232",
        "mov dword ptr [rsp + 1216], ecx",
        "test ecx, {apx}",
        "jz 4f",
        ".irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31",
        "mov qword ptr [rsp + 1088 + 8 * (\\n - 16)], r\\n",
        ".endr",
        "4:",
        "test ecx, {avx_512}",
        "jz 6f",
        ".irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31",
        "vmovdqu64 zmmword ptr [rsp + 64 * (\\n - 16)], zmm\\n",
        ".endr",
        "test ecx, {long_masks}",
        "jz 5f",
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7",
        "kmovq qword ptr [rsp + 1024 + 8 * \\n], k\\n",
        ".endr",
        "jmp 6f",
        "5:",
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7",
        "kmovw word ptr [rsp + 1024 + 8 * \\n], k\\n",
        ".endr",
        "6:",
        "call qword ptr [rax + 8]",
        "mov ecx, dword ptr [rsp + 1216]",
        "test ecx, {apx}",
        "jz 7f",
        ".irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31",
        "mov r\\n, qword ptr [rsp + 1088 + 8 * (\\n - 16)]",
        ".endr",
        "7:",
        "test ecx, {avx_512}",
        "jz 8f",
        ".irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31",
        "vmovdqu64 zmm\\n, zmmword ptr [rsp + 64 * (\\n - 16)]",
        ".endr",
        "test ecx, {long_masks}",
        "jz 12f",
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7",
        "kmovq k\\n, qword ptr [rsp + 1024 + 8 * \\n]",
        ".endr",
        "8:",
        "add rsp, 1232",
        "jmp 2b",
        "12:",
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7",
        "kmovw k\\n, word ptr [rsp + 1024 + 8 * \\n]",
        ".endr",
        "jmp 8b",
        // Not looked.
        "9:",
        "ud2",
        ".cfi_endproc",
        more = sym MORE,
        looked = const LOOKED,
        avx_512 = const AVX_512,
        long_masks = const LONG_MASKS,
        apx = const APX,
    )
}

#[cfg(test)]
mod tests {
    use std::backtrace::Backtrace;
    use std::sync::{Mutex, MutexGuard, PoisonError};

    use super::*;

    /// Changes every register that a function may change.
    extern "C" fn havoc(_: &u64, _: &'static u64) -> u64 {
        let more = MORE.load(Ordering::Relaxed);
        // SAFETY: each register is named, or is one of those that a function may change where there are any.
        unsafe {
            asm!(
                ".irp r, rcx, rdx, rsi, rdi, r8, r9, r10, r11",
                "mov \\r, -1",
                ".endr",
                "test eax, {apx}",
                "jz 3f",
                ".irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31",
                "mov r\\n, -1",
                ".endr",
                "3:",
                "test eax, {avx_512}",
                "jz 2f",
                ".irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31",
                "vpternlogd zmm\\n, zmm\\n, zmm\\n, 255",
                ".endr",
                ".irp n, 0, 1, 2, 3, 4, 5, 6, 7",
                "kxnorw k\\n, k\\n, k\\n",
                ".endr",
                "2:",
                avx_512 = const AVX_512,
                apx = const APX,
                inout("eax") more => _,
                out("rcx") _, out("rdx") _, out("rsi") _, out("rdi") _,
                out("r8") _, out("r9") _, out("r10") _, out("r11") _,
            );
        }
        7
    }

    static HAVOC: Callee<u64, u64, u64> = Callee::new(havoc);

    /// What there is, as [`prepare`] finds it, which the tests play in turns.
    fn found() -> (u32, MutexGuard<'static, ()>) {
        static PLAYED: Mutex<()> = Mutex::new(());
        let turn = PLAYED.lock().unwrap_or_else(PoisonError::into_inner);
        prepare();
        (MORE.load(Ordering::Relaxed), turn)
    }

    #[test]
    fn general_registers_are_left_alone() {
        let (found, _turn) = found();
        for kind in [found, LOOKED] {
            MORE.store(kind, Ordering::Relaxed);
            let (answer, a, b): (u64, u64, u64);
            let [mut c, mut d, mut e, mut f, mut g, mut h] = [3_u64, 4, 5, 6, 7, 8];
            // SAFETY: as in `call`, with all that it may change named.
            unsafe {
                asm!(
                    "call qword ptr [rax]",
                    inlateout("rax") &raw const HAVOC => answer,
                    inlateout("rdi") 1_u64 => a, inlateout("rsi") 2_u64 => b,
                    inlateout("rcx") c, inlateout("rdx") d, inlateout("r8") e,
                    inlateout("r9") f, inlateout("r10") g, inlateout("r11") h,
                    out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm3") _,
                    out("xmm4") _, out("xmm5") _, out("xmm6") _, out("xmm7") _,
                    out("xmm8") _, out("xmm9") _, out("xmm10") _, out("xmm11") _,
                    out("xmm12") _, out("xmm13") _, out("xmm14") _, out("xmm15") _,
                );
            }
            assert_eq!((answer, a, b, c, d, e, f, g, h), (7, 1, 2, 3, 4, 5, 6, 7, 8));
        }
        prepare();
    }

    /// One after the other with masks of 64 bits, where there are any, and of 16.
    #[test]
    fn those_of_avx_512_are_left_alone() {
        let (found, _turn) = found();
        if found & AVX_512 == 0 {
            println!("skipped: there are none");
            return;
        }
        for kind in [found, found & !LONG_MASKS] {
            MORE.store(kind, Ordering::Relaxed);
            let mut seen = [0_u16; 24];
            // SAFETY: as in `call`; and there are the registers, and nothing of anybody's is in them, for no code here was
            // compiled to use them.
            unsafe {
                asm!(
                    ".irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31",
                    "mov ecx, \\n",
                    "vpbroadcastd zmm\\n, ecx",
                    ".endr",
                    ".irp n, 0, 1, 2, 3, 4, 5, 6, 7",
                    "mov ecx, \\n",
                    "kmovw k\\n, ecx",
                    ".endr",
                    "call qword ptr [rax]",
                    ".irp n, 0, 1, 2, 3, 4, 5, 6, 7",
                    "kmovw ecx, k\\n",
                    "mov word ptr [r12 + 2 * \\n], cx",
                    ".endr",
                    ".irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31",
                    // Its highest quarter is as its lowest.
                    "vextracti32x4 xmm0, zmm\\n, 3",
                    "vmovd ecx, xmm0",
                    "mov word ptr [r12 + 2 * (\\n - 8)], cx",
                    ".endr",
                    "vzeroupper",
                    inlateout("rax") &raw const HAVOC => _,
                    in("rdi") 0_u64, in("rsi") 0_u64, in("r12") &mut seen,
                    out("rcx") _,
                    out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm3") _,
                    out("xmm4") _, out("xmm5") _, out("xmm6") _, out("xmm7") _,
                    out("xmm8") _, out("xmm9") _, out("xmm10") _, out("xmm11") _,
                    out("xmm12") _, out("xmm13") _, out("xmm14") _, out("xmm15") _,
                );
            }
            let expected: Vec<u16> = (0..8).chain(16..32).collect();
            assert_eq!(seen[..], expected[..], "as found: {found}, played: {kind}");
        }
        prepare();
    }

    #[test]
    fn those_of_apx_are_left_alone() {
        let (found, _turn) = found();
        if found & APX == 0 {
            println!("skipped: there are none");
            return;
        }
        let mut seen = [0_u64; 16];
        // SAFETY: as for those of AVX-512.
        unsafe {
            asm!(
                ".irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31",
                "mov r\\n, \\n",
                ".endr",
                "call qword ptr [rax]",
                ".irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31",
                "mov qword ptr [r12 + 8 * (\\n - 16)], r\\n",
                ".endr",
                inlateout("rax") &raw const HAVOC => _,
                in("rdi") 0_u64, in("rsi") 0_u64, in("r12") &mut seen,
                out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm3") _,
                out("xmm4") _, out("xmm5") _, out("xmm6") _, out("xmm7") _,
                out("xmm8") _, out("xmm9") _, out("xmm10") _, out("xmm11") _,
                out("xmm12") _, out("xmm13") _, out("xmm14") _, out("xmm15") _,
            );
        }
        assert!(seen.into_iter().eq(16..32), "{seen:?}");
    }

    extern "C" fn look_up(_: &u64, _: &'static u64) -> Box<Backtrace> {
        Box::new(Backtrace::force_capture())
    }

    #[inline(never)]
    fn who_asks() -> Box<Backtrace> {
        static LOOK_UP: Callee<u64, u64, Box<Backtrace>> = Callee::new(look_up);
        LOOK_UP.call(&0, &0)
    }

    #[test]
    fn the_stack_can_be_walked_up_from_within() {
        let (_, _turn) = found();
        let stack = who_asks().to_string();
        // And on from there, into what calls a test.
        let above = stack.split_once("who_asks").expect(&stack).1;
        assert!(above.contains("call_once"), "{stack}");
    }
}
