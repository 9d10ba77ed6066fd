//! What a check calls when the flag is set.
//!
//! It asks by a call that leaves the general registers of the loop around it alone, and through which nothing unwinds.

use std::panic::Location;
use std::thread;

use super::{answer, answer_here};
use crate::error::TimedOut;
use crate::os::preserve_all::Callee;
use crate::schedule::Key;

/// That an alarm has expired. No more than a pointer, which fits a register.
#[repr(transparent)]
pub(crate) struct News(Box<TimedOut>);

/// What a check asks, and about what, in the name of the code at a place. No news is good news.
pub(crate) type Question<K> = Callee<K, Location<'static>, Option<News>>;

/// Has this alarm expired, or one that encloses it?
pub(crate) static HAS_EXPIRED: Question<Key> = Question::new(has_expired);

/// Has any alarm of the calling thread?
pub(crate) static HAS_ANY_EXPIRED: Question<()> = Question::new(has_any_expired);

/// Has this alarm expired, so that the calling thread should unwind? It should not if it does already.
pub(crate) static MUST_UNWIND: Question<Key> = Question::new(must_unwind);

/// Has any, so that it should?
pub(crate) static MUST_UNWIND_FOR_ANY: Question<()> = Question::new(must_unwind_for_any);

extern "C" fn has_expired(key: &Key, location: &'static Location<'static>) -> Option<News> {
    News::of(answer(*key, location))
}

extern "C" fn has_any_expired(_: &(), location: &'static Location<'static>) -> Option<News> {
    News::of(answer_here(location))
}

extern "C" fn must_unwind(key: &Key, location: &'static Location<'static>) -> Option<News> {
    has_expired(key, location).filter(|_| !thread::panicking())
}

extern "C" fn must_unwind_for_any(any: &(), location: &'static Location<'static>) -> Option<News> {
    has_any_expired(any, location).filter(|_| !thread::panicking())
}

impl News {
    fn of(answer: Result<(), TimedOut>) -> Option<News> {
        answer.err().map(|timed_out| News(Box::new(timed_out)))
    }

    pub(crate) fn timed_out(self) -> TimedOut {
        *self.0
    }
}
