use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};

/// A trait whose name the compiler prints when a guard is moved to another thread.
pub(crate) trait GuardStaysOnItsThread: Sync + Unpin + UnwindSafe + RefUnwindSafe {}

/// A marker that is not `Send`, because its trait does not require `Send`.
pub(crate) type NotSend = PhantomData<dyn GuardStaysOnItsThread>;
