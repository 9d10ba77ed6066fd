//! Simulated thread-locals: shuttle runs all threads on one system thread.

use std::cell::RefCell;
use std::collections::HashMap;

use super::machine;

pub(crate) struct LocalKey<T: 'static> {
    pub(crate) new: fn() -> T,
    pub(crate) values: RefCell<Option<HashMap<(u64, usize), &'static T>>>,
}

// SAFETY: as for `machine::OneThread`.
unsafe impl<T> Sync for LocalKey<T> {}

impl<T> LocalKey<T> {
    pub(crate) fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        let value: &'static T = {
            let mut values = self.values.borrow_mut();
            let values = values.get_or_insert_default();
            let key = (machine::epoch(), machine::me());
            values.retain(|(epoch, _), _| *epoch == key.0);
            values.entry(key).or_insert_with(|| Box::leak(Box::new((self.new)())))
        };
        f(value)
    }
}

macro_rules! thread_local_of_the_machine {
    ($(#[$meta:meta])* static $name:ident: $type:ty = const $init:block; $($rest:tt)*) => {
        $(#[$meta])*
        static $name: $crate::os::local::LocalKey<$type> =
            $crate::os::local::LocalKey { new: || $init, values: std::cell::RefCell::new(None) };
        thread_local! { $($rest)* }
    };
    () => {};
}
pub(crate) use thread_local_of_the_machine as thread_local;
