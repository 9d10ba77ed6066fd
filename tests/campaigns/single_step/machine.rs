//! What differs from processor to processor.

use std::arch::asm;

use nix::libc::{c_long, user_regs_struct};

/// Stops the calling thread, which must be traced, for its tracer to look at.
#[inline(always)]
#[allow(unsafe_code)]
pub fn trap() {
    // SAFETY: changes nothing; the kernel stops the thread.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        asm!("int3");
    }
    // SAFETY: as above.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        asm!("brk #0");
    }
}

/// How far the program counter is behind a [`trap`] when the thread has stopped for it.
pub const BEHIND_A_TRAP: u64 = if cfg!(target_arch = "x86_64") { 1 } else { 0 };

/// How far it must be for the thread to go on.
pub const LENGTH_OF_A_TRAP: u64 = if cfg!(target_arch = "x86_64") { 1 } else { 4 };

/// The word at an instruction with a trap in the place of that instruction.
pub fn with_trap(word: c_long) -> c_long {
    #[cfg(target_arch = "x86_64")]
    return word & !0xff | 0xcc;
    #[cfg(target_arch = "aarch64")]
    return word & !0xffff_ffff | 0xd420_0000;
}

/// Whether the instruction that begins a word is a system call.
pub fn is_system_call(word: c_long) -> bool {
    #[cfg(target_arch = "x86_64")]
    return word & 0xffff == 0x050f;
    #[cfg(target_arch = "aarch64")]
    return word & 0xffff_ffff == 0xd400_0001;
}

pub fn pc(registers: &user_regs_struct) -> u64 {
    #[cfg(target_arch = "x86_64")]
    return registers.rip;
    #[cfg(target_arch = "aarch64")]
    return registers.pc;
}

pub fn set_pc(registers: &mut user_regs_struct, pc: u64) {
    #[cfg(target_arch = "x86_64")]
    {
        registers.rip = pc;
    }
    #[cfg(target_arch = "aarch64")]
    {
        registers.pc = pc;
    }
}
