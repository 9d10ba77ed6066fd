//! The signal handler that the kernel calls, and calls of the previous handler.
//!
//! The handler can interrupt any instruction, also in `malloc`. So it calls **async-signal-safe** functions only, and
//! preserves `errno`. It uses no thread-locals, because their first use can allocate in a `dlopen`ed library.

use std::mem::{self, MaybeUninit};
use std::ptr;

use nix::libc;
use once_cell::race::OnceRef;

use super::atomic::{AtomicUsize, Ordering};
use super::disposition::{Disposition, Kind};
pub(crate) use super::origin::{InPlace, Sender};
use super::thread::Handle;

static ON_SIGNAL: OnceRef<'static, fn(&Arrival)> = OnceRef::new();

/// Sets the function for every signal. It must be async-signal-safe. Later calls have no effect.
pub(crate) fn prepare(on_signal: &'static fn(&Arrival)) {
    let _ = ON_SIGNAL.set(on_signal);
}

/// Returns the handler's address. Not inlined, so that all comparisons use one address.
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
        on_signal(&Arrival { signal, info: kernel_siginfo(signal, info, frame), context, frame });
    }
    nix::errno::Errno::set_raw(errno);
}

/// Returns `info` if the kernel wrote it, else null.
///
/// A handler over this one may call `old(signal)`, which leaves `info` undefined. The kernel's siginfo is above this frame on
/// the same stack.
fn kernel_siginfo(signal: libc::c_int, info: *mut libc::siginfo_t, frame: usize) -> *mut libc::siginfo_t {
    const MAX_DISTANCE: usize = 1 << 20;
    let is_above = info.addr().checked_sub(frame).is_some_and(|distance| distance < MAX_DISTANCE);
    // SAFETY:
    // - The address is between this frame and the end of the kernel's signal frame on the same stack.
    // - That memory is mapped, and any bytes are a valid integer.
    if is_above && info.is_aligned() && unsafe { (*info).si_signo } == signal {
        info
    } else {
        ptr::null_mut()
    }
}

/// A signal, while its handler runs.
pub(crate) struct Arrival {
    signal: libc::c_int,
    /// Null, or the kernel's.
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
    frame: usize,
}

pub(crate) const CAN_BLOCK_ON_RETURN: bool =
    cfg!(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")));

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
            // On other systems, the interval timer's signal has no code and no sender.
            #[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
            {
                if info.si_pid() == 0 { Sender::Interval } else { Sender::Other }
            }
        }
    }

    /// Returns how often later handlers have forwarded this signal back.
    pub(crate) fn times_forwarded_back(&self) -> usize {
        Forwarding::count(self)
    }

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

    pub(crate) fn is_in_place(&self, disposition: &Disposition) -> bool {
        Disposition::current_of(self.signal).is_ok_and(|current| current.function() == disposition.function())
    }

    /// Takes the default action. If the process survives, as PID 1 of a namespace does, the disposition stays the default.
    ///
    /// If possible, the signal stays pending until this handler returns. Delivered at once, it could run this handler nested,
    /// on a small stack, if another thread has reinstalled it.
    pub(crate) fn take_default_action(&self) {
        let is_pending = self.signal == libc::SIGALRM
            && self.is_unblocked_on_return()
            && Disposition::DEFAULT.install_for(self.signal).is_ok();
        if is_pending {
            // SAFETY: async-signal-safe, with a valid signal number.
            unsafe { libc::raise(self.signal) };
        } else {
            let _ = signal_hook::low_level::emulate_default_handler(self.signal);
        }
    }

    /// Returns whether the thread's mask allows the signal after this handler; `false` if unknown.
    fn is_unblocked_on_return(&self) -> bool {
        self.mask_on_return().is_some_and(|mask| {
            // SAFETY: the kernel wrote the set.
            unsafe { libc::sigismember(mask, self.signal) == 0 }
        })
    }

    /// Returns the thread's mask after this handler, if known.
    fn mask_on_return(&self) -> Option<*mut libc::sigset_t> {
        #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
        {
            let context = self.context.cast::<libc::ucontext_t>();
            let is_from_kernel = !self.info.is_null() && !context.is_null();
            // SAFETY: a kernel siginfo comes with a kernel context, valid during the handler.
            is_from_kernel.then(|| unsafe { &raw mut (*context).uc_sigmask })
        }
        #[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
        None
    }

    /// Sends the signal again, with its siginfo.
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

    pub(crate) fn can_block_on_return(&self) -> bool {
        self.mask_on_return().is_some()
    }

    /// Blocks the signal on this thread when the handler returns.
    pub(crate) fn block_on_return(&self) {
        if let Some(mask) = self.mask_on_return() {
            // SAFETY: the kernel's set has no other reference, and the kernel reads it when the handler returns.
            unsafe { libc::sigaddset(mask, self.signal) };
        }
    }

    /// Calls the handler with its own mask.
    fn call(&self, disposition: &Disposition) {
        let Some(_mark) = Forwarding::begin(self) else { return };
        let mut before = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY:
        // - The sets are valid, and the first call initialises `before`.
        // - `disposition` was installed for this signal: its function fits its flags, and may run at any time.
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

/// A mark that a thread is forwarding a signal. It is static: thread-locals are not async-signal-safe.
///
/// Two handlers may forward to each other; the mark ends that recursion.
struct Forwarding {
    /// The thread; zero if free.
    thread: AtomicUsize,
    info: AtomicUsize,
    /// An address in the forwarding handler's frame. Nested frames are lower. A mark below the current frame is stale: a
    /// `longjmp` left its handler.
    frame: AtomicUsize,
}

/// The limit of threads in previous handlers. A further thread's signal is not forwarded.
const MARKS: usize = 64;

/// The number of set marks; too high after a `longjmp`.
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

    /// Counts the thread's marks for this signal, or for any signal if it has no siginfo.
    fn count(arrival: &Arrival) -> usize {
        // A thread sees its own marks, so `Relaxed` suffices.
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
