//! The signal handler that the kernel calls, and calls of the previous handler.
//!
//! The handler can interrupt `malloc`. So it calls **async-signal-safe** functions only, preserves `errno`, and uses no
//! thread-locals: in a `dlopen`ed library, their first use can allocate.

use std::mem;
use std::ptr;

use nix::libc::{self, c_int, c_void, siginfo_t};
use once_cell::race::OnceRef;

use super::atomic::{AtomicUsize, Ordering};
use super::disposition::{Disposition, Kind};
use super::mask;
pub(crate) use super::signal::{InPlace, Sender};
use super::thread::Handle;

static ON_SIGNAL: OnceRef<'static, fn(&Arrival)> = OnceRef::new();

/// Sets the function for every signal. It must be async-signal-safe. Later calls have no effect.
pub(crate) fn prepare(on_signal: &'static fn(&Arrival)) {
    let _ = ON_SIGNAL.set(on_signal);
}

/// Returns the handler's address. Not inlined, so that all comparisons use one address.
#[inline(never)]
pub(super) fn address() -> libc::sighandler_t {
    on_signal as extern "C" fn(_, _, _) as libc::sighandler_t
}

#[cfg_attr(sigalarm_rtsan, sanitize(realtime = "nonblocking"))]
extern "C" fn on_signal(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    let errno = nix::errno::Errno::last_raw();
    let frame = ptr::from_ref(&signal).addr();
    if let Some(on_signal) = ON_SIGNAL.get() {
        on_signal(&Arrival { signal, info: kernel_siginfo(signal, info, frame), context, frame });
    }
    nix::errno::Errno::set_raw(errno);
}

/// Returns `info` if the kernel wrote it, above this frame on the same stack; else null.
///
/// A handler over this one may call `old(signal)`, which leaves `info` undefined.
fn kernel_siginfo(signal: c_int, info: *mut siginfo_t, frame: usize) -> *mut siginfo_t {
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
    signal: c_int,
    /// Null, or the kernel's.
    info: *mut siginfo_t,
    context: *mut c_void,
    frame: usize,
}

pub(crate) const CAN_BLOCK_ON_RETURN: bool =
    cfg!(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")));

impl Arrival {
    pub(crate) fn signal(&self) -> c_int {
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
                const SI_TIMER: c_int = -2; // <asm-generic/siginfo.h>
                const SI_TKILL: c_int = -6;
                const SI_KERNEL: c_int = 0x80;
                match info.si_code {
                    SI_TIMER => Sender::Timer(info.si_value().sival_ptr.addr()),
                    SI_KERNEL => Sender::Interval,
                    SI_TKILL if info.si_pid() == libc::getpid() => Sender::Raise,
                    _ => Sender::Other,
                }
            }
            #[cfg(target_os = "freebsd")]
            {
                const SI_TIMER: c_int = 0x10003; // <sys/signal.h>
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

    /// Returns how often later handlers have forwarded this signal back: the thread's marks for it, or for any signal if it
    /// has no siginfo.
    pub(crate) fn times_forwarded_back(&self) -> usize {
        // A thread sees its own marks, so `Relaxed` suffices.
        if MARKS_IN_USE.load(Ordering::Relaxed) == 0 {
            return 0;
        }
        let this = Handle::current().0;
        let is_this = |mark: &&Mark| {
            mark.thread.load(Ordering::SeqCst) == this
                && (self.info.is_null() || mark.info.load(Ordering::SeqCst) == self.info.addr())
                && mark.frame.load(Ordering::SeqCst) > self.frame
        };
        MARKS.iter().filter(is_this).count()
    }

    pub(crate) fn is_from_kernel(&self) -> bool {
        !self.info.is_null()
    }

    pub(crate) fn in_place(&self) -> InPlace {
        InPlace::of(self.signal)
    }

    pub(crate) fn is_in_place(&self, disposition: &Disposition) -> bool {
        Disposition::current_of(self.signal).is_ok_and(|current| current.function() == disposition.function())
    }

    /// Takes the default action. If the process survives, as PID 1 of a namespace does, the disposition stays the default.
    ///
    /// If possible, the signal stays pending until this handler returns. Delivered at once, it could run this handler nested,
    /// on a small stack, if another thread has reinstalled it.
    pub(crate) fn take_default_action(&self) {
        // SAFETY: the kernel wrote the set.
        let is_blocked = |set: *mut _| mask::contains(unsafe { &*set }, self.signal);
        let is_unblocked_on_return = self.mask_on_return().is_some_and(|set| !is_blocked(set));
        if self.signal == libc::SIGALRM && is_unblocked_on_return && Disposition::DEFAULT.install().is_ok() {
            // SAFETY: async-signal-safe, with a valid signal number.
            unsafe { libc::raise(self.signal) };
        } else {
            let _ = signal_hook::low_level::emulate_default_handler(self.signal);
        }
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

    /// Calls the disposition's handler, if it has one, with its own mask.
    pub(crate) fn deliver_to(&self, disposition: &Disposition) {
        if disposition.kind() != Kind::Function {
            return;
        }
        let Some(mark) = Mark::take(self) else { return };
        let before = mask::change(libc::SIG_BLOCK, Some(disposition.mask()));
        if disposition.has(libc::SA_NODEFER) && !mask::contains(disposition.mask(), self.signal) {
            let _ = mask::change(libc::SIG_UNBLOCK, Some(&mask::only(self.signal)));
        }
        // SAFETY:
        // - `disposition` was installed for this signal: its function fits its flags, and may run at any time.
        // - `info` and `context` are those of this handler's call.
        unsafe {
            if disposition.has(libc::SA_SIGINFO) {
                let function: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) =
                    mem::transmute(disposition.function());
                function(self.signal, self.info, self.context);
            } else {
                let function: extern "C" fn(c_int) = mem::transmute(disposition.function());
                function(self.signal);
            }
        }
        let _ = before.map(|before| mask::change(libc::SIG_SETMASK, Some(&before)));
        mark.free();
    }
}

/// A mark that a thread is forwarding a signal: two handlers may forward to each other, and the mark ends that recursion.
///
/// Marks are static, because thread-locals are not async-signal-safe.
struct Mark {
    /// The thread; zero if free.
    thread: AtomicUsize,
    info: AtomicUsize,
    /// An address in the forwarding handler's frame. Nested frames are lower. A mark below the current frame is stale: a
    /// `longjmp` left its handler.
    frame: AtomicUsize,
}

/// One for each thread in a previous handler. A further thread's signal is not forwarded.
static MARKS: [Mark; 64] =
    [const { Mark { thread: AtomicUsize::new(0), info: AtomicUsize::new(0), frame: AtomicUsize::new(0) } };
        64];

/// Too high after a `longjmp`.
static MARKS_IN_USE: AtomicUsize = AtomicUsize::new(0);

impl Mark {
    fn take(arrival: &Arrival) -> Option<&'static Mark> {
        let this = Handle::current().0;
        let take = |mark: &&Mark| match mark.thread.load(Ordering::SeqCst) {
            0 => mark.thread.compare_exchange(0, this, Ordering::SeqCst, Ordering::SeqCst).is_ok(),
            thread => {
                thread == this
                    && mark.info.load(Ordering::SeqCst) == arrival.info.addr()
                    && mark.frame.load(Ordering::SeqCst) <= arrival.frame
            }
        };
        let mark = MARKS.iter().find(take)?;
        mark.info.store(arrival.info.addr(), Ordering::SeqCst);
        mark.frame.store(arrival.frame, Ordering::SeqCst);
        MARKS_IN_USE.fetch_add(1, Ordering::SeqCst);
        Some(mark)
    }

    fn free(&self) {
        MARKS_IN_USE.fetch_sub(1, Ordering::SeqCst);
        self.thread.store(0, Ordering::SeqCst);
    }
}
