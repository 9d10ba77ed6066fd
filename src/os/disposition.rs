//! What the process does when a signal arrives; which signal, if nothing else is said: SIGALRM.
//!
//! See [sigaction(2)](https://man7.org/linux/man-pages/man2/sigaction.2.html). A [`Disposition`] keeps every
//! bit that the kernel gave us, so that putting it back leaves no trace.

use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::slice;

use nix::libc;
use once_cell::race::OnceBox;

use super::handler;

/// A disposition: handler, flags and mask.
#[derive(Clone, Copy)]
pub(crate) struct Disposition(libc::sigaction);

/// What a disposition amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Default,
    Ignore,
    Function,
}

/// How our handler is to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Manner {
    /// SA_RESTART: a system call that it interrupts goes on.
    pub(crate) restart: bool,
    /// SA_ONSTACK: on the stack that a thread has for signals, if it has one.
    pub(crate) on_stack: bool,
    /// No other signal is let in while it runs.
    pub(crate) alone: bool,
}

impl Manner {
    /// In front of nobody's handler. On a stack of its own: a host that runs on small stacks (Go, a green-thread runtime)
    /// gives signals one, and a handler that stayed off it would overflow theirs. Alone there, for such a stack may have
    /// room for what the kernel keeps of one interruption, and of no second. With SA_RESTART: a guard must not make other
    /// people's system calls fail.
    pub(crate) const USUAL: Manner = Manner { restart: true, on_stack: true, alone: true };

    /// In front of this one, which ours is to call where and as it would have been called: it may need more room than the
    /// stack for signals has, and counts on being interrupted by what it has not blocked.
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
    /// The default action: the process ends.
    pub(crate) const DEFAULT: Disposition = Disposition(plain(libc::SIG_DFL));

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(crate) const IGNORE: Disposition = Disposition(plain(libc::SIG_IGN));

    /// The disposition in force.
    pub(crate) fn current() -> io::Result<Disposition> {
        Disposition::current_of(libc::SIGALRM)
    }

    pub(crate) fn current_of(signal: libc::c_int) -> io::Result<Disposition> {
        exchange(signal, None)
    }

    /// Puts this disposition in force and says which one it took the place of, in one step.
    pub(crate) fn install(&self) -> io::Result<Disposition> {
        self.install_for(libc::SIGALRM)
    }

    pub(crate) fn install_for(&self, signal: libc::c_int) -> io::Result<Disposition> {
        exchange(signal, Some(&self.0))
    }

    /// Puts our handler in force and says what it took the place of.
    pub(crate) fn install_ours(manner: Manner) -> io::Result<Disposition> {
        Disposition::install_ours_for(libc::SIGALRM, manner)
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

    /// Whether a system call that this handler interrupts is to fail with EINTR.
    pub(crate) fn interrupts(&self) -> bool {
        self.kind() == Kind::Function && !self.has(libc::SA_RESTART)
    }

    /// Whether this handler is good for one signal, with which the kernel goes back to the default action.
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

    /// The signals to block while the handler runs.
    pub(crate) fn mask(&self) -> &libc::sigset_t {
        &self.0.sa_mask
    }

    pub(crate) fn function(&self) -> libc::sighandler_t {
        self.0.sa_sigaction
    }

    /// Equal in everything that a program can tell.
    pub(crate) fn same_as(&self, other: &Disposition) -> bool {
        self.0.sa_sigaction == other.0.sa_sigaction
            && visible(self.0.sa_flags) == visible(other.0.sa_flags)
            && bytes(self.mask()) == bytes(other.mask())
    }
}

/// The C library adds SA_RESTORER to what it installs and shows it in what it hands back.
fn visible(flags: libc::c_int) -> libc::c_int {
    #[cfg(target_os = "linux")]
    return flags & !0x0400_0000;
    #[cfg(not(target_os = "linux"))]
    flags
}

fn bytes(set: &libc::sigset_t) -> &[u8] {
    // On Linux the kernel knows 64 signals (on MIPS 128) and the C library keeps room for 1,024, which
    // `sigaction` fills with whatever it finds on its stack.
    const KNOWN: usize = if cfg!(not(any(target_os = "linux", target_os = "android"))) {
        size_of::<libc::sigset_t>()
    } else if cfg!(any(target_arch = "mips", target_arch = "mips64")) {
        16
    } else {
        8
    };
    // SAFETY: it is valid for reads of its size, which is no less, and every byte is initialised: each set in
    // here began as zeroes (`plain`, `exchange`), which the C library may have written over.
    unsafe { slice::from_raw_parts(ptr::from_ref(set).cast(), KNOWN) }
}

/// All signals but those by which a thread learns of its own faults, which would end the process unheard.
fn all_but_faults() -> &'static libc::sigset_t {
    const FAULTS: [libc::c_int; 7] =
        [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGTRAP, libc::SIGABRT, libc::SIGSYS];
    // Made once: it is a tenth of what an outermost guard does outside of the kernel.
    static SET: OnceBox<libc::sigset_t> = OnceBox::new();
    SET.get_or_init(|| {
        let mut set = plain(libc::SIG_DFL).sa_mask;
        // SAFETY: the set is valid for reads and writes for the length of the calls.
        unsafe {
            libc::sigfillset(&mut set);
            for fault in FAULTS {
                libc::sigdelset(&mut set, fault);
            }
        }
        Box::new(set)
    })
}

/// An action with no flags and an empty mask.
const fn plain(function: libc::sighandler_t) -> libc::sigaction {
    // SAFETY: every field of `sigaction` is an integer, a set of bits or an `Option` of a function, so all
    // zeroes is a value of it; on every Unix a set of bits without a bit is the empty set.
    let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    action.sa_sigaction = function;
    action
}

fn exchange(signal: libc::c_int, new: Option<&libc::sigaction>) -> io::Result<Disposition> {
    let mut old = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY:
    // - `new` is null or points to an action for the length of the call; `old` is valid for writes and is
    //   written whenever the call returns 0;
    // - an action that is installed here holds SIG_DFL, SIG_IGN, our own handler, which is sound to run at
    //   any moment (see `handler`), or what somebody else had installed before.
    unsafe {
        if libc::sigaction(signal, new.map_or(ptr::null(), ptr::from_ref), old.as_mut_ptr()) != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Disposition(old.assume_init()))
    }
}
