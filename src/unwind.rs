//! Unwinding from a check to an `Alarm::catch`. Without a `catch`, the unwinding would end the thread without a panic
//! message, because `resume_unwind` prints none. So the check panics instead.

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe, Location};
use std::sync::atomic::{AtomicUsize, Ordering};

use sigalarm_core::implementer;

use crate::alarm::Alarm;
use crate::error::{AlarmId, TimedOut};
use crate::runtime;

struct Unwinding(TimedOut);

impl Alarm {
    /// Checks the alarm in code without a `Result`. If an alarm has expired, unwinds to its [`catch`](Alarm::catch).
    ///
    /// The unwinding runs destructors, but not the panic hook. At an `extern "C"` function of Rust it **aborts the
    /// process**. So a callback from C must call [`check`](Alarm::check) and store the error. Does nothing on a thread
    /// that is already unwinding.
    ///
    /// # Panics
    ///
    /// Panics if an alarm has expired, unless any `catch` runs on this thread, or that alarm's `catch` runs on another.
    /// ```
    /// let alarm = sigalarm::testing::expired();
    /// let caught = alarm.catch(|| [3, 1, 2].sort_by_key(|_| alarm.unwind_if_expired()));
    /// assert!(alarm.owns(&caught.unwrap_err()));
    /// ```
    #[inline]
    #[track_caller]
    pub fn unwind_if_expired(&self) {
        if runtime::is_flag_set() {
            if let Err(e) = runtime::answer(runtime::unwind_alarm(&self.key, Location::caller())) {
                raise(e);
            }
        }
    }

    /// Runs `f` and catches the unwinding of [`unwind_if_expired`](Alarm::unwind_if_expired). Does not catch panics.
    /// Under `panic = "abort"` a call does not compile.
    ///
    /// The unwinding leaves functions as a panic does, so they must keep their data valid. An unwinding that
    /// starts on another thread ends that thread. To continue it on this thread, pass the error of `join` to
    /// [`resume_unwind`](std::panic::resume_unwind).
    ///
    /// # Errors
    ///
    /// The [`TimedOut`] of this alarm, or of an enclosing alarm that has no `catch` on this thread.
    /// ```
    /// let alarm = sigalarm::testing::expired();
    /// let caught = alarm.catch(|| [1, 2].iter().for_each(|_| sigalarm::unwind_if_expired()));
    /// assert!(caught.is_err());
    /// ```
    pub fn catch<T>(&self, f: impl FnOnce() -> T) -> Result<T, TimedOut> {
        const {
            assert!(
                cfg!(panic = "unwind"),
                "`Alarm::catch` cannot catch anything under panic = \"abort\": \
                 build with panic = \"unwind\", or return the error of `check()?`"
            );
        }
        catch(self, f)
    }
}

/// Checks the thread's alarms, and unwinds or panics as [`Alarm::unwind_if_expired`] does.
/// ```
/// fn fibonacci(n: u32) -> u64 {
///     sigalarm::unwind_if_expired();
///     if n < 2 { n.into() } else { fibonacci(n - 1) + fibonacci(n - 2) }
/// }
/// let alarm = sigalarm::testing::at_check(1_000);
/// assert!(alarm.catch(|| fibonacci(90)).is_err());
/// ```
#[inline]
#[track_caller]
pub fn unwind_if_expired() {
    if runtime::is_flag_set() {
        if let Err(e) = runtime::answer(runtime::unwind_thread(Location::caller())) {
            raise(e);
        }
    }
}

#[cold]
#[inline(never)]
#[track_caller]
fn raise(e: TimedOut) -> ! {
    if !Registration::exists(e.alarm()) {
        panic!("{e}, and no `Alarm::catch` is running");
    }
    panic::resume_unwind(Box::new(Unwinding(e)))
}

/// Implements `Alarm::catch` without its assertion, because `Best::within` must compile under `panic = "abort"`.
pub(crate) fn catch<T>(alarm: &Alarm, f: impl FnOnce() -> T) -> Result<T, TimedOut> {
    let registration = Registration::add(alarm.id());
    let outcome = panic::catch_unwind(AssertUnwindSafe(f));
    drop(registration);
    outcome.or_else(|payload| match payload.downcast::<Unwinding>() {
        Ok(unwinding)
            if !alarm.owns(&unwinding.0) && Registration::is_on_this_thread(unwinding.0.alarm()) =>
        {
            panic::resume_unwind(unwinding)
        }
        Ok(unwinding) => Err(unwinding.0),
        Err(panic) => panic::resume_unwind(panic),
    })
}

thread_local! {
    static ON_THIS_THREAD: RefCell<Vec<AlarmId>> = const { RefCell::new(Vec::new()) };
}

/// The number of running `catch`es of all threads, indexed by the alarm's number modulo 256. Counters need no lock,
/// which a fork could leave locked in the child. Relaxed operations suffice, because a thread that unwinds to another
/// thread's `catch` was started after that `catch` was counted.
///
/// Two alarms may share a counter. An unwinding without a `catch` may then end its thread without a message.
static ON_ANY_THREAD: [AtomicUsize; 256] = [const { AtomicUsize::new(0) }; 256];

struct Registration(AlarmId);

impl Registration {
    fn add(alarm: AlarmId) -> Registration {
        let _ = ON_THIS_THREAD.try_with(|alarms| alarms.borrow_mut().push(alarm));
        Registration::counter(alarm).fetch_add(1, Ordering::Relaxed);
        Registration(alarm)
    }

    fn exists(alarm: AlarmId) -> bool {
        cfg!(panic = "unwind")
            && (ON_THIS_THREAD.try_with(|alarms| !alarms.borrow().is_empty()).unwrap_or(false)
                || Registration::counter(alarm).load(Ordering::Relaxed) > 0)
    }

    fn is_on_this_thread(alarm: AlarmId) -> bool {
        ON_THIS_THREAD.try_with(|alarms| alarms.borrow().contains(&alarm)).unwrap_or(false)
    }

    fn counter(alarm: AlarmId) -> &'static AtomicUsize {
        &ON_ANY_THREAD[(implementer::number(alarm) % ON_ANY_THREAD.len() as u64) as usize]
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let _ = ON_THIS_THREAD.try_with(|alarms| alarms.borrow_mut().pop());
        Registration::counter(self.0).fetch_sub(1, Ordering::Relaxed);
    }
}
