//! A marker that makes a guard not `Send`.

use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};

/// The trait that the compiler names when a guard is moved to another thread.
///
/// The guard restores its thread's signal mask and timer, so it is dropped there.
pub(crate) trait GuardStaysOnItsThread: Sync + Unpin + UnwindSafe + RefUnwindSafe {}

/// A trait object is `Send` only if its trait requires `Send`.
pub(crate) type NotSend = PhantomData<dyn GuardStaysOnItsThread>;
