use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};

/// A trait that the compiler's error names when a guard is moved to another thread.
pub(crate) trait GuardStaysOnItsThread: Sync + Unpin + UnwindSafe + RefUnwindSafe {}

pub(crate) type NotSend = PhantomData<dyn GuardStaysOnItsThread>;
