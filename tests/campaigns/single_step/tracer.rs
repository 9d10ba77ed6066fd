//! A thread that stands still between two of its instructions.

// To ask which signals wait takes a bare call.
#![allow(unsafe_code, clippy::undocumented_unsafe_blocks)]

use std::collections::HashMap;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::machine;
use super::tracee;
use crate::support::children;

/// No process is given more time than this to come to its end.
const HANG: Duration = Duration::from_secs(60);

/// A traced thread that stands still.
#[derive(Clone, Copy)]
pub struct Standing {
    pub process: Pid,
    pub thread: Pid,
}

/// Why a thread is not where it was to be brought.
#[derive(Debug)]
pub enum Astray {
    /// A signal came on the way.
    Signal,
    /// It went another way, or its process has come to an end.
    Elsewhere,
}

impl From<Errno> for Astray {
    fn from(_: Errno) -> Astray {
        Astray::Elsewhere // ESRCH: another thread has got what ends the process.
    }
}

/// The instructions of a run, by their addresses, and where each address comes for the first time.
pub struct Trace {
    pub pcs: Vec<u64>,
    /// The first address behind it.
    end: u64,
    first: HashMap<u64, usize>,
    /// For each, how often its address has come by then, itself included.
    times: Vec<usize>,
}

impl Trace {
    fn new(pcs: Vec<u64>, end: u64) -> Trace {
        let (mut first, mut counts) = (HashMap::new(), HashMap::new());
        let mut times = Vec::with_capacity(pcs.len());
        for (n, &pc) in pcs.iter().enumerate() {
            first.entry(pc).or_insert(n);
            let count = counts.entry(pc).or_insert(0);
            *count += 1;
            times.push(*count);
        }
        Trace { pcs, end, first, times }
    }

    pub fn len(&self) -> usize {
        self.pcs.len()
    }

    /// When the instruction at an address comes for the first time.
    pub fn place_of(&self, pc: u64) -> Option<usize> {
        self.first.get(&pc).copied()
    }

    /// Whether an instruction has come before by its address.
    pub fn is_repeated(&self, k: usize) -> bool {
        self.times[k] > 1
    }

    /// The last instruction up to the `k`-th that has not been before: a thread that runs until it comes to its
    /// address is there for the first time, and is only to be stepped over what is left.
    fn anchor(&self, k: usize) -> usize {
        (0..=k).rev().find(|&n| self.first[&self.pcs[n]] == n).unwrap_or(0)
    }
}

fn wait(which: Pid) -> WaitStatus {
    loop {
        match waitpid(which, Some(WaitPidFlag::__WALL)) {
            Err(Errno::EINTR) => {}
            other => return other.expect("a child of ours"),
        }
    }
}

/// Forks a process that runs `body` until one of its threads, traced, has come to a [`trap`](machine::trap).
/// The error is the process's own end.
pub fn start(body: impl FnOnce()) -> Result<Standing, WaitStatus> {
    let process = match children::fork() {
        0 => tracee::live(body),
        pid => Pid::from_raw(pid),
    };
    next_trap(process)
}

/// Waits for a thread of the process to come to a trap, and steps over it.
pub fn next_trap(process: Pid) -> Result<Standing, WaitStatus> {
    loop {
        match wait(Pid::from_raw(-1)) {
            WaitStatus::Stopped(thread, Signal::SIGTRAP) => {
                let standing = Standing { process, thread };
                let _ = standing.leave_trap();
                return Ok(standing);
            }
            WaitStatus::Stopped(thread, signal) => {
                let _ = ptrace::cont(thread, signal);
            }
            end => return Err(end),
        }
    }
}

impl Standing {
    pub fn pc(&self) -> Result<u64, Astray> {
        Ok(machine::pc(&ptrace::getregs(self.thread)?))
    }

    fn set_pc(&self, pc: u64) -> Result<(), Astray> {
        let mut registers = ptrace::getregs(self.thread)?;
        machine::set_pc(&mut registers, pc);
        Ok(ptrace::setregs(self.thread, registers)?)
    }

    pub fn leave_trap(&self) -> Result<(), Astray> {
        match machine::LENGTH_OF_A_TRAP - machine::BEHIND_A_TRAP {
            0 => Ok(()),
            skip => self.set_pc(self.pc()? + skip),
        }
    }

    fn word(&self, address: u64) -> Result<libc::c_long, Astray> {
        Ok(ptrace::read(self.thread, address as *mut c_void)?)
    }

    fn put(&self, address: u64, word: libc::c_long) -> Result<(), Astray> {
        Ok(ptrace::write(self.thread, address as *mut c_void, word)?)
    }

    /// One instruction; a signal that comes first is said.
    pub fn step(&self, with: Option<Signal>) -> Result<(), Astray> {
        ptrace::step(self.thread, with)?;
        arrived(wait(self.thread))
    }

    /// The instructions from here to the `end` of the window; signals are put off until then. If `enters`, also those
    /// that follow, up to the next system call.
    pub fn trace(&self, end: u64, enters: bool) -> Result<Trace, Astray> {
        let (mut pcs, mut ended) = (Vec::new(), false);
        loop {
            let pc = self.pc()?;
            ended |= pc == end;
            if ended && !enters {
                return Ok(Trace::new(pcs, end));
            }
            pcs.push(pc);
            if ended && machine::is_system_call(self.word(pc)?) {
                return Ok(Trace::new(pcs, end));
            }
            loop {
                match self.step(None) {
                    Ok(()) => break,
                    Err(Astray::Signal) => {}
                    Err(astray) => return Err(astray),
                }
            }
        }
    }

    /// Runs on to the `k`-th instruction of a trace that begins here.
    pub fn run_to(&self, trace: &Trace, k: usize) -> Result<(), Astray> {
        /// As many steps take as long as one run to an address.
        const STEPS: usize = 5;
        let anchor = trace.anchor(k);
        if trace.times[k] * STEPS < k - anchor {
            for time in 0..trace.times[k] {
                if time > 0 {
                    self.step(None)?;
                }
                self.run_to_address(trace, trace.pcs[k])?;
            }
        } else {
            if anchor > 0 {
                self.run_to_address(trace, trace.pcs[anchor])?;
            }
            for _ in anchor..k {
                self.step(None)?;
            }
        }
        if self.pc()? == trace.pcs[k] { Ok(()) } else { Err(Astray::Elsewhere) }
    }

    /// Steps on to the `k`-th instruction of a trace that begins here, or, where it goes another way this time, to the next
    /// one at that address.
    pub fn step_to(&self, trace: &Trace, k: usize) -> Result<(), Astray> {
        let mut left = trace.times[k];
        for _ in 0..2 * trace.len() {
            let pc = self.pc()?;
            if pc == trace.pcs[k] {
                left -= 1;
            }
            if left == 0 {
                return Ok(());
            }
            if pc == trace.end && !trace.pcs.contains(&pc) {
                break;
            }
            self.step(None)?;
            // No quicker than when it was traced: a call that takes long is made again.
            std::thread::sleep(Duration::from_micros(1));
        }
        Err(Astray::Elsewhere)
    }

    /// Runs on until it comes to this address. It may go another way this time, and come to the end of the window first.
    fn run_to_address(&self, trace: &Trace, address: u64) -> Result<(), Astray> {
        if self.pc()? == address {
            return Ok(());
        }
        let both = [address, trace.end];
        self.run_to_one_of(if trace.pcs.contains(&trace.end) { &both[..1] } else { &both })
    }

    /// Runs on until it comes to one of these addresses. It is astray if that is not the first of them.
    fn run_to_one_of(&self, addresses: &[u64]) -> Result<(), Astray> {
        let words = addresses.iter().map(|&address| self.word(address)).collect::<Result<Vec<_>, _>>()?;
        for (&address, &word) in addresses.iter().zip(&words) {
            self.put(address, machine::with_trap(word))?;
        }
        ptrace::cont(self.thread, None)?;
        let came = arrived(wait_for(self.thread, HANG).ok_or(Astray::Elsewhere)?);
        if let Err(Astray::Elsewhere) = came {
            return came;
        }
        for (&address, &word) in addresses.iter().zip(&words) {
            self.put(address, word)?;
        }
        came?;
        if self.pc()? != addresses[0] + machine::BEHIND_A_TRAP {
            return Err(Astray::Elsewhere);
        }
        self.set_pc(addresses[0])
    }

    /// How many signals wait for the process, and for this thread of it.
    pub fn signals_waiting(&self) -> usize {
        let count = |flags| {
            let arguments = libc::ptrace_peeksiginfo_args { off: 0, flags, nr: 4 };
            let mut infos = MaybeUninit::<[libc::siginfo_t; 4]>::uninit();
            let found = unsafe {
                libc::ptrace(
                    libc::PTRACE_PEEKSIGINFO,
                    self.thread.as_raw(),
                    &raw const arguments,
                    infos.as_mut_ptr(),
                )
            };
            usize::try_from(found).unwrap_or(0)
        };
        count(libc::PTRACE_PEEKSIGINFO_SHARED) + count(0)
    }

    /// Lets the thread go on by itself, with whatever signals wait for it.
    pub fn release(&self) {
        // It may have died of what came for another thread.
        let _ = ptrace::detach(self.thread, None);
    }

    /// Makes an end of the process.
    pub fn end(&self) {
        let _ = kill(self.process, Signal::SIGKILL);
        // Until there is nobody left to wait for: it may have ended before.
        while waitpid(Pid::from_raw(-1), Some(WaitPidFlag::__WALL)) != Err(Errno::ECHILD) {}
    }
}

fn arrived(status: WaitStatus) -> Result<(), Astray> {
    match status {
        WaitStatus::Stopped(_, Signal::SIGTRAP) => Ok(()),
        WaitStatus::Stopped(..) => Err(Astray::Signal),
        _ => Err(Astray::Elsewhere),
    }
}

/// Waits for a thread to stop, but no longer than `time`.
pub fn wait_for(thread: Pid, time: Duration) -> Option<WaitStatus> {
    let began = Instant::now();
    loop {
        match waitpid(thread, Some(WaitPidFlag::__WALL | WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) | Err(Errno::EINTR) => {}
            other => return Some(other.expect("a child of ours")),
        }
        if began.elapsed() > time {
            return None;
        }
        std::thread::sleep(Duration::from_micros(20));
    }
}

/// Waits for a process to come to its end. Its threads that are still traced go on, with their signals.
pub fn end_of(process: Pid) -> Result<WaitStatus, String> {
    let began = Instant::now();
    loop {
        match wait_for(Pid::from_raw(-1), HANG.saturating_sub(began.elapsed())) {
            Some(WaitStatus::Stopped(thread, signal)) => {
                let trap = signal == Signal::SIGTRAP;
                if trap {
                    let _ = Standing { process, thread }.leave_trap();
                }
                let _ = ptrace::cont(thread, (!trap).then_some(signal));
            }
            Some(end) if end.pid() == Some(process) => return Ok(end),
            Some(_) => {}
            None => {
                let stack = std::fs::read_to_string(format!("/proc/{process}/syscall")).unwrap_or_default();
                Standing { process, thread: process }.end();
                return Err(format!("hangs (system call and registers: {})", stack.trim()));
            }
        }
    }
}
