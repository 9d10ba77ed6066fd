//! The flag, and the registered implementations.

use alloc::boxed::Box;
use core::error::Error;
use core::fmt;
use core::panic::Location;

use crate::id::COUNTER;
use crate::os::{Flag, Slot};
use crate::{AlarmId, TimedOut};

/// The number of bits in the flag.
const MOST: usize = 8;

/// The data that checks read. The alignment keeps frequently written data out of its cache lines. Some processors
/// fetch 64-byte lines in pairs.
#[repr(align(128))]
struct Checked {
    flag: Flag,
    hooks: [Slot<Hook>; MOST],
}

static CHECKED: Checked = Checked { flag: Flag::new(), hooks: [const { Slot::empty() }; MOST] };

/// Returns the flag that every check reads.
///
/// A relaxed load suffices: the hook decides whether an alarm has expired.
#[inline(always)]
pub fn flag() -> &'static Flag {
    &CHECKED.flag
}

/// The functions of one implementation. See [`implementer`](crate::implementer).
#[derive(Clone, Copy, Debug)]
pub struct Hook {
    check: Check,
    before_error: fn(&TimedOut),
    signal_name: fn(i32) -> Option<&'static str>,
}

type Check = fn(Option<AlarmId>, &'static Location<'static>) -> Option<Box<TimedOut>>;

impl Hook {
    /// Creates a hook.
    ///
    /// `check` returns the error of the calling thread's outermost expired alarm. With `Some(id)`, it ignores alarms
    /// with a larger id. It must not unwind: unwinding aborts the process.
    pub const fn new(check: Check) -> Hook {
        Hook { check, before_error: |_| (), signal_name: |_| None }
    }

    /// Sets a function that receives each error of any implementation before the check returns it. The function may
    /// panic.
    pub const fn before_error(mut self, f: fn(&TimedOut)) -> Hook {
        self.before_error = f;
        self
    }

    /// Sets a function that returns a signal's name.
    pub const fn signal_name(mut self, f: fn(i32) -> Option<&'static str>) -> Hook {
        self.signal_name = f;
        self
    }
}

/// The bit of the flag that belongs to one implementation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bit(u8);

impl Bit {
    /// Returns a byte with only this bit set.
    pub const fn mask(self) -> u8 {
        self.0
    }
}

/// The error of a ninth registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany;

impl fmt::Display for TooMany {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("eight implementations of sigalarm-core are registered already")
    }
}

impl Error for TooMany {}

/// Registers an implementation for the life of the process. A registered hook gets its bit again.
///
/// The function takes no lock, so a concurrent `fork` is safe.
pub fn register(hook: &'static Hook) -> Result<Bit, TooMany> {
    let at = CHECKED.hooks.iter().position(|slot| core::ptr::eq(slot.fill(hook), hook));
    at.map(|at| Bit(1 << at)).ok_or(TooMany)
}

/// Returns a new id, larger than all earlier ids of the process.
pub fn next_id() -> AlarmId {
    AlarmId(COUNTER.next())
}

/// Skips 2^40 ids. A forked child calls it before its first id, so parent and child share no id.
pub fn skip_ids() {
    COUNTER.skip();
}

/// Returns the error of the thread's outermost expired alarm. This is the slow path of
/// [`checkpoint`](crate::checkpoint()).
///
/// An `extern "C"` function does not unwind, so the caller's loop can keep its values in registers.
#[cold]
#[inline(never)]
pub extern "C" fn check_thread(location: &'static Location<'static>) -> Option<Box<TimedOut>> {
    ask(flag().bits(), None, location)
}

/// Returns the outermost error for a check of one alarm: `own`, or the error of an enclosing alarm of another
/// implementation.
///
/// `bit` is the alarm's implementation. Only the thread that armed the alarm may call this function.
pub fn outermost(
    own: Option<Box<TimedOut>>,
    bit: u8,
    alarm: AlarmId,
    location: &'static Location<'static>,
) -> Option<Box<TimedOut>> {
    match flag().bits() & !bit {
        0 => own,
        others => outer_of(own, ask(others, Some(alarm), location)),
    }
}

/// Calls every hook in `bits`. An error does not end the loop, because each hook counts checks.
fn ask(bits: u8, innermost: Option<AlarmId>, location: &'static Location<'static>) -> Option<Box<TimedOut>> {
    let asked = registered().enumerate().filter(|(at, _)| bits & (1 << at) != 0);
    asked.map(|(_, hook)| (hook.check)(innermost, location)).fold(None, outer_of)
}

/// Returns the error with the smaller id.
fn outer_of(a: Option<Box<TimedOut>>, b: Option<Box<TimedOut>>) -> Option<Box<TimedOut>> {
    a.into_iter().chain(b).min_by_key(|timed_out| timed_out.alarm())
}

/// Converts the slow path's result, and calls the `before_error` functions.
#[inline(always)]
pub fn answer(timed_out: Option<Box<TimedOut>>) -> Result<(), TimedOut> {
    match timed_out {
        None => Ok(()),
        Some(timed_out) => Err(error(timed_out)),
    }
}

/// A separate function from the slow path, because `before_error` may unwind.
#[cold]
#[inline(never)]
fn error(timed_out: Box<TimedOut>) -> TimedOut {
    registered().for_each(|hook| (hook.before_error)(&timed_out));
    *timed_out
}

pub(crate) fn signal_name(number: i32) -> Option<&'static str> {
    registered().find_map(|hook| (hook.signal_name)(number))
}

/// Registration fills the slots in order.
fn registered() -> impl Iterator<Item = &'static Hook> {
    CHECKED.hooks.iter().map_while(Slot::get)
}
