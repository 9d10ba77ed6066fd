//! A marker that makes a guard not `Send`.

use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};

/// The compiler names this trait when a guard is moved to another thread.
pub(crate) trait GuardStaysOnItsThread: Sync + Unpin + UnwindSafe + RefUnwindSafe {}

/// A trait object is `Send` only if its trait requires `Send`.
pub(crate) type NotSend = PhantomData<dyn GuardStaysOnItsThread>;
