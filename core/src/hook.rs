use alloc::boxed::Box;
use core::error::Error;
use core::fmt;
use core::panic::Location;
#[cfg(not(target_has_atomic = "64"))]
use core::sync::atomic::AtomicU32 as Counter;
#[cfg(target_has_atomic = "64")]
use core::sync::atomic::AtomicU64 as Counter;
use core::sync::atomic::Ordering;

use crate::os::{Flag, Slot};
use crate::{AlarmId, TimedOut};

const MAX_HOOKS: usize = 8;

/// The flag, the byte that checks read, is the first field, so a check finds it at the address of the static, without
/// an addition. The alignment keeps other data out of its pair of cache lines, because writes there would slow checks.
#[repr(C, align(128))]
struct Checked {
    flag: Flag,
    hooks: [Slot<Hook>; MAX_HOOKS],
}

static CHECKED: Checked = Checked { flag: Flag::new(), hooks: [const { Slot::empty() }; MAX_HOOKS] };

/// Returns the flag. Checks use a relaxed load, because a set flag only makes them call the hooks, which decide.
#[inline(always)]
pub fn flag() -> &'static Flag {
    &CHECKED.flag
}

/// The functions of an implementation, a crate that arms alarms.
#[derive(Clone, Copy, Debug)]
pub struct Hook {
    check: Check,
    before_error: fn(&TimedOut),
    signal_name: fn(i32) -> Option<&'static str>,
}

type Check = fn(Option<AlarmId>, &'static Location<'static>) -> Option<Box<TimedOut>>;

impl Hook {
    /// Creates a hook. `check` returns the error of the calling thread's outermost expired alarm. If `check` gets an
    /// id, it ignores alarms with larger ids.
    pub const fn new(check: Check) -> Hook {
        Hook { check, before_error: |_| (), signal_name: |_| None }
    }

    /// Sets a function that gets each error before a check returns it, and that may panic.
    pub const fn before_error(mut self, f: fn(&TimedOut)) -> Hook {
        self.before_error = f;
        self
    }

    /// Sets a function that returns the names of signals.
    pub const fn signal_name(mut self, f: fn(i32) -> Option<&'static str>) -> Hook {
        self.signal_name = f;
        self
    }
}

/// The bit of the flag that belongs to one implementation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bit(u8);

impl Bit {
    /// Returns a byte with this bit set.
    pub const fn mask(self) -> u8 {
        self.0
    }
}

/// The error of a registration when all bits of the flag are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany;

impl fmt::Display for TooMany {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("eight implementations of sigalarm-core are registered already")
    }
}

impl Error for TooMany {}

/// Registers an implementation. A second call with the same hook returns the same bit. Takes no lock, because a forked
/// child could inherit it locked.
pub fn register(hook: &'static Hook) -> Result<Bit, TooMany> {
    let at = CHECKED.hooks.iter().position(|slot| core::ptr::eq(slot.fill(hook), hook));
    at.map(|at| Bit(1 << at)).ok_or(TooMany)
}

static LAST_ID: Counter = Counter::new(0);

/// Returns a new id, larger than all earlier ids. On a target without 64-bit atomics, ids repeat after 2^32.
#[allow(clippy::useless_conversion)] // Without 64-bit atomics the number is a `u32`.
pub fn next_id() -> AlarmId {
    AlarmId(u64::from(LAST_ID.fetch_add(1, Ordering::Relaxed)) + 1)
}

/// Skips 2^40 ids (2^20 without 64-bit atomics) in a forked child, so that its new ids differ from its parent's.
pub fn skip_ids() {
    LAST_ID.fetch_add(1 << if cfg!(target_has_atomic = "64") { 40 } else { 20 }, Ordering::Relaxed);
}

/// Returns the error of the thread's outermost expired alarm. `extern "C"` forbids unwinding, so a check needs no
/// clean-up code, and the caller's loop can keep values in registers.
#[cold]
#[inline(never)]
pub extern "C" fn check_thread(location: &'static Location<'static>) -> Option<Box<TimedOut>> {
    call_hooks(flag().bits(), None, location)
}

/// Returns the outermost error among `own` and those of other implementations' alarms that enclose `alarm`. Only the
/// thread that armed `alarm` may call this, because hooks check the alarms of the calling thread.
pub fn outermost(
    own: Option<Box<TimedOut>>,
    bit: u8,
    alarm: AlarmId,
    location: &'static Location<'static>,
) -> Option<Box<TimedOut>> {
    match flag().bits() & !bit {
        0 => own,
        others => outer_of(own, call_hooks(others, Some(alarm), location)),
    }
}

/// Calls the hook of each bit, even after an error, because alarms with a check limit count every check.
fn call_hooks(
    bits: u8,
    innermost: Option<AlarmId>,
    location: &'static Location<'static>,
) -> Option<Box<TimedOut>> {
    let called = registered().enumerate().filter(|(at, _)| bits & (1 << at) != 0);
    called.map(|(_, hook)| (hook.check)(innermost, location)).fold(None, outer_of)
}

fn outer_of(a: Option<Box<TimedOut>>, b: Option<Box<TimedOut>>) -> Option<Box<TimedOut>> {
    a.into_iter().chain(b).min_by_key(|timed_out| timed_out.alarm())
}

/// Converts the result of `check_thread` or `outermost` to that of a check.
#[inline(always)]
pub fn answer(timed_out: Option<Box<TimedOut>>) -> Result<(), TimedOut> {
    match timed_out {
        None => Ok(()),
        Some(timed_out) => Err(error(timed_out)),
    }
}

/// Calls each `before_error`. As these may panic, `check_thread`, which is `extern "C"`, cannot call them.
#[cold]
#[inline(never)]
fn error(timed_out: Box<TimedOut>) -> TimedOut {
    registered().for_each(|hook| (hook.before_error)(&timed_out));
    *timed_out
}

pub(crate) fn signal_name(number: i32) -> Option<&'static str> {
    registered().find_map(|hook| (hook.signal_name)(number))
}

/// Slots are filled in order, so an empty slot is the end.
fn registered() -> impl Iterator<Item = &'static Hook> {
    CHECKED.hooks.iter().map_while(Slot::get)
}
