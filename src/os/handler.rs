//! Our signal handler, at its lowest: the C function that the kernel calls.
//!
//! It runs between any two instructions of any thread, also inside `malloc` or with our own lock held. So
//! everything that it reaches, and whoever changes this should keep it so, is **async-signal-safe**: loads and
//! stores of atomics, `clock_gettime`, `pthread_self`, `pthread_sigmask`, `pthread_kill`, `sigaction`, `raise`, `kill`, `write`, `_exit`. No allocation, no lock, no panic,
//! nothing that formats. `errno` is as it was when it returns.

use std::cell::Cell;
use std::mem;
use std::ptr;

use nix::libc;
use once_cell::race::OnceRef;

use super::atomic::{AtomicUsize, Ordering};
use super::disposition::{Disposition, Kind};

/// What to do when a signal of ours arrives. Set before the handler is first installed, and never changed.
///
/// `get` is one atomic load, which makes it fit for the handler.
static ON_ALARM: OnceRef<'static, fn(&Arrival)> = OnceRef::new();

/// How many threads are handing something on. Our handler looks at what is a thread's own only if any does: where we are
/// part of a library that was loaded by `dlopen`, a thread's first look may allocate.
static HANDING_ON: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// What this thread is handing on to a handler of the program's, and the how-manieth handler that is. Constant and
    /// without a destructor, so that our handler may look at it.
    static HANDED_ON: Cell<(*const libc::siginfo_t, usize)> = const { Cell::new((ptr::null(), 0)) };
}

/// Says what to do when SIGALRM arrives: `on_alarm` must be async-signal-safe. The first call counts.
pub(crate) fn prepare(on_alarm: &'static fn(&Arrival)) {
    let _ = ON_ALARM.set(on_alarm);
}

/// The handler as `sigaction` wants it. One place that names the function, so that every comparison is with
/// the same address.
#[inline(never)]
pub(super) fn address() -> libc::sighandler_t {
    let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) = on_signal;
    handler as libc::sighandler_t
}

#[cfg_attr(sigalarm_rtsan, sanitize(realtime = "nonblocking"))]
extern "C" fn on_signal(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let errno = nix::errno::Errno::last_raw();
    if let Some(on_alarm) = ON_ALARM.get() {
        on_alarm(&Arrival { signal, info, context });
    }
    nix::errno::Errno::set_raw(errno);
}

/// A signal that has arrived; lives as long as the handler runs.
pub(crate) struct Arrival {
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
}

impl Arrival {
    pub(crate) fn signal(&self) -> libc::c_int {
        self.signal
    }

    /// Whether the kernel's timer sent it, rather than a `kill` or a `raise`.
    pub(crate) fn sent_by_timer(&self) -> bool {
        // Somebody else's handler, installed over ours, may hand a signal on without its siginfo.
        if self.info.is_null() {
            return false;
        }
        // SAFETY: not null, and it comes from the kernel, which keeps it valid while the handler runs.
        sent_by_timer(unsafe { &*self.info })
    }

    /// Whether this process sent it to this very thread. `true` where that cannot be told.
    pub(crate) fn sent_to_thread(&self) -> bool {
        // SAFETY: as in `sent_by_timer`.
        !self.info.is_null() && sent_to_thread(unsafe { &*self.info })
    }

    /// How many handlers have had it from ours and now hand it on in their turn, to the one that they had found in
    /// place, which was ours. Zero for a signal that comes from the kernel.
    pub(crate) fn handed_back(&self) -> usize {
        // This thread's own steps it sees in any case, and what another does is nothing to it.
        if HANDING_ON.load(Ordering::Relaxed) == 0 {
            return 0;
        }
        let (info, times) = HANDED_ON.get();
        if self.info.is_null() || ptr::eq(self.info, info) { times } else { 0 }
    }

    /// Does what `owner` would have done if our handler had not stood in its place.
    pub(crate) fn deliver_to(&self, owner: &Disposition) {
        match owner.kind() {
            Kind::Ignore => {}
            Kind::Default => self.take_default_action(),
            Kind::Function => self.call(owner),
        }
    }

    /// Whether somebody's handler has been installed over ours. Then that one has had the signal, and has handed it on to
    /// ours, as is the custom among handlers. But a default action is handed nothing: without us the process would live.
    pub(crate) fn is_somebody_elses(&self) -> bool {
        Disposition::current_of(self.signal)
            .is_ok_and(|current| current.kind() == Kind::Function && !current.is_ours())
    }

    /// Ends the process by this signal, so that whoever waits for it sees what it would have seen.
    ///
    /// Where other threads arm alarms just then, not from in here: our handler could be in place again before the signal
    /// is, and be called inside of itself, on a stack that may have room for one. So the signal is made to wait behind the
    /// mask under which this handler runs, and comes when it returns, before the thread's next instruction. Should our
    /// handler be in its place by then, it comes here again.
    ///
    /// SIGALRM only: by the default action of some others the process goes on, and needs our handler back in its place.
    fn take_default_action(&self) {
        let waits = self.signal == libc::SIGALRM
            && self.is_let_in_on_return()
            && Disposition::DEFAULT.install().is_ok();
        if waits {
            // SAFETY: on the list of async-signal-safe functions, and the number is that of a signal.
            unsafe { libc::raise(self.signal) };
        } else {
            let _ = signal_hook::low_level::emulate_default_handler(self.signal);
        }
    }

    /// Whether the thread lets this signal in when the handler returns; `false` where that cannot be told. One that lets it
    /// in for the length of a call, as `sigsuspend` does, has it shut out again by then.
    fn is_let_in_on_return(&self) -> bool {
        #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
        {
            let context = self.context.cast::<libc::ucontext_t>();
            // SAFETY: where it is not null it is the kernel's own, valid while our handler runs. Of the set the kernel has
            // written as many signals as it knows, this one among them.
            !context.is_null()
                && unsafe { libc::sigismember(&raw const (*context).uc_sigmask, self.signal) == 0 }
        }
        #[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
        false
    }

    /// Calls a handler function under the mask that the kernel would have given it.
    fn call(&self, owner: &Disposition) {
        let outer = HANDED_ON.replace((self.info, self.handed_back() + 1));
        HANDING_ON.fetch_add(1, Ordering::Relaxed);
        let mut before = mem::MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY:
        // - the sets are valid, and `before` is written by the first call before the last one reads it;
        // - `owner` was in force for this signal, so its function has the shape that its flags say and was
        //   installed by somebody who vouches that it may run at any moment;
        // - `info` and `context` are the kernel's own, valid while our handler runs, and outlive the call.
        unsafe {
            libc::pthread_sigmask(libc::SIG_BLOCK, owner.mask(), before.as_mut_ptr());
            if owner.has(libc::SA_NODEFER) && libc::sigismember(owner.mask(), self.signal) == 0 {
                let mut only = mem::MaybeUninit::<libc::sigset_t>::uninit();
                libc::sigemptyset(only.as_mut_ptr());
                libc::sigaddset(only.as_mut_ptr(), self.signal);
                libc::pthread_sigmask(libc::SIG_UNBLOCK, only.as_ptr(), ptr::null_mut());
            }
            if owner.has(libc::SA_SIGINFO) {
                let function: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) =
                    mem::transmute(owner.function());
                function(self.signal, self.info, self.context);
            } else {
                let function: extern "C" fn(libc::c_int) = mem::transmute(owner.function());
                function(self.signal);
            }
            libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), ptr::null_mut());
        }
        HANDING_ON.fetch_sub(1, Ordering::Relaxed);
        HANDED_ON.set(outer);
    }
}

/// Whether a SIGALRM was sent by the kernel's timer.
pub(super) fn sent_by_timer(info: &libc::siginfo_t) -> bool {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        const SI_KERNEL: libc::c_int = 0x80; // <asm-generic/siginfo.h>; not in every version of libc.
        info.si_code == SI_KERNEL
    }
    // Elsewhere the timer's signal has no code of its own; what it never has is a sender.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        // SAFETY: a SIGALRM has either no sender, and then the field is zero, or one.
        unsafe { info.si_pid() == 0 }
    }
}

/// Whether this process sent a SIGALRM to one of its threads, by `pthread_kill` or `raise`.
pub(super) fn sent_to_thread(info: &libc::siginfo_t) -> bool {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        // SAFETY: a signal of these codes has a sender. `getpid` takes nothing and cannot fail.
        let (sender, me) = unsafe { (info.si_pid(), libc::getpid()) };
        // A process that has used up RLIMIT_SIGPENDING gets the bare signal, which looks like one from nobody.
        (info.si_code == libc::SI_TKILL && sender == me) || (info.si_code == libc::SI_USER && sender == 0)
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        let _ = info;
        true
    }
}
