//! The signal handler that the kernel calls, and calls of the previous handler.
//!
//! The handler can interrupt any instruction, also in `malloc` or while its thread holds a lock. So it calls
//! **async-signal-safe** functions only, and preserves `errno`. It does not use thread-locals: their first use can allocate
//! in a `dlopen`ed library.

use std::mem::{self, MaybeUninit};
use std::ptr;

use nix::libc;
use once_cell::race::OnceRef;

use super::atomic::{AtomicUsize, Ordering};
use super::disposition::{Disposition, Kind};
use super::thread::Handle;

/// The function that runs on each signal, set before the first installation.
static ON_SIGNAL: OnceRef<'static, fn(&Arrival)> = OnceRef::new();

/// Sets the function that runs on each signal. It must be async-signal-safe. Later calls have no effect.
pub(crate) fn prepare(on_signal: &'static fn(&Arrival)) {
    let _ = ON_SIGNAL.set(on_signal);
}

/// Returns the handler's address. Not inlined, so that every comparison uses the same address.
#[inline(never)]
pub(super) fn address() -> libc::sighandler_t {
    let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) = on_signal;
    handler as libc::sighandler_t
}

#[cfg_attr(sigalarm_rtsan, sanitize(realtime = "nonblocking"))]
extern "C" fn on_signal(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let errno = nix::errno::Errno::last_raw();
    let frame = ptr::from_ref(&signal).addr();
    if let Some(on_signal) = ON_SIGNAL.get() {
        on_signal(&Arrival { signal, info: kernels_own(signal, info, frame), context, frame });
    }
    nix::errno::Errno::set_raw(errno);
}

/// Returns `info` if the kernel wrote it, else null.
///
/// A later handler may call this one as `old(signal)`, which leaves `info` undefined. The kernel's siginfo is above this
/// frame on the same stack, and contains the signal number.
fn kernels_own(signal: libc::c_int, info: *mut libc::siginfo_t, frame: usize) -> *mut libc::siginfo_t {
    const FARTHEST: usize = 1 << 20;
    let lies_above = info.addr().checked_sub(frame).is_some_and(|distance| distance < FARTHEST);
    // SAFETY:
    // - The address is between this frame and the kernel's signal frame on the same stack, or in that frame.
    // - That memory is mapped, and any bytes are a valid integer.
    if lies_above && info.is_aligned() && unsafe { (*info).si_signo } == signal {
        info
    } else {
        ptr::null_mut()
    }
}

/// A signal while its handler runs.
pub(crate) struct Arrival {
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
    frame: usize,
}

/// Whether the platform supports [`Arrival::block_on_return`].
pub(crate) const CAN_BLOCK_ON_RETURN: bool =
    cfg!(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")));

/// The sender of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    /// A POSIX timer with this value.
    Timer(usize),
    /// The interval timer.
    Interval,
    /// This process, by `raise` or `pthread_kill`.
    Raise,
    /// Any other sender, usually `kill`; or unknown.
    Other,
}

/// The current handler of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InPlace {
    Ours,
    Default,
    Other,
}

impl InPlace {
    fn of(current: Option<Disposition>) -> InPlace {
        match current {
            Some(current) if current.is_ours() => InPlace::Ours,
            Some(current) if current.kind() == Kind::Default => InPlace::Default,
            _ => InPlace::Other,
        }
    }
}

impl Arrival {
    pub(crate) fn signal(&self) -> libc::c_int {
        self.signal
    }

    pub(crate) fn sender(&self) -> Sender {
        if self.info.is_null() {
            return Sender::Other;
        }
        // SAFETY:
        // - The siginfo is not null, so the kernel wrote it and keeps it during the handler.
        // - The fields that are read belong to the `si_code`.
        unsafe {
            let info = &*self.info;
            #[cfg(any(target_os = "linux", target_os = "android"))]
            {
                const SI_TIMER: libc::c_int = -2; // <asm-generic/siginfo.h>
                const SI_TKILL: libc::c_int = -6;
                const SI_KERNEL: libc::c_int = 0x80;
                match info.si_code {
                    SI_TIMER => Sender::Timer(info.si_value().sival_ptr.addr()),
                    SI_KERNEL => Sender::Interval,
                    SI_TKILL if info.si_pid() == libc::getpid() => Sender::Raise,
                    _ => Sender::Other,
                }
            }
            #[cfg(target_os = "freebsd")]
            {
                const SI_TIMER: libc::c_int = 0x10003; // <sys/signal.h>
                match info.si_code {
                    SI_TIMER => Sender::Timer(info.si_value().sival_ptr.addr()),
                    _ if info.si_pid() == 0 => Sender::Interval,
                    _ => Sender::Other,
                }
            }
            // Other systems have no code for the interval timer. Its signal has no sender.
            #[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
            {
                if info.si_pid() == 0 { Sender::Interval } else { Sender::Other }
            }
        }
    }

    /// Returns the number of times that a later handler has forwarded this signal back to this one.
    pub(crate) fn times_forwarded_back(&self) -> usize {
        Forwarding::count(self)
    }

    /// Calls the handler of `disposition`, if there is one.
    pub(crate) fn deliver_to(&self, disposition: &Disposition) {
        if disposition.kind() == Kind::Function {
            self.call(disposition);
        }
    }

    pub(crate) fn is_from_kernel(&self) -> bool {
        !self.info.is_null()
    }

    pub(crate) fn in_place(&self) -> InPlace {
        InPlace::of(Disposition::current_of(self.signal).ok())
    }

    /// Returns whether the current handler is that of `disposition`.
    pub(crate) fn is_in_place(&self, disposition: &Disposition) -> bool {
        Disposition::current_of(self.signal).is_ok_and(|current| current.function() == disposition.function())
    }

    /// Takes the default action, which usually ends the process. PID 1 of a namespace survives SIGALRM; the disposition then
    /// stays the default.
    ///
    /// If possible, the signal is raised and delivered when this handler returns. If another thread has installed this
    /// handler again by then, the handler runs again. Otherwise it would run nested, and the signal stack may have space for
    /// one.
    pub(crate) fn take_default_action(&self) {
        let is_pending = self.signal == libc::SIGALRM
            && self.is_let_in_on_return()
            && Disposition::DEFAULT.install().is_ok();
        if is_pending {
            // SAFETY: async-signal-safe, with a valid signal number.
            unsafe { libc::raise(self.signal) };
        } else {
            let _ = signal_hook::low_level::emulate_default_handler(self.signal);
        }
    }

    /// Returns whether the thread's mask allows this signal after the handler; `false` if unknown.
    fn is_let_in_on_return(&self) -> bool {
        self.mask_on_return().is_some_and(|mask| {
            // SAFETY: the kernel wrote the set.
            unsafe { libc::sigismember(mask, self.signal) == 0 }
        })
    }

    /// Returns the thread's mask after the handler, or `None` if unknown.
    fn mask_on_return(&self) -> Option<*mut libc::sigset_t> {
        #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
        {
            let context = self.context.cast::<libc::ucontext_t>();
            let is_kernels = !self.info.is_null() && !context.is_null();
            // SAFETY: a kernel siginfo comes with a kernel context, valid during the handler.
            is_kernels.then(|| unsafe { &raw mut (*context).uc_sigmask })
        }
        #[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
        None
    }

    /// Sends the signal again, with its siginfo, to the same thread or process.
    pub(crate) fn send_again(&self, sender: Sender) {
        // SAFETY: async-signal-safe functions and a bare system call; `info` is null or the kernel's.
        unsafe {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            if sender != Sender::Raise && !self.info.is_null() {
                let sent = libc::syscall(libc::SYS_rt_sigqueueinfo, libc::getpid(), self.signal, self.info);
                if sent == 0 {
                    return;
                }
            }
            if sender == Sender::Raise {
                libc::raise(self.signal);
            } else {
                libc::kill(libc::getpid(), self.signal);
            }
        }
    }

    /// Returns whether [`Arrival::block_on_return`] has an effect.
    pub(crate) fn can_block_on_return(&self) -> bool {
        self.mask_on_return().is_some()
    }

    /// Blocks the signal on this thread after the handler returns.
    pub(crate) fn block_on_return(&self) {
        if let Some(mask) = self.mask_on_return() {
            // SAFETY: the kernel's set has no other reference, and the kernel reads it when the handler returns.
            unsafe { libc::sigaddset(mask, self.signal) };
        }
    }

    /// Calls a handler with the mask that its disposition requests.
    fn call(&self, disposition: &Disposition) {
        let Some(_mark) = Forwarding::begin(self) else { return };
        let mut before = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY:
        // - The sets are valid, and the first call initialises `before`.
        // - `disposition` was installed for this signal, so the function has the signature of its flags and may run at any
        //   time.
        // - `info` and `context` are those of this handler's call.
        unsafe {
            libc::pthread_sigmask(libc::SIG_BLOCK, disposition.mask(), before.as_mut_ptr());
            if disposition.has(libc::SA_NODEFER) && libc::sigismember(disposition.mask(), self.signal) == 0 {
                let mut only = MaybeUninit::<libc::sigset_t>::uninit();
                libc::sigemptyset(only.as_mut_ptr());
                libc::sigaddset(only.as_mut_ptr(), self.signal);
                libc::pthread_sigmask(libc::SIG_UNBLOCK, only.as_ptr(), ptr::null_mut());
            }
            if disposition.has(libc::SA_SIGINFO) {
                let function: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) =
                    mem::transmute(disposition.function());
                function(self.signal, self.info, self.context);
            } else {
                let function: extern "C" fn(libc::c_int) = mem::transmute(disposition.function());
                function(self.signal);
            }
            libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), ptr::null_mut());
        }
    }
}

/// A mark of a thread that forwards a signal, without a thread-local.
///
/// A later handler may forward to this handler, and this handler back to that one. The mark ends that recursion.
struct Forwarding {
    /// The thread's handle; zero if the mark is free.
    thread: AtomicUsize,
    info: AtomicUsize,
    /// An address in the forwarding handler's frame. A nested handler has a lower frame. A higher or equal frame on the
    /// thread proves that the forwarding handler was left by `longjmp`.
    frame: AtomicUsize,
}

/// The limit of threads in previous handlers at once. A further signal is not forwarded.
const MARKS: usize = 64;

/// The number of set marks. A `longjmp` out of a handler leaves it too high.
static IN_USE: AtomicUsize = AtomicUsize::new(0);

static FORWARDING: [Forwarding; MARKS] = [const {
    Forwarding { thread: AtomicUsize::new(0), info: AtomicUsize::new(0), frame: AtomicUsize::new(0) }
}; MARKS];

impl Forwarding {
    fn begin(arrival: &Arrival) -> Option<Mark> {
        let this = Handle::current().0;
        let take = |mark: &&Forwarding| match mark.thread.load(Ordering::SeqCst) {
            0 => mark.thread.compare_exchange(0, this, Ordering::SeqCst, Ordering::SeqCst).is_ok(),
            thread => {
                thread == this
                    && mark.info.load(Ordering::SeqCst) == arrival.info.addr()
                    && mark.frame.load(Ordering::SeqCst) <= arrival.frame
            }
        };
        let mark = FORWARDING.iter().find(take)?;
        mark.info.store(arrival.info.addr(), Ordering::SeqCst);
        mark.frame.store(arrival.frame, Ordering::SeqCst);
        IN_USE.fetch_add(1, Ordering::SeqCst);
        Some(Mark(mark))
    }

    /// Returns how often this thread is forwarding this signal, or any signal if this one has no siginfo.
    fn count(arrival: &Arrival) -> usize {
        // A relaxed load suffices: the thread sees its own marks.
        if IN_USE.load(Ordering::Relaxed) == 0 {
            return 0;
        }
        let this = Handle::current().0;
        let is_this = |mark: &&Forwarding| {
            mark.thread.load(Ordering::SeqCst) == this
                && (arrival.info.is_null() || mark.info.load(Ordering::SeqCst) == arrival.info.addr())
                && mark.frame.load(Ordering::SeqCst) > arrival.frame
        };
        FORWARDING.iter().filter(is_this).count()
    }
}

struct Mark(&'static Forwarding);

impl Drop for Mark {
    fn drop(&mut self) {
        IN_USE.fetch_sub(1, Ordering::SeqCst);
        self.0.thread.store(0, Ordering::SeqCst);
    }
}
