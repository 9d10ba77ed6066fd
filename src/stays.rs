//! Why a guard is not `Send`.

use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};

/// What the compiler names when a guard is moved to another thread. A guard changes the thread that made it (its signal
/// mask, its timer, its alarms), and is dropped there. Other threads borrow it.
///
/// A trait object is `Send` only if its trait says so.
pub(crate) trait GuardStaysOnItsThread: Sync + Unpin + UnwindSafe + RefUnwindSafe {}

/// A field that makes a guard stay on its thread.
pub(crate) type StaysOnItsThread = PhantomData<dyn GuardStaysOnItsThread>;
