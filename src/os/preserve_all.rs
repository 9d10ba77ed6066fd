//! A call that leaves the caller's general registers alone.
//!
//! An ordinary call may change half of them. So where a loop might make one, if only once in its life, the compiler keeps
//! what the loop works with in the other half, which the function has to save first, or on the stack; and the check costs
//! more than its two instructions. This call is to the loop around it nearly what a signal is: it comes, and nothing has
//! changed.
//!
//! Elsewhere, and where the compiler is older, it is an ordinary call.

#[cfg(all(sigalarm_preserve_all, not(miri)))]
mod x86_64;

#[cfg(all(sigalarm_preserve_all, not(miri)))]
pub(crate) use self::x86_64::{Callee, prepare};

/// A function that takes two references, of which it may keep the second, and returns what fits a register. An unwinding
/// that comes out of it ends the process.
pub(crate) type Function<A, B, R> = extern "C" fn(&A, &'static B) -> R;

/// What is to be called.
#[cfg(not(all(sigalarm_preserve_all, not(miri))))]
pub(crate) struct Callee<A, B: 'static, R>(Function<A, B, R>);

#[cfg(not(all(sigalarm_preserve_all, not(miri))))]
impl<A, B, R> Callee<A, B, R> {
    pub(crate) const fn new(function: Function<A, B, R>) -> Callee<A, B, R> {
        Callee(function)
    }

    /// Calls it, and changes no general register but that of the answer. Not before [`prepare`].
    #[inline(always)]
    pub(crate) fn call(&'static self, a: &A, b: &'static B) -> R {
        (self.0)(a, b)
    }
}

/// Looks at what registers there are.
#[cfg(not(all(sigalarm_preserve_all, not(miri))))]
pub(crate) fn prepare() {}
