//! Auto traits of the guards. `macros/tests/ui` tests that no guard is `Send`.

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
