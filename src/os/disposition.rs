//! Signal dispositions: [sigaction(2)](https://man7.org/linux/man-pages/man2/sigaction.2.html).

use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::slice;

use nix::libc;
use once_cell::race::OnceBox;

use super::handler;

#[derive(Clone, Copy)]
pub(crate) struct Disposition(libc::sigaction);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Default,
    Ignore,
    Function,
}

/// The flags of the library's handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Manner {
    /// SA_RESTART.
    pub(crate) restart: bool,
    /// SA_ONSTACK.
    pub(crate) on_stack: bool,
    /// All other signals are blocked, except faults.
    pub(crate) alone: bool,
}

impl Manner {
    /// For a previous disposition without a handler:
    /// - on the signal stack, because Go and green threads have small stacks;
    /// - alone, because a signal stack may have space for one handler;
    /// - with SA_RESTART, so that a guard interrupts no system call.
    pub(crate) const USUAL: Manner = Manner { restart: true, on_stack: true, alone: true };

    /// Returns the flags for a handler in front of this disposition. Its function may need a larger stack or nested signals.
    pub(crate) fn in_front_of(owner: &Disposition) -> Manner {
        match owner.kind() {
            Kind::Default | Kind::Ignore => Manner::USUAL,
            Kind::Function => Manner {
                restart: owner.has(libc::SA_RESTART),
                on_stack: owner.has(libc::SA_ONSTACK),
                alone: false,
            },
        }
    }
}

impl Disposition {
    pub(crate) const DEFAULT: Disposition = Disposition(plain(libc::SIG_DFL));

    pub(crate) fn current_of(signal: libc::c_int) -> io::Result<Disposition> {
        exchange(signal, None)
    }

    /// Installs this disposition, and returns the previous one.
    pub(crate) fn install_for(&self, signal: libc::c_int) -> io::Result<Disposition> {
        exchange(signal, Some(&self.0))
    }

    pub(crate) fn install_ours_for(signal: libc::c_int, manner: Manner) -> io::Result<Disposition> {
        let restart = if manner.restart { libc::SA_RESTART } else { 0 };
        let on_stack = if manner.on_stack { libc::SA_ONSTACK } else { 0 };
        let mut action = plain(handler::address());
        action.sa_flags = libc::SA_SIGINFO | restart | on_stack;
        if manner.alone {
            action.sa_mask = *all_but_faults();
        }
        Disposition(action).install_for(signal)
    }

    pub(crate) fn interrupts(&self) -> bool {
        self.kind() == Kind::Function && !self.has(libc::SA_RESTART)
    }

    /// Returns whether SA_RESETHAND is set.
    pub(crate) fn is_for_once(&self) -> bool {
        self.kind() == Kind::Function && self.has(libc::SA_RESETHAND)
    }

    pub(crate) fn is_ours(&self) -> bool {
        self.0.sa_sigaction == handler::address()
    }

    pub(crate) fn kind(&self) -> Kind {
        match self.0.sa_sigaction {
            libc::SIG_DFL => Kind::Default,
            libc::SIG_IGN => Kind::Ignore,
            _ => Kind::Function,
        }
    }

    pub(crate) fn has(&self, flag: libc::c_int) -> bool {
        self.0.sa_flags & flag != 0
    }

    pub(crate) fn mask(&self) -> &libc::sigset_t {
        &self.0.sa_mask
    }

    pub(crate) fn function(&self) -> libc::sighandler_t {
        self.0.sa_sigaction
    }

    pub(crate) fn same_as(&self, other: &Disposition) -> bool {
        self.0.sa_sigaction == other.0.sa_sigaction
            && visible(self.0.sa_flags) == visible(other.0.sa_flags)
            && bytes(self.mask()) == bytes(other.mask())
    }
}

/// Removes SA_RESTORER, which the C library adds.
fn visible(flags: libc::c_int) -> libc::c_int {
    #[cfg(target_os = "linux")]
    return flags & !0x0400_0000;
    #[cfg(not(target_os = "linux"))]
    flags
}

fn bytes(set: &libc::sigset_t) -> &[u8] {
    // Linux has 64 signals, on MIPS 128. The C library leaves its other bits undefined.
    const KNOWN: usize = if cfg!(not(any(target_os = "linux", target_os = "android"))) {
        size_of::<libc::sigset_t>()
    } else if cfg!(any(target_arch = "mips", target_arch = "mips64")) {
        16
    } else {
        8
    };
    // SAFETY:
    // - The set is at least `KNOWN` bytes long.
    // - Its bytes are initialised: `plain` and `exchange` start from zeroes.
    unsafe { slice::from_raw_parts(ptr::from_ref(set).cast(), KNOWN) }
}

/// All signals except faults. A blocked fault kills the process without its handler.
fn all_but_faults() -> &'static libc::sigset_t {
    const FAULTS: [libc::c_int; 7] =
        [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGTRAP, libc::SIGABRT, libc::SIGSYS];
    static SET: OnceBox<libc::sigset_t> = OnceBox::new();
    SET.get_or_init(|| {
        let mut set = plain(libc::SIG_DFL).sa_mask;
        // SAFETY: the set is valid for the calls.
        unsafe {
            libc::sigfillset(&mut set);
            for fault in FAULTS {
                libc::sigdelset(&mut set, fault);
            }
        }
        Box::new(set)
    })
}

const fn plain(function: libc::sighandler_t) -> libc::sigaction {
    // SAFETY: each field is an integer, a bit set or an `Option` of a function, so zeroes are a valid value.
    let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    action.sa_sigaction = function;
    action
}

fn exchange(signal: libc::c_int, new: Option<&libc::sigaction>) -> io::Result<Disposition> {
    let mut old = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY:
    // - `new` is null or valid for the call.
    // - `old` is valid for the write, and initialised if the call returns 0.
    // - The action is SIG_DFL, SIG_IGN, an earlier disposition, or the library's handler, which is async-signal-safe.
    unsafe {
        if libc::sigaction(signal, new.map_or(ptr::null(), ptr::from_ref), old.as_mut_ptr()) != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Disposition(old.assume_init()))
    }
}
