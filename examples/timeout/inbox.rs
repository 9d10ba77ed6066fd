//! Receives signals one after the other on the only thread.
//!
//! Each handler sets a flag and writes a byte to a socket. The main code reads the socket under an alarm, so one read
//! ends at a signal, at the end of the child (SIGCHLD) or at the deadline.

use std::ffi::c_int;
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sigalarm::Alarm;
use signal_hook::consts::FORBIDDEN;
use signal_hook::low_level::pipe;

pub struct Inbox {
    flags: Vec<(c_int, Arc<AtomicBool>)>,
    socket: UnixStream,
}

impl Inbox {
    /// Handles `signals` from now on. Skips duplicates and those that must not be handled (KILL, STOP, faults).
    pub fn open(signals: &[c_int]) -> io::Result<Inbox> {
        let (socket, writer) = UnixStream::pair()?;
        let mut inbox = Inbox { flags: Vec::new(), socket };
        for &signal in signals {
            if signal == 0 || FORBIDDEN.contains(&signal) || inbox.flags.iter().any(|(s, _)| *s == signal) {
                continue;
            }
            let flag = Arc::new(AtomicBool::new(false));
            // The flag is set first, because a reader of the byte must find it set.
            signal_hook::flag::register(signal, flag.clone())?;
            pipe::register(signal, writer.try_clone()?)?;
            inbox.flags.push((signal, flag));
        }
        Ok(inbox)
    }

    /// Waits for a signal. Returns [`io::ErrorKind::TimedOut`] at the deadline.
    pub fn next(&self, alarm: &Alarm) -> io::Result<c_int> {
        let mut reader = alarm.reader(&self.socket);
        loop {
            if let Some((signal, _)) = self.flags.iter().find(|(_, flag)| flag.swap(false, Ordering::Relaxed))
            {
                return Ok(*signal);
            }
            let _ = reader.read(&mut [0; 64])?;
        }
    }
}
