use super::*;

scenarios! {

fn blocked_threads_wake_at_the_deadline() {
    let alarm = after(US * (1 + choose(30)));
    let _threads = [spawn(|| block(&alarm)), spawn(|| block(&alarm))];
    if chance(2) {
        until_expired(&alarm);
    }
}

fn blocked_thread_while_alarms_are_armed_and_dropped() {
    let _thread = spawn(|| block(&after(US * (1 + choose(20)))));
    arm_and_drop(2, 20);
}

fn suspended_while_threads_are_blocked() {
    let alarm = after(US * (1 + choose(30)));
    let _threads = [spawn(|| block(&alarm)), spawn(|| block(&alarm))];
    pause_up_to(40);
    crate::suspended(|| {
        let action = machine().action;
        assert!(action == Disposition::DEFAULT || action.function == Function::Library);
        pause();
    });
    until_expired(&alarm);
}

fn ring_wakes_a_blocked_thread_while_it_leaves() {
    let alarm = without_deadline();
    let _threads = [spawn(|| block(&alarm)), spawn(|| block_for_a_moment(&alarm))];
    pause_up_to(40);
    if machine().discards_pending && chance(2) {
        crate::suspended(pause);
    }
    alarm.ring();
}

fn ring_on_wakes_a_blocked_thread_while_it_leaves() {
    let alarm = Alarm::builder().ring_on(SIGINT).arm().expect("arming");
    machine::send_from_outside(Source::CtrlC);
    let threads = [spawn(|| block(&alarm)), spawn(|| block_for_a_moment(&alarm))];
    if machine().discards_pending && chance(2) {
        crate::suspended(|| pause_up_to(40));
    }
    drop(threads);
    assert_eq!(until_error(|| alarm.check(), || None).cause(), Cause::Signal(SIGINT));
}

fn blocking_call_that_blocks_sigalrm() {
    let alarm = after(US * (1 + choose(20)));
    let _thread = spawn(|| drop(alarm.blocking(|| {
        machine::change_mask(true);
        Ok(())
    })));
    until_expired(&alarm);
}

}

fn block(alarm: &Alarm) {
    let e = alarm.blocking(|| -> io::Result<()> {
        machine::block_until_signal();
        Err(io::ErrorKind::Interrupted.into())
    });
    assert_eq!(e.unwrap_err().kind(), io::ErrorKind::TimedOut);
}

fn block_for_a_moment(alarm: &Alarm) {
    let _ = alarm.blocking(|| {
        pause_up_to(20);
        Ok(())
    });
}
