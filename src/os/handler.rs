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
use super::thread::Handle;
use super::{mask, pending};

static ON_SIGNAL: OnceRef<'static, fn(&Arrival)> = OnceRef::new();

/// `on_signal` must be async-signal-safe. Later calls have no effect.
pub(crate) fn prepare(on_signal: &'static fn(&Arrival)) {
    let _ = ON_SIGNAL.set(on_signal);
}

/// Not inlined, because copies could return different addresses.
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

/// Returns `info` if the kernel wrote it, which puts it above this frame on the stack; else null. Another handler that calls
/// this one as `old(signal)` leaves `info` undefined.
fn kernel_siginfo(signal: c_int, info: *mut siginfo_t, frame: usize) -> *mut siginfo_t {
    const MAX_DISTANCE: usize = 1 << 20;
    let is_above = info.addr().checked_sub(frame).is_some_and(|distance| distance < MAX_DISTANCE);
    // SAFETY: the stack is mapped above this frame, and any bytes are an integer.
    if is_above && info.is_aligned() && unsafe { (*info).si_signo } == signal {
        info
    } else {
        ptr::null_mut()
    }
}

pub(crate) struct Arrival {
    signal: c_int,
    /// The kernel's siginfo, or null.
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
        // SAFETY: the kernel wrote the siginfo, which stays during the handler. Each field that is read belongs to the `si_code`.
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
            // Other systems give the interval timer's signal no sender.
            #[cfg(not(any(target_os = "linux", target_os = "android")))]
            if info.si_pid() == 0 { Sender::Interval } else { Sender::Other }
        }
    }

    /// Counts this thread's unfinished calls of `deliver_to` for this signal; without a siginfo, for any signal.
    pub(crate) fn times_forwarded_back(&self) -> usize {
        // `Relaxed`, because a thread sees its own marks.
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

    pub(crate) fn in_place(&self) -> Option<Disposition> {
        Disposition::current_of(self.signal).ok()
    }

    pub(crate) fn is_in_place(&self, disposition: &Disposition) -> bool {
        self.in_place().is_some_and(|current| current.function == disposition.function)
    }

    /// Takes the default action. If the process survives it, as PID 1 does, the default disposition stays installed.
    pub(crate) fn take_default_action(&self) {
        // SAFETY: the kernel wrote the set.
        let is_let_in = |set: *mut _| !mask::contains(unsafe { &*set }, self.signal);
        if self.signal == libc::SIGALRM
            && self.mask_on_return().is_some_and(is_let_in)
            && Disposition::DEFAULT.install_for(self.signal).is_ok()
        {
            // SIGALRM is blocked here, so it is delivered when this handler returns. A nested handler, which another thread may
            // have reinstalled, might not fit on the stack.
            pending::raise_alarm();
        } else if (cfg!(any(target_os = "linux", target_os = "android")) && self.signal == libc::SIGIO)
            || emulate_default_handler(self.signal).is_err()
        {
            // signal-hook ignores SIGIO, which ends a process on Linux, and does not know every signal.
            let _ = Disposition::DEFAULT.install_for(self.signal);
            pending::send(self.signal);
        }
    }

    fn mask_on_return(&self) -> Option<*mut libc::sigset_t> {
        #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
        {
            let context = self.context.cast::<libc::ucontext_t>();
            let is_from_kernel = !self.info.is_null() && !context.is_null();
            // SAFETY: the kernel wrote the context, which stays during the handler.
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
        // SAFETY: `info` is the kernel's, or null, for which the call fails.
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

/// A call of `deliver_to` that has not returned. If two handlers forward to each other, a second mark ends the recursion.
struct Mark {
    /// The thread; zero in a free mark.
    thread: AtomicUsize,
    info: AtomicUsize,
    /// An address in the handler's frame. The stack grows down, so a mark whose address is lower than the frame of a newer handler is
    /// stale: its handler ended by `longjmp`.
    frame: AtomicUsize,
}

/// Limit: the signal of a 65th thread is not forwarded.
static MARKS: [Mark; 64] = [const { Mark::free() }; 64];

/// At least the number of marks in use. A `longjmp` out of a previous handler leaves a mark.
static MARKS_IN_USE: AtomicUsize = AtomicUsize::new(0);

impl Mark {
    const fn free() -> Mark {
        Mark { thread: AtomicUsize::new(0), info: AtomicUsize::new(0), frame: AtomicUsize::new(0) }
    }

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

    fn release(&self) {
        MARKS_IN_USE.fetch_sub(1, Ordering::SeqCst);
        self.thread.store(0, Ordering::SeqCst);
    }
}
