use super::machine::{Source, call};

pub(crate) fn send_alarm() {
    call(|machine, _| machine.send(Source::Kill));
}

pub(crate) fn send_again(number: usize) {
    assert_eq!(number, nix::libc::SIGINT as usize);
    call(|machine, _| machine.send(Source::CtrlC));
}

pub(crate) fn raise_alarm() {
    call(|machine, me| machine.send_to(me, Source::Raise));
}

pub(crate) fn is_alarm_pending() -> bool {
    call(|machine, me| machine.is_pending(me))
}
