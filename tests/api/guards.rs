//! What the types of the guards allow. That none of them is `Send` is a test of `macros/tests/ui`.

use std::panic::{RefUnwindSafe, UnwindSafe};

use sigalarm::testing::TestAlarm;
use sigalarm::{Alarm, Entered, Ticker};

#[test]
fn guards_are_shared_between_threads_and_live_through_a_panic() {
    fn allows<T: Sync + Unpin + UnwindSafe + RefUnwindSafe>() {}
    allows::<Alarm>();
    allows::<Ticker>();
    allows::<Entered<'_>>();
    allows::<TestAlarm>();
}
