pub(crate) fn write_line(line: &[u8]) {
    panic!("a watchdog ends the process: {}", String::from_utf8_lossy(line))
}

pub(crate) fn exit(_: i32) -> ! {
    unreachable!("it has written a line")
}

pub(crate) fn abort() -> ! {
    unreachable!("it has written a line")
}

pub(crate) fn abort_on_return() {
    unreachable!("it has written a line")
}
