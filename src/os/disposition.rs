//! Signal dispositions: [sigaction(2)](https://man7.org/linux/man-pages/man2/sigaction.2.html).

use std::io;
use std::mem;
use std::ptr;

use nix::errno::Errno;
use nix::libc::{self, c_int, sighandler_t, sigset_t};
use nix::sys::signal::{SigSet, Signal::*};
use once_cell::race::OnceBox;

use super::handler;
pub(crate) use super::signal::Kind;

/// The number of bytes of a `sigset_t` that the kernel uses: Linux has 64 signals (128 on MIPS). glibc and musl leave
/// the other bytes undefined, so comparisons omit them.
const SET_SIZE: usize = match () {
    _ if cfg!(not(target_os = "linux")) => size_of::<sigset_t>(),
    _ if cfg!(any(target_arch = "mips", target_arch = "mips64")) => 16,
    _ => 8,
};
const _: () = assert!(SET_SIZE <= size_of::<sigset_t>());

pub(super) type Signals = [u8; SET_SIZE];

/// The C library adds this flag to every disposition, so comparisons ignore it.
const SA_RESTORER: c_int = if cfg!(target_os = "linux") { 0x0400_0000 } else { 0 };

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Disposition {
    pub(super) function: sighandler_t,
    flags: c_int,
    mask: Signals,
}

impl Disposition {
    pub(crate) const DEFAULT: Disposition =
        Disposition { function: libc::SIG_DFL, flags: 0, mask: [0; SET_SIZE] };

    pub(crate) fn ours(previous: Option<&Disposition>, interrupts: bool) -> Disposition {
        const INHERITED: c_int = libc::SA_RESTART | libc::SA_ONSTACK;
        // These two flags of SIGCHLD decide which signals there are, and whether children become zombies.
        const OF_CHILDREN: c_int = libc::SA_NOCLDSTOP | libc::SA_NOCLDWAIT;
        let of_children = previous.map_or(0, |previous| previous.flags & OF_CHILDREN);
        let (flags, mask) = match previous.filter(|previous| previous.kind() == Kind::Function) {
            // The library's handler uses the stack of the previous. `deliver_to` blocks the signals of its mask.
            Some(previous) => (previous.flags & INHERITED, [0; SET_SIZE]),
            // The library's handler runs on the alternate signal stack, because Go and green threads have small stacks.
            // The alternate stack may have space for one handler only, so other signals are blocked.
            None => (INHERITED, all_but_faults()),
        };
        let without = if interrupts { libc::SA_RESTART } else { 0 };
        Disposition {
            function: handler::address(),
            flags: libc::SA_SIGINFO | of_children | flags & !without,
            mask,
        }
    }

    pub(crate) fn current_of(signal: c_int) -> io::Result<Disposition> {
        exchange(signal, None)
    }

    pub(crate) fn install_for(&self, signal: c_int) -> io::Result<Disposition> {
        exchange(signal, Some(self))
    }

    pub(crate) fn is_ours(&self) -> bool {
        self.function == handler::address()
    }

    pub(crate) fn kind(&self) -> Kind {
        match self.function {
            libc::SIG_DFL => Kind::Default,
            libc::SIG_IGN => Kind::Ignore,
            _ => Kind::Function,
        }
    }

    pub(super) fn has(&self, flag: c_int) -> bool {
        self.flags & flag != 0
    }

    pub(super) fn mask(&self) -> sigset_t {
        set(self.mask)
    }
}

pub(super) fn signals(set: &sigset_t) -> Signals {
    // SAFETY: a set has at least `SET_SIZE` bytes, all initialised.
    unsafe { ptr::from_ref(set).cast::<Signals>().read_unaligned() }
}

pub(super) fn set(signals: Signals) -> sigset_t {
    // SAFETY: a set has at least `SET_SIZE` bytes, and zeroes are a valid value of the other bytes.
    unsafe {
        let mut set: sigset_t = mem::zeroed();
        ptr::from_mut(&mut set).cast::<Signals>().write_unaligned(signals);
        set
    }
}

/// Returns all signals except faults, because a blocked fault kills the process without a call of its handler.
fn all_but_faults() -> Signals {
    static SET: OnceBox<Signals> = OnceBox::new();
    *SET.get_or_init(|| {
        let mut set = SigSet::all();
        [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT, SIGSYS]
            .into_iter()
            .for_each(|fault| set.remove(fault));
        Box::new(signals(set.as_ref()))
    })
}

fn exchange(signal: c_int, new: Option<&Disposition>) -> io::Result<Disposition> {
    // SAFETY:
    // - The pointers are null or valid, and zeroes are a valid `sigaction`.
    // - The new disposition is an earlier one, the default, or the library's handler, which is async-signal-safe.
    let old = unsafe {
        let [mut action, mut old]: [libc::sigaction; 2] = mem::zeroed();
        if let Some(new) = new {
            (action.sa_sigaction, action.sa_flags, action.sa_mask) = (new.function, new.flags, new.mask());
        }
        Errno::result(libc::sigaction(signal, new.map_or(ptr::null(), |_| &action), &mut old))?;
        old
    };
    let (flags, mask) = (old.sa_flags & !SA_RESTORER, signals(&old.sa_mask));
    Ok(Disposition { function: old.sa_sigaction, flags, mask })
}
