//! The command line, parsed like GNU's `getopt_long`.

use std::ffi::{OsStr, OsString, c_int};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use nix::libc::SIGTERM;

use crate::message::quote;
use crate::{duration, signals};

pub enum Request {
    Run(Options),
    Help,
    Version,
}

pub struct Options {
    /// Zero means no limit, as for `kill_after`.
    pub limit: Duration,
    pub signal: c_int,
    pub kill_after: Duration,
    pub preserve_status: bool,
    pub foreground: bool,
    pub verbose: bool,
    pub command: OsString,
    pub arguments: Vec<OsString>,
}

/// The error message, if there is one besides the usage hint.
type Wrong = Option<String>;

#[derive(Clone, Copy)]
enum Flag {
    KillAfter,
    Signal,
    Verbose,
    Foreground,
    PreserveStatus,
    Help,
    Version,
}

use Flag::*;

impl Flag {
    fn takes_value(self) -> bool {
        matches!(self, KillAfter | Signal)
    }
}

const LONG: [(&str, Flag); 7] = [
    ("kill-after", KillAfter),
    ("signal", Signal),
    ("verbose", Verbose),
    ("foreground", Foreground),
    ("preserve-status", PreserveStatus),
    ("help", Help),
    ("version", Version),
];

const SHORT: [(u8, Flag); 5] =
    [(b'k', KillAfter), (b's', Signal), (b'v', Verbose), (b'f', Foreground), (b'p', PreserveStatus)];

pub fn parse<'a>(mut arguments: impl Iterator<Item = &'a OsStr>) -> Result<Request, Wrong> {
    let mut options = Options {
        limit: Duration::ZERO,
        signal: SIGTERM,
        kill_after: Duration::ZERO,
        preserve_status: false,
        foreground: false,
        verbose: false,
        command: OsString::new(),
        arguments: Vec::new(),
    };
    let mut first = arguments.next();
    while let Some(argument) = first {
        match argument.as_bytes() {
            b"--" => {
                first = arguments.next();
                break;
            }
            [b'-', b'-', long @ ..] => {
                let (flag, value) = long_option(long, &mut arguments)?;
                if let Some(request) = options.set(flag, value)? {
                    return Ok(request);
                }
            }
            [b'-', short @ ..] if !short.is_empty() => {
                let mut letters = short;
                while let [letter, rest @ ..] = letters {
                    letters = rest;
                    let flag = short_option(*letter)?;
                    let mut value = OsStr::new("");
                    if flag.takes_value() {
                        let attached = (!rest.is_empty()).then(|| OsStr::from_bytes(rest));
                        value = attached.or_else(|| arguments.next()).ok_or_else(|| missing(*letter))?;
                        letters = &[];
                    }
                    options.set(flag, value)?;
                }
            }
            _ => break,
        }
        first = arguments.next();
    }
    let (Some(limit), Some(command)) = (first, arguments.next()) else { return Err(None) };
    options.limit = time(limit)?;
    options.command = command.to_owned();
    options.arguments = arguments.map(OsStr::to_owned).collect();
    Ok(Request::Run(options))
}

impl Options {
    fn set(&mut self, flag: Flag, value: &OsStr) -> Result<Option<Request>, Wrong> {
        match flag {
            KillAfter => self.kill_after = time(value)?,
            Signal => {
                let signal = value.to_str().and_then(signals::parse);
                self.signal = signal.ok_or_else(|| format!("{}: invalid signal", quote(value)))?;
            }
            Verbose => self.verbose = true,
            Foreground => self.foreground = true,
            PreserveStatus => self.preserve_status = true,
            Help => return Ok(Some(Request::Help)),
            Version => return Ok(Some(Request::Version)),
        }
        Ok(None)
    }
}

fn time(text: &OsStr) -> Result<Duration, Wrong> {
    let time = duration::parse(text.as_bytes());
    time.ok_or_else(|| Some(format!("invalid time interval {}", quote(text))))
}

fn short_option(letter: u8) -> Result<Flag, Wrong> {
    let found = SHORT.iter().find(|(name, _)| *name == letter);
    found.map(|(_, flag)| *flag).ok_or_else(|| Some(format!("invalid option -- '{}'", char::from(letter))))
}

fn missing(letter: u8) -> Wrong {
    Some(format!("option requires an argument -- '{}'", char::from(letter)))
}

/// Finds the option that `text` abbreviates; `text` may end with `=` and a value.
fn long_option<'a>(
    text: &'a [u8],
    arguments: &mut impl Iterator<Item = &'a OsStr>,
) -> Result<(Flag, &'a OsStr), Wrong> {
    let (start, value) = match text.iter().position(|byte| *byte == b'=') {
        Some(end) => (&text[..end], Some(OsStr::from_bytes(&text[end + 1..]))),
        None => (text, None),
    };
    let shown = String::from_utf8_lossy(text);
    let found: Vec<_> = LONG.iter().filter(|(name, _)| name.as_bytes().starts_with(start)).collect();
    let (name, flag) = match found[..] {
        [] => return Err(Some(format!("unrecognized option '--{shown}'"))),
        [only] => *only,
        _ => {
            let possibilities: String = found.iter().map(|(name, _)| format!(" '--{name}'")).collect();
            return Err(Some(format!("option '--{shown}' is ambiguous; possibilities:{possibilities}")));
        }
    };
    match (flag.takes_value(), value) {
        (false, None) => Ok((flag, OsStr::new(""))),
        (false, Some(_)) => Err(Some(format!("option '--{name}' doesn't allow an argument"))),
        (true, value) => match value.or_else(|| arguments.next()) {
            Some(value) => Ok((flag, value)),
            None => Err(Some(format!("option '--{name}' requires an argument"))),
        },
    }
}

pub fn help(name: &str) -> String {
    format!(
        "Usage: {name} [OPTION]... DURATION COMMAND [ARGUMENT]...
Run COMMAND, and end it if it still runs after DURATION.

  -s, --signal=SIGNAL       the signal to send at the limit, by name or number; TERM by default
  -k, --kill-after=DURATION send KILL if the command still runs this long after the first signal
  -p, --preserve-status     exit with the status of COMMAND even after a time-out
  -f, --foreground          stay in the terminal's foreground: COMMAND may read from it and gets its
                            signals; its child processes are not signalled
  -v, --verbose             print each signal that is sent on standard error
      --help                print this help and exit
      --version             print the version and exit

DURATION is a number, which may have a fraction, with s for seconds, m for minutes, h for hours or
d for days after it; seconds by default. Zero means no limit.

Exit status:
  124  COMMAND timed out, and --preserve-status was not given
  125  {name} itself failed
  126  COMMAND was found and cannot be run
  127  COMMAND was not found
  137  KILL was sent, to COMMAND or to {name}
  that of COMMAND otherwise; if a signal ended COMMAND, that signal ends {name} too
"
    )
}
