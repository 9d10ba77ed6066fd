use super::*;

scenarios! {

fn blocked_threads_wake_at_the_deadline() {
    let alarm = after(US * (1 + choose(30)));
    let threads = [spawn(|| block(&alarm)), spawn(|| block(&alarm))];
    if choose(2) == 0 {
        until_expired(&alarm);
    }
    join(threads);
    drop(alarm);
    assert_restored(Disposition::DEFAULT);
}

fn blocked_thread_while_alarms_are_armed_and_dropped() {
    let thread = spawn(|| block(&after(US * (1 + choose(20)))));
    arm_and_drop(2, 20);
    thread.join();
    assert_restored(Disposition::DEFAULT);
}

/// The library's handler stays while another thread has alarms.
fn suspended_while_threads_are_blocked() {
    let alarm = after(US * (1 + choose(30)));
    let threads = [spawn(|| block(&alarm)), spawn(|| block(&alarm))];
    (0..choose(40)).for_each(|_| pause());
    crate::suspended(|| {
        let action = machine().action;
        assert!(action == Disposition::DEFAULT || action.function == Function::Library);
        pause();
    });
    until_expired(&alarm);
    join(threads);
    drop(alarm);
    assert_restored(Disposition::DEFAULT);
}

/// The blocked thread may leave, end or be suspended.
fn ring_wakes_a_blocked_thread_while_it_leaves() {
    let alarm = without_deadline();
    let threads = [spawn(|| block(&alarm)), spawn(|| block_for_a_moment(&alarm))];
    (0..choose(40)).for_each(|_| pause());
    if machine().discards_pending && choose(2) == 0 {
        crate::suspended(pause);
    }
    alarm.ring();
    join(threads);
    drop(alarm);
    assert_restored(Disposition::DEFAULT);
}

/// `ring_on` wakes the thread in the handler, without the lock.
fn ring_on_wakes_a_blocked_thread_while_it_leaves() {
    let alarm = Alarm::builder().ring_on(SIGINT).arm().expect("arming");
    let ctrl_c = machine::send_from_outside(Source::CtrlC);
    let threads = [spawn(|| block(&alarm)), spawn(|| block_for_a_moment(&alarm))];
    if machine().discards_pending && choose(2) == 0 {
        crate::suspended(|| (0..choose(40)).for_each(|_| pause()));
    }
    join(threads);
    let _ = ctrl_c.join();
    assert_eq!(until_error(|| alarm.check(), || None).cause(), Cause::Signal(SIGINT));
    drop(alarm);
    assert_restored(Disposition::DEFAULT);
}

fn blocking_call_that_blocks_sigalrm() {
    let alarm = after(US * (1 + choose(20)));
    let thread = spawn(|| {
        let _ = alarm.blocking(|| {
            machine::change_mask(true);
            Ok(())
        });
    });
    until_expired(&alarm);
    thread.join();
    drop(alarm);
    assert_restored(Disposition::DEFAULT);
}

}

/// Blocks until a signal, repeatedly.
fn block(alarm: &Alarm) {
    let e = alarm.blocking(|| -> io::Result<()> {
        machine::block_until_signal();
        Err(io::ErrorKind::Interrupted.into())
    });
    assert_eq!(e.unwrap_err().kind(), io::ErrorKind::TimedOut);
}

fn block_for_a_moment(alarm: &Alarm) {
    let _ = alarm.blocking(|| {
        (0..choose(20)).for_each(|_| pause());
        Ok(())
    });
}
