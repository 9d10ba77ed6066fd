//! The signal handler. All functions are **async-signal-safe**, and use no thread-locals, whose first use can allocate.

use std::mem;
use std::ptr;

use nix::libc::{self, c_int, c_void, siginfo_t};
use nix::sys::signal::{SigSet, Signal};
use once_cell::race::OnceRef;
use signal_hook::low_level::emulate_default_handler;

use super::atomic::{AtomicUsize, Ordering};
use super::disposition::{Disposition, Kind};
pub(crate) use super::signal::Sender;
use super::thread;
use super::{mask, pending};

static ON_SIGNAL: OnceRef<'static, fn(&Arrival)> = OnceRef::new();

/// `on_signal` must be async-signal-safe.
pub(crate) fn prepare(on_signal: &'static fn(&Arrival)) {
    let _ = ON_SIGNAL.set(on_signal);
}

/// Not inlined, because inlined copies could return different addresses, and `is_ours` compares addresses.
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

/// Returns `info` if the kernel wrote it (to the stack, above this frame), otherwise null. If another handler calls the
/// library's handler as `old(signal)`, `info` is undefined.
fn kernel_siginfo(signal: c_int, info: *mut siginfo_t, frame: usize) -> *mut siginfo_t {
    const MAX_DISTANCE: usize = 1 << 20;
    let is_above = info.addr().checked_sub(frame).is_some_and(|distance| distance < MAX_DISTANCE);
    // SAFETY: the stack above this frame is mapped, and every bit pattern is a valid integer.
    if is_above && info.is_aligned() && unsafe { (*info).si_signo } == signal {
        info
    } else {
        ptr::null_mut()
    }
}

pub(crate) struct Arrival {
    signal: c_int,
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
        // SAFETY: the kernel's siginfo stays valid during the handler. The `si_code` tells which fields exist.
        unsafe {
            let info = &*self.info;
            #[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
            {
                // <asm-generic/siginfo.h>, <sys/signal.h>
                const SI_TIMER: c_int = if cfg!(target_os = "freebsd") { 0x10003 } else { -2 };
                if info.si_code == SI_TIMER {
                    return Sender::Timer(info.si_value().sival_ptr.addr());
                }
            }
            #[cfg(any(target_os = "linux", target_os = "android"))]
            match info.si_code {
                0x80 => Sender::Interval,                               // SI_KERNEL
                -6 if info.si_pid() == libc::getpid() => Sender::Raise, // SI_TKILL
                _ => Sender::Other,
            }
            // On other systems, `si_pid` is 0 for a signal of the interval timer.
            #[cfg(not(any(target_os = "linux", target_os = "android")))]
            if info.si_pid() == 0 { Sender::Interval } else { Sender::Other }
        }
    }

    /// Returns how many calls of `deliver_to` that forwarded this signal still run on this thread.
    pub(crate) fn unfinished_deliveries(&self) -> usize {
        // `Relaxed` suffices, because a thread sees its own stores.
        if MARKS_IN_USE.load(Ordering::Relaxed) == 0 {
            return 0;
        }
        let this = thread::handle();
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

    pub(crate) fn in_place(&self) -> Option<Disposition> {
        Disposition::current_of(self.signal).ok()
    }

    pub(crate) fn is_in_place(&self, disposition: &Disposition) -> bool {
        self.in_place().is_some_and(|current| current.function == disposition.function)
    }

    /// Limit: if the process survives the default action (as PID 1 does), the default disposition stays installed.
    pub(crate) fn take_default_action(&self) {
        // SAFETY: the set from `mask_on_return` is valid, because the kernel wrote it.
        let is_unblocked = |set: *mut _| !mask::contains(unsafe { &*set }, self.signal);
        if self.signal == libc::SIGALRM
            && self.mask_on_return().is_some_and(is_unblocked)
            && Disposition::DEFAULT.install_for(self.signal).is_ok()
        {
            // SIGALRM is delivered when this handler returns. If SIGALRM were unblocked here, a handler that another
            // thread has reinstalled could run on top of this one, and the stack may be too small for both.
            pending::raise_alarm();
        } else if (cfg!(any(target_os = "linux", target_os = "android")) && self.signal == libc::SIGIO)
            || emulate_default_handler(self.signal).is_err()
        {
            // signal-hook ignores SIGIO, although SIGIO ends a process on Linux. It returns an error for signals that
            // it does not know.
            let _ = Disposition::DEFAULT.install_for(self.signal);
            pending::send(self.signal);
        }
    }

    fn mask_on_return(&self) -> Option<*mut libc::sigset_t> {
        #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
        {
            let context = self.context.cast::<libc::ucontext_t>();
            let is_from_kernel = !self.info.is_null() && !context.is_null();
            // SAFETY: the kernel wrote the context, which stays valid during the handler.
            is_from_kernel.then(|| unsafe { &raw mut (*context).uc_sigmask })
        }
        #[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
        None
    }

    pub(crate) fn send_again(&self, sender: Sender) {
        if sender == Sender::Raise {
            return pending::raise_alarm();
        }
        #[cfg(any(target_os = "linux", target_os = "android"))]
        // SAFETY: the kernel wrote `info`, or it is null. For null the call fails.
        if unsafe { libc::syscall(libc::SYS_rt_sigqueueinfo, libc::getpid(), libc::SIGALRM, self.info) } == 0
        {
            return;
        }
        pending::send(libc::SIGALRM);
    }

    pub(crate) fn can_block_on_return(&self) -> bool {
        self.mask_on_return().is_some()
    }

    pub(crate) fn block_on_return(&self) {
        if let Some(mask) = self.mask_on_return() {
            // SAFETY: no other reference to the kernel's set exists.
            unsafe { libc::sigaddset(mask, self.signal) };
        }
    }

    pub(crate) fn deliver_to(&self, disposition: &Disposition) {
        if disposition.kind() != Kind::Function {
            return;
        }
        let Some(mark) = Mark::take(self) else { return };
        let mask = disposition.mask();
        let before = mask::change(libc::SIG_BLOCK, Some(&mask));
        if disposition.has(libc::SA_NODEFER) && !mask::contains(&mask, self.signal) {
            let only = Signal::try_from(self.signal).map(SigSet::from);
            let _ = only.map(|only| mask::change(libc::SIG_UNBLOCK, Some(only.as_ref())));
        }
        // SAFETY: the disposition was installed for this signal, so its flags tell the function's type. The arguments are this
        // handler's.
        unsafe {
            if disposition.has(libc::SA_SIGINFO) {
                let function: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) =
                    mem::transmute(disposition.function);
                function(self.signal, self.info, self.context);
            } else {
                let function: extern "C" fn(c_int) = mem::transmute(disposition.function);
                function(self.signal);
            }
        }
        let _ = before.map(|before| mask::change(libc::SIG_SETMASK, Some(&before)));
        mark.release();
    }
}

/// A call of `deliver_to` that has not returned. Two handlers could forward a signal to each other for ever, so the
/// library's handler forwards no signal that has two marks.
struct Mark {
    thread: AtomicUsize,
    info: AtomicUsize,
    /// An address in the handler's frame. The stack grows down, so a mark below the frame of a later handler is stale:
    /// a `longjmp` has skipped its release.
    frame: AtomicUsize,
}

/// Limit: while 64 marks are in use, further signals are not forwarded.
static MARKS: [Mark; 64] = [const { Mark::free() }; 64];

/// At least the number of marks in use, because a `longjmp` out of a previous handler skips the decrement.
static MARKS_IN_USE: AtomicUsize = AtomicUsize::new(0);

impl Mark {
    const fn free() -> Mark {
        Mark { thread: AtomicUsize::new(0), info: AtomicUsize::new(0), frame: AtomicUsize::new(0) }
    }

    fn take(arrival: &Arrival) -> Option<&'static Mark> {
        let this = thread::handle();
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

    fn release(&self) {
        MARKS_IN_USE.fetch_sub(1, Ordering::SeqCst);
        self.thread.store(0, Ordering::SeqCst);
    }
}
