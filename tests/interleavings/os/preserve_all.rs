//! A call, and no more: registers are not played.

pub(crate) type Function<A, B, R> = extern "C" fn(&A, &'static B) -> R;

pub(crate) struct Callee<A, B: 'static, R>(Function<A, B, R>);

impl<A, B, R> Callee<A, B, R> {
    pub(crate) const fn new(function: Function<A, B, R>) -> Callee<A, B, R> {
        Callee(function)
    }

    pub(crate) fn call(&'static self, a: &A, b: &'static B) -> R {
        (self.0)(a, b)
    }
}

pub(crate) fn prepare() {}
