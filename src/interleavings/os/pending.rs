use super::machine::{Source, call};

pub(crate) fn send(signal: i32) {
    let source = if signal == nix::libc::SIGALRM { Source::Kill } else { Source::CtrlC };
    call(|machine, _| machine.send(source));
}

pub(crate) fn raise_alarm() {
    call(|machine, me| machine.send_to(me, Source::Raise));
}

pub(crate) fn is_alarm_pending() -> bool {
    call(|machine, me| machine.is_pending(me))
}
