//! The signal handler at its lowest: the C function that the kernel calls, and calls of the previous handler.
//!
//! It runs between any two instructions of any thread, also inside `malloc` or with the library's lock held. So all that it
//! reaches is **async-signal-safe**: loads and stores of atomics, `clock_gettime`, `timer_settime`, `pthread_self`,
//! `pthread_sigmask`, `sigaction`, `raise`, `kill`, `poll`, `write`, `_exit`. No allocation, no lock, no panic, no formatting,
//! and no thread-local: in a library that was loaded by `dlopen`, the first use of one may allocate. `errno` is as it was
//! when the handler returns.

use std::mem::{self, MaybeUninit};
use std::ptr;

use nix::libc;
use once_cell::race::OnceRef;

use super::atomic::{AtomicUsize, Ordering};
use super::disposition::{Disposition, Kind};
use super::thread::Handle;

/// What to do when a signal arrives. Set before the handler is first installed, and never changed.
static ON_SIGNAL: OnceRef<'static, fn(&Arrival)> = OnceRef::new();

/// Says what to do when a signal arrives: `on_signal` must be async-signal-safe. The first call counts.
pub(crate) fn prepare(on_signal: &'static fn(&Arrival)) {
    let _ = ON_SIGNAL.set(on_signal);
}

/// The handler as `sigaction` wants it. The one place that names the function, so that every comparison is with the same
/// address.
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

/// `info`, if it is the kernel's; else null.
///
/// A handler that is installed over this one may call it as `old(signal)`, and then the argument is whatever the register
/// holds. The kernel's siginfo lies above this frame, on the same stack, and names the signal.
fn kernels_own(signal: libc::c_int, info: *mut libc::siginfo_t, frame: usize) -> *mut libc::siginfo_t {
    const FARTHEST: usize = 1 << 20;
    let lies_above = info.addr().checked_sub(frame).is_some_and(|distance| distance < FARTHEST);
    // SAFETY: it lies between this frame and the place on this stack where the kernel has put the signal's frame, or is
    // that place; all of that is mapped, and an integer may be read from it.
    if lies_above && info.is_aligned() && unsafe { (*info).si_signo } == signal {
        info
    } else {
        ptr::null_mut()
    }
}

/// A signal that has arrived; lives as long as the handler runs.
pub(crate) struct Arrival {
    signal: libc::c_int,
    /// Null, or the kernel's.
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
    /// An address in the handler's frame.
    frame: usize,
}

/// Whether [`Arrival::block_on_return`] can be done at all.
pub(crate) const CAN_BLOCK_ON_RETURN: bool =
    cfg!(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")));

/// Who sent a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    /// A POSIX timer with this value.
    Timer(usize),
    /// The interval timer.
    Interval,
    /// This process, to one of its threads, by `raise` or `pthread_kill`.
    Raise,
    /// Anything else, `kill` as a rule; or the handler was called without a siginfo.
    Other,
}

/// What is in place for a signal when its handler runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InPlace {
    /// The library's handler.
    Ours,
    /// The default action.
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
        // SAFETY: not null, so it is the kernel's, which keeps it valid while the handler runs. The fields that are read
        // are those that the kernel writes for the code.
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
            // Elsewhere the interval timer's signal has no code of its own; what it never has is a sender.
            #[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
            {
                if info.si_pid() == 0 { Sender::Interval } else { Sender::Other }
            }
        }
    }

    /// How many handlers have had this signal from this one and now forward it in their turn to the handler that they had
    /// found in place, which is this one. Zero for a signal that comes from the kernel.
    pub(crate) fn times_forwarded_back(&self) -> usize {
        Forwarding::count(self)
    }

    /// Does what `disposition` does; but not a default action.
    pub(crate) fn deliver_to(&self, disposition: &Disposition) {
        if disposition.kind() == Kind::Function {
            self.call(disposition);
        }
    }

    /// Whether the siginfo is the kernel's.
    pub(crate) fn is_from_kernel(&self) -> bool {
        !self.info.is_null()
    }

    /// What is in place for this signal.
    pub(crate) fn in_place(&self) -> InPlace {
        InPlace::of(Disposition::current_of(self.signal).ok())
    }

    /// Whether the handler in place for this signal is that of `disposition`.
    pub(crate) fn is_in_place(&self, disposition: &Disposition) -> bool {
        Disposition::current_of(self.signal).is_ok_and(|current| current.function() == disposition.function())
    }

    /// Takes the default action for a signal. Where that does not end the process, the default action stays in place of this
    /// handler: of SIGALRM for PID 1 of a namespace, and under a debugger that discards the signal.
    ///
    /// Not from in here, where that can be helped: another thread may install this handler again before the signal comes, and it
    /// would be called inside of itself, on a stack that may have space for one. So the signal is pending behind the mask under
    /// which this handler runs, and comes when it returns, before the thread's next instruction. Should this handler be in place
    /// by then, it comes here again.
    pub(crate) fn take_default_action(&self) {
        let is_pending = self.signal == libc::SIGALRM
            && self.is_let_in_on_return()
            && Disposition::DEFAULT.install().is_ok();
        if is_pending {
            // SAFETY: on the list of async-signal-safe functions, and the number is that of a signal.
            unsafe { libc::raise(self.signal) };
        } else {
            let _ = signal_hook::low_level::emulate_default_handler(self.signal);
        }
    }

    /// Whether the thread lets this signal in when the handler returns; `false` where that cannot be told. One that lets it
    /// in for the length of a call, as `sigsuspend` does, has it blocked again by then.
    fn is_let_in_on_return(&self) -> bool {
        self.mask_on_return().is_some_and(|mask| {
            // SAFETY: the set is the kernel's, which has written as many signals as it knows.
            unsafe { libc::sigismember(mask, self.signal) == 0 }
        })
    }

    /// The mask that the thread has from the moment at which the handler returns; `None` where it is not known.
    fn mask_on_return(&self) -> Option<*mut libc::sigset_t> {
        #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
        {
            let context = self.context.cast::<libc::ucontext_t>();
            let is_kernels = !self.info.is_null() && !context.is_null();
            // SAFETY: with a siginfo of the kernel's the context is the kernel's too, valid while the handler runs.
            is_kernels.then(|| unsafe { &raw mut (*context).uc_sigmask })
        }
        #[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
        None
    }

    /// Sends the signal again, with all that its siginfo says, to where it was sent.
    pub(crate) fn send_again(&self, sender: Sender) {
        // SAFETY: all of it is on the list of async-signal-safe functions, or a bare system call; `info` is null or the kernel's.
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

    /// Whether [`Arrival::block_on_return`] has an effect.
    pub(crate) fn can_block_on_return(&self) -> bool {
        self.mask_on_return().is_some()
    }

    /// Has the signal blocked on this thread from the moment at which the handler returns.
    pub(crate) fn block_on_return(&self) {
        if let Some(mask) = self.mask_on_return() {
            // SAFETY: the set is the kernel's, nothing else refers to it, and the kernel reads it when the handler returns.
            unsafe { libc::sigaddset(mask, self.signal) };
        }
    }

    /// Calls a handler function under the mask that the kernel would have given it.
    fn call(&self, disposition: &Disposition) {
        let Some(_mark) = Forwarding::begin(self) else { return };
        let mut before = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY:
        // - the sets are valid, and `before` is written by the first call before the last one reads it;
        // - `disposition` was in force for this signal, so its function has the shape that its flags say, and the
        //   code that installed it vouches that it may run at any moment;
        // - `info` and `context` are the kernel's own, valid while this handler runs, or what the caller gave.
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

/// A mark that a thread is forwarding a signal, kept without a thread-local.
///
/// A handler that was installed over this one may forward to this one, and this one to that one: without the mark both
/// would call each other until the stack is full.
struct Forwarding {
    /// The thread; zero for a free mark.
    thread: AtomicUsize,
    info: AtomicUsize,
    /// Where the forwarding handler has its frame. A handler that is called from there has its own below; one that has not,
    /// on the same stack, finds a mark whose handler was left by a jump, and the mark means nothing.
    frame: AtomicUsize,
}

/// How many threads may be inside of previous handlers at once. One more, and its signal is not forwarded.
const MARKS: usize = 64;

/// How many marks are set; more than that after a jump out of a previous handler.
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

    /// How often this thread is forwarding this signal; if it came without a siginfo, any signal.
    fn count(arrival: &Arrival) -> usize {
        // What this thread has marked it sees in any case, and what another does is nothing to it.
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
