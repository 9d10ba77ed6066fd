//! Signals as things to wait for, one after the other, on the one thread that there is.
//!
//! A handler that did the work itself could not look at what the program is doing, let alone arm a timer. So the
//! handlers only note which signal came and write a byte to a socket, and everything else is ordinary code: it reads
//! the socket, under the alarm, and so notices a signal, the end of the child (which is a signal, too) or the
//! deadline, whichever comes first.

use std::ffi::c_int;
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sigalarm::Alarm;
use signal_hook::consts::FORBIDDEN;
use signal_hook::{flag, low_level::pipe};

pub struct Inbox {
    letters: Vec<(c_int, Arc<AtomicBool>)>,
    bell: UnixStream,
}

impl Inbox {
    /// Takes `signals` in from now on, each of them once if it is there twice. Those that no handler can or should
    /// have (KILL, STOP, and faults such as SEGV) are left alone.
    pub fn open(signals: &[c_int]) -> io::Result<Inbox> {
        let (bell, ringer) = UnixStream::pair()?;
        let mut inbox = Inbox { letters: Vec::new(), bell };
        for &signal in signals {
            if signal == 0 || FORBIDDEN.contains(&signal) || inbox.letters.iter().any(|(s, _)| *s == signal) {
                continue;
            }
            let letter = Arc::new(AtomicBool::new(false));
            // In this order: whoever reads the byte must find the letter.
            flag::register(signal, letter.clone())?;
            pipe::register(signal, ringer.try_clone()?)?;
            inbox.letters.push((signal, letter));
        }
        Ok(inbox)
    }

    /// Waits for a signal to come.
    ///
    /// At the deadline an error of kind [`io::ErrorKind::TimedOut`].
    pub fn next(&self, alarm: &Alarm) -> io::Result<c_int> {
        let mut bell = alarm.reader(&self.bell);
        loop {
            if let Some((signal, _)) = self.letters.iter().find(|(_, l)| l.swap(false, Ordering::Relaxed)) {
                return Ok(*signal);
            }
            let _rings = bell.read(&mut [0; 64])?;
        }
    }
}
