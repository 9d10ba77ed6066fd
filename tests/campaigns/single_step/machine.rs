//! The parts that depend on the processor.

use std::arch::asm;

use nix::libc::{c_long, user_regs_struct};

/// Stops the calling thread with SIGTRAP for its tracer.
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

/// Distance of the program counter from a [`trap`] at which the thread has stopped.
pub const BEHIND_A_TRAP: u64 = if cfg!(target_arch = "x86_64") { 1 } else { 0 };

/// Distance to the instruction after it.
pub const LENGTH_OF_A_TRAP: u64 = if cfg!(target_arch = "x86_64") { 1 } else { 4 };

pub fn with_trap(word: c_long) -> c_long {
    #[cfg(target_arch = "x86_64")]
    return word & !0xff | 0xcc;
    #[cfg(target_arch = "aarch64")]
    return word & !0xffff_ffff | 0xd420_0000;
}

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
