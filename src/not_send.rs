use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};

pub(crate) trait GuardStaysOnItsThread: Sync + Unpin + UnwindSafe + RefUnwindSafe {}

pub(crate) type NotSend = PhantomData<dyn GuardStaysOnItsThread>;
