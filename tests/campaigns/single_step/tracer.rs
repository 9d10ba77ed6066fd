//! A thread stopped between two of its instructions.

#![allow(unsafe_code, clippy::undocumented_unsafe_blocks)]

use std::collections::HashMap;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::machine;
use super::tracee;
use crate::support::children;
use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

const HANG: Duration = Duration::from_secs(60);

#[derive(Clone, Copy)]
pub struct Standing {
    pub process: Pid,
    pub thread: Pid,
}

/// Why a thread did not reach its instruction.
#[derive(Debug)]
pub enum Astray {
    /// A signal was delivered first.
    Signal,
    /// The thread took another path, or the process ended.
    Elsewhere,
    /// The time for a sample is over.
    Busy,
}

static END: OnceLock<Instant> = OnceLock::new();

/// Lets every step fail after `time`: on a busy machine a step takes milliseconds, and a window has thousands.
pub fn end_after(time: Duration) {
    let _ = END.set(Instant::now() + time);
}

pub fn is_over() -> bool {
    END.get().is_some_and(|end| Instant::now() > *end)
}

impl From<Errno> for Astray {
    fn from(_: Errno) -> Astray {
        Astray::Elsewhere // ESRCH: another thread handles the deadly signal.
    }
}

/// The instructions of a run by address, and the first index of each address.
pub struct Trace {
    pub pcs: Vec<u64>,
    /// The first address after the window.
    end: u64,
    first: HashMap<u64, usize>,
    /// For each instruction, how often its address has occurred so far, inclusive.
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

    pub fn place_of(&self, pc: u64) -> Option<usize> {
        self.first.get(&pc).copied()
    }

    /// Returns whether the address of instruction `k` has occurred before.
    pub fn is_repeated(&self, k: usize) -> bool {
        self.times[k] > 1
    }

    /// Returns the last instruction up to `k` whose address is new: the last that a breakpoint can reach.
    fn anchor(&self, k: usize) -> usize {
        (0..=k).rev().find(|&n| self.first[&self.pcs[n]] == n).unwrap_or(0)
    }
}

fn wait(which: Pid) -> WaitStatus {
    loop {
        match waitpid(which, Some(WaitPidFlag::__WALL)) {
            Err(Errno::EINTR) => {}
            other => return other.expect("a child"),
        }
    }
}

/// Forks a process that runs `body` until a thread stops at a [`trap`](machine::trap).
pub fn start(body: impl FnOnce()) -> Result<Standing, WaitStatus> {
    let process = match children::fork() {
        0 => tracee::live(body),
        pid => Pid::from_raw(pid),
    };
    next_trap(process)
}

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

    /// Executes one instruction. A signal that comes first is an error.
    pub fn step(&self, with: Option<Signal>) -> Result<(), Astray> {
        if is_over() {
            return Err(Astray::Busy);
        }
        ptrace::step(self.thread, with)?;
        arrived(wait(self.thread))
    }

    /// Steps from here to `end` and defers signals. With `enters`, continues up to the next system call.
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

    pub fn run_to(&self, trace: &Trace, k: usize) -> Result<(), Astray> {
        /// Below this number single steps are quicker than a run to a breakpoint.
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

    /// Steps to the `k`-th instruction of a trace, or to a later one at its address.
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
            // Makes the thread as slow as in the traced run, so that it repeats the same calls.
            std::thread::sleep(Duration::from_micros(1));
        }
        Err(Astray::Elsewhere)
    }

    fn run_to_address(&self, trace: &Trace, address: u64) -> Result<(), Astray> {
        if self.pc()? == address {
            return Ok(());
        }
        let both = [address, trace.end];
        self.run_to_one_of(if trace.pcs.contains(&trace.end) { &both[..1] } else { &both })
    }

    /// Runs until one of these addresses is reached. Any but the first is an error.
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

    /// Returns the number of pending signals of the process and of this thread.
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

    pub fn release(&self) {
        // The process may have died of a signal on another thread.
        let _ = ptrace::detach(self.thread, None);
    }

    pub fn end(&self) {
        let _ = kill(self.process, Signal::SIGKILL);
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

pub fn wait_for(thread: Pid, time: Duration) -> Option<WaitStatus> {
    let began = Instant::now();
    loop {
        match waitpid(thread, Some(WaitPidFlag::__WALL | WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) | Err(Errno::EINTR) => {}
            other => return Some(other.expect("a child")),
        }
        if began.elapsed() > time {
            return None;
        }
        std::thread::sleep(Duration::from_micros(20));
    }
}

/// Waits for the process to end. Its traced threads continue.
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
