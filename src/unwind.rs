//! Stopping code whose signatures cannot carry a `Result`.
//!
//! Between a comparator inside `sort_by` and whoever set the limit stand frames that know nothing of a
//! [`TimedOut`]. What passes through them is an unwinding, the way a panic leaves. It is not a panic: no panic
//! hook runs, nothing is printed, and what travels is of a private type, so that nothing but a check of ours
//! raises it and nothing but a [`catch`](Alarm::catch) of ours takes it.
//!
//! An unwinding that nobody catches would end its thread without a word. So every `catch` leaves a note while
//! it is under way, and a check that finds no note panics aloud instead.

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe, Location};
use std::sync::atomic::{AtomicUsize, Ordering};

use sigalarm_core::implementer;

use crate::alarm::Alarm;
use crate::error::{AlarmId, TimedOut};
use crate::runtime;

/// What travels.
struct Expired(TimedOut);

impl Alarm {
    /// The check for code that cannot return a `Result`: unwinds to the [`catch`](Alarm::catch) of the alarm
    /// that has expired, this one or one that encloses it.
    ///
    /// Costs one load and one branch that is not taken, as [`check`](Alarm::check) does. The unwinding runs
    /// the destructors on its way and takes microseconds; the panic hook does not run.
    ///
    /// Where the thread is unwinding already, in a destructor, it returns whatever has expired: a second
    /// unwinding out of a destructor would abort the process. A long destructor wants `check`.
    ///
    /// <div class="warning">
    ///
    /// An unwinding that reaches an `extern "C"` function written in Rust aborts the process. In a callback
    /// for a C library (`qsort`, SQLite) note what `check` says, and return.
    ///
    /// </div>
    ///
    /// # Panics
    ///
    /// With the time-out for a message, if the alarm has expired and nobody is there to catch: no `catch` is
    /// under way on this thread, nor, for that alarm, on another. Under `panic = "abort"` nobody ever is.
    ///
    /// # Examples
    ///
    /// ```
    /// use sigalarm::Alarm;
    /// use std::time::Duration;
    ///
    /// let alarm = Alarm::after(Duration::ZERO)?;
    /// let mut numbers = [3, 1, 2];
    /// let sorted = alarm.catch(|| {
    ///     numbers.sort_by(|a, b| {
    ///         alarm.unwind_if_expired();
    ///         a.cmp(b)
    ///     });
    /// });
    /// assert!(alarm.owns(&sorted.unwrap_err()));
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    #[inline]
    #[track_caller]
    pub fn unwind_if_expired(&self) {
        if let Err(e) = self.check_to_unwind(Location::caller()) {
            raise(e);
        }
    }

    /// Runs `f` and catches what [`unwind_if_expired`](Alarm::unwind_if_expired) raises in it.
    ///
    /// It takes nothing else. A panic stays a panic and passes on as it is, also one that carries a
    /// [`TimedOut`]. So does the expiry of another alarm, if a `catch` of that alarm is under way further out
    /// on this thread. If none is, because that alarm's owner looks for `Err`s, it is handed back here as an
    /// `Err`, as `check` would hand it: [`owns`](Alarm::owns) tells.
    ///
    /// On another thread the unwinding ends where that thread ends. Whoever joins it there, and resumes what
    /// [`join`](std::thread::JoinHandle::join) hands over with [`std::panic::resume_unwind`], as rayon does
    /// by itself, brings it to this `catch`.
    ///
    /// Costs some nanoseconds when nothing is raised, and memory once for each thread. The alarm may have
    /// expired before; `f` runs until it checks.
    ///
    /// `f` need not be [`UnwindSafe`](std::panic::UnwindSafe). That trait warns of state left half-changed by
    /// a panic at an unknown place; here it happens at a check that the program wrote, as with the early
    /// return of `check()?`, and what panics at unknown places does not stop here. What remains is the state
    /// of somebody else's code that called back: std's own is sound (after a `sort_by` all elements are
    /// there, in an order that nobody specifies); for other code, see what it says of callbacks that panic.
    ///
    /// # Errors
    ///
    /// The [`TimedOut`] that was raised.
    ///
    /// # Compile-time errors
    ///
    /// Under `panic = "abort"` nothing can be caught, and a limit would end the process. A program built so
    /// that calls `catch` does not compile.
    ///
    /// # Examples
    ///
    /// ```
    /// use sigalarm::{Alarm, unwind_if_expired};
    /// use std::time::Duration;
    ///
    /// fn visit(tree: &[u32], visitor: &mut dyn FnMut(u32)) { // somebody else's: no `Result` in sight
    ///     tree.iter().for_each(|&leaf| visitor(leaf));
    /// }
    ///
    /// let alarm = Alarm::after(Duration::from_secs(10))?;
    /// let mut sum = 0;
    /// let visited = alarm.catch(|| {
    ///     visit(&[1, 2, 3], &mut |leaf| {
    ///         unwind_if_expired();
    ///         sum += leaf;
    ///     });
    /// });
    /// match visited {
    ///     Ok(()) => assert_eq!(sum, 6),
    ///     Err(timed_out) => eprintln!("{sum} so far: {timed_out}"),
    /// }
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn catch<T>(&self, f: impl FnOnce() -> T) -> Result<T, TimedOut> {
        const {
            assert!(
                cfg!(panic = "unwind"),
                "`Alarm::catch` cannot catch anything under panic = \"abort\": \
                 build with panic = \"unwind\", or pass the time-out on with `check()?`"
            );
        }
        catch(self, f)
    }
}

/// The check for code that can neither return a `Result` nor reach the guard: asks every alarm of the calling
/// thread, and unwinds to the [`catch`](Alarm::catch) of the outermost that has expired.
///
/// To [`Alarm::unwind_if_expired`] what [`checkpoint`](crate::checkpoint()) is to [`Alarm::check`], and as cheap. It does
/// nothing where no alarm is armed, and while the thread is unwinding already.
///
/// # Panics
///
/// As [`Alarm::unwind_if_expired`]: if an alarm has expired and nobody is there to catch.
///
/// # Examples
///
/// ```
/// use sigalarm::{Alarm, unwind_if_expired};
/// use std::time::Duration;
///
/// fn fibonacci(n: u32) -> u64 {
///     unwind_if_expired();
///     if n < 2 { n.into() } else { fibonacci(n - 1) + fibonacci(n - 2) }
/// }
///
/// assert_eq!(fibonacci(10), 55); // no limit
///
/// let alarm = Alarm::after(Duration::from_millis(5))?;
/// assert!(alarm.catch(|| fibonacci(90)).is_err());
/// # Ok::<(), sigalarm::ArmError>(())
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
    if !Note::exists(e.alarm()) {
        panic!("{e}, and no `Alarm::catch` is there to take it");
    }
    panic::resume_unwind(Box::new(Expired(e)))
}

/// [`Alarm::catch`], for what works under `panic = "abort"` as well, without catching.
pub(crate) fn catch<T>(alarm: &Alarm, f: impl FnOnce() -> T) -> Result<T, TimedOut> {
    let note = Note::leave(alarm.id());
    let outcome = panic::catch_unwind(AssertUnwindSafe(f));
    drop(note);
    outcome.or_else(|payload| match payload.downcast::<Expired>() {
        Ok(expired) if !alarm.owns(&expired.0) && Note::is_on_this_thread(expired.0.alarm()) => {
            panic::resume_unwind(expired)
        }
        Ok(expired) => Err(expired.0),
        Err(panic) => panic::resume_unwind(panic),
    })
}

/// "Here is a `catch` of this alarm", as long as it lives.
struct Note(AlarmId);

thread_local! {
    /// The notes of this thread, the outermost first.
    static HERE: RefCell<Vec<AlarmId>> = const { RefCell::new(Vec::new()) };
}

/// How many notes there are on any thread, each counted in the box that its alarm's number falls into.
///
/// Without a lock, so that a fork has nothing to break. Two alarms may share a box; then an unwinding that
/// nobody catches may end its thread in silence, and nothing worse. Relaxed, for a note matters to a thread
/// only if it was handed work from under the `catch`, and that handing over orders the two.
static ANYWHERE: [AtomicUsize; 256] = [const { AtomicUsize::new(0) }; 256];

impl Note {
    fn leave(alarm: AlarmId) -> Note {
        // In the destructors of a thread's last variables the list may be gone. Then the boxes alone know.
        let _ = HERE.try_with(|here| here.borrow_mut().push(alarm));
        Note::boxed(alarm).fetch_add(1, Ordering::Relaxed);
        Note(alarm)
    }

    /// Whether anybody may take what this alarm raises on this thread: a `catch` on this thread, whosever it
    /// is, or one of this alarm on another.
    fn exists(alarm: AlarmId) -> bool {
        cfg!(panic = "unwind")
            && (HERE.try_with(|here| !here.borrow().is_empty()).unwrap_or(false)
                || Note::boxed(alarm).load(Ordering::Relaxed) > 0)
    }

    fn is_on_this_thread(alarm: AlarmId) -> bool {
        HERE.try_with(|here| here.borrow().contains(&alarm)).unwrap_or(false)
    }

    fn boxed(alarm: AlarmId) -> &'static AtomicUsize {
        &ANYWHERE[(implementer::number(alarm) % ANYWHERE.len() as u64) as usize]
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        let _ = HERE.try_with(|here| here.borrow_mut().pop());
        Note::boxed(self.0).fetch_sub(1, Ordering::Relaxed);
    }
}
