//! The flag, and the implementations that answer when it is set.

use alloc::boxed::Box;
use core::error::Error;
use core::fmt;
use core::panic::Location;

use crate::id::COUNTER;
use crate::os::{Flag, Slot};
use crate::{AlarmId, TimedOut};

/// As many implementations as a flag has bits.
const MOST: usize = 8;

/// What checks read, on cache lines of its own: nothing that is written often may share its line. (128 bytes, for processors
/// that fetch lines in pairs.) The hooks, which are written once and read when the flag is set, share it.
#[repr(align(128))]
struct Checked {
    flag: Flag,
    hooks: [Slot<Hook>; MOST],
}

static CHECKED: Checked = Checked { flag: Flag::new(), hooks: [const { Slot::empty() }; MOST] };

/// The flag that every check reads.
///
/// Relaxed suffices to read it, because it is a hint: the hook finds out what is so.
#[inline(always)]
pub fn flag() -> &'static Flag {
    &CHECKED.flag
}

/// What an implementation does when a check asks. See [`implementer`](crate::implementer).
#[derive(Clone, Copy, Debug)]
pub struct Hook {
    check: Check,
    before_error: fn(&TimedOut),
    signal_name: fn(i32) -> Option<&'static str>,
}

type Check = fn(Option<AlarmId>, &'static Location<'static>) -> Option<Box<TimedOut>>;

impl Hook {
    /// A hook that answers checks.
    ///
    /// `check` returns the error of the outermost of the calling thread's alarms that have expired. With an id, alarms that
    /// were armed after the alarm of that id are left out. It must not unwind: that aborts the process.
    pub const fn new(check: Check) -> Hook {
        Hook { check, before_error: |_| (), signal_name: |_| None }
    }

    /// `f` is called with each error of any implementation before a check returns it. It may panic, in the place of the
    /// check.
    pub const fn before_error(mut self, f: fn(&TimedOut)) -> Hook {
        self.before_error = f;
        self
    }

    /// `f` names the signals of this system.
    pub const fn signal_name(mut self, f: fn(i32) -> Option<&'static str>) -> Hook {
        self.signal_name = f;
        self
    }
}

/// The bit of the flag that one implementation has. It sets and clears no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bit(u8);

impl Bit {
    /// The byte in which this bit alone is set.
    pub const fn mask(self) -> u8 {
        self.0
    }
}

/// Eight implementations are registered already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany;

impl fmt::Display for TooMany {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("eight implementations of sigalarm-core are registered already")
    }
}

impl Error for TooMany {}

/// Registers an implementation for the life of the process. One that is registered already gets the same bit again.
///
/// Any thread may call it, without a lock: a process that is forked meanwhile has a table that is whole.
pub fn register(hook: &'static Hook) -> Result<Bit, TooMany> {
    let at = CHECKED.hooks.iter().position(|slot| core::ptr::eq(slot.fill(hook), hook));
    at.map(|at| Bit(1 << at)).ok_or(TooMany)
}

/// An id that no alarm of this process has; larger than all before.
pub fn next_id() -> AlarmId {
    AlarmId(COUNTER.next())
}

/// For a forked child, before it takes its first id: goes on far ahead, so that the parent gives out none of the child's.
pub fn skip_ids() {
    COUNTER.skip();
}

/// What the slow path of [`checkpoint`](crate::checkpoint()) does: asks every implementation whose bit is set.
///
/// A plain function that does not unwind, so that the loop around the check need not keep its values in memory in case it
/// did.
#[cold]
#[inline(never)]
pub extern "C" fn check_thread(location: &'static Location<'static>) -> Option<Box<TimedOut>> {
    ask(flag().bits(), None, location)
}

/// What the slow path of a check of one alarm returns: the outermost of `own`, which the alarm's implementation has found, and
/// of what the other implementations find among the alarms that enclose it on the calling thread.
///
/// To be called on the thread that has armed the alarm. On another one the alarm is enclosed by others than those that are
/// found here.
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

/// Asks every implementation whose bit is among these, also after one has answered: each counts the check.
fn ask(bits: u8, innermost: Option<AlarmId>, location: &'static Location<'static>) -> Option<Box<TimedOut>> {
    let asked = registered().enumerate().filter(|(at, _)| bits & (1 << at) != 0);
    asked.map(|(_, hook)| (hook.check)(innermost, location)).fold(None, outer_of)
}

/// The one whose alarm was armed first.
fn outer_of(a: Option<Box<TimedOut>>, b: Option<Box<TimedOut>>) -> Option<Box<TimedOut>> {
    a.into_iter().chain(b).min_by_key(|timed_out| timed_out.alarm())
}

/// What a check makes of its slow path's answer.
#[inline(always)]
pub fn answer(timed_out: Option<Box<TimedOut>>) -> Result<(), TimedOut> {
    match timed_out {
        None => Ok(()),
        Some(timed_out) => Err(error(timed_out)),
    }
}

/// On this side of the slow path, which does not unwind: a hook may panic here.
#[cold]
#[inline(never)]
fn error(timed_out: Box<TimedOut>) -> TimedOut {
    registered().for_each(|hook| (hook.before_error)(&timed_out));
    *timed_out
}

pub(crate) fn signal_name(number: i32) -> Option<&'static str> {
    registered().find_map(|hook| (hook.signal_name)(number))
}

/// Slots are filled in their order.
fn registered() -> impl Iterator<Item = &'static Hook> {
    CHECKED.hooks.iter().map_while(Slot::get)
}
