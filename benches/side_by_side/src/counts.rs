//! Processor time, page faults and system calls of one run, of the process and its children.

#![allow(unsafe_code, clippy::undocumented_unsafe_blocks)] // Calls with pointers to locals.

use std::collections::HashSet;
use std::mem::zeroed;

use nix::libc;

const RUNS: u32 = 50;
const TURNS: u32 = 41;

/// The processor time shows the work alone: the time of a run also depends on where the scheduler places the child.
pub fn print(ways: &mut [(&str, &mut dyn FnMut())]) {
    let mut used = vec![Vec::new(); ways.len()];
    for _ in 0..TURNS {
        for (used, (_, work)) in used.iter_mut().zip(ways.iter_mut()) {
            used.push(usage_of(*work));
        }
    }
    let median = |used: &[(f64, f64)], of: fn(&(f64, f64)) -> f64| {
        let mut all: Vec<f64> = used.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    eprintln!(
        "  {:<46}{:>16}{:>8}{:>13}{:>14}",
        "each run", "processor time", "ratio", "page faults", "system calls"
    );
    let first = median(&used[0], |used| used.0);
    for (used, (name, work)) in used.iter().zip(ways) {
        let (time, faults) = (median(used, |used| used.0), median(used, |used| used.1));
        let calls = system_calls(*work).map_or("refused".to_owned(), |calls| format!("{calls:.1}"));
        eprintln!("  {name:<46}{:>13.1} us{:>8.2}{faults:>13.1}{calls:>14}", time * 1e6, time / first);
    }
}

/// Returns seconds and page faults for each run by getrusage(2), including those of reaped children.
fn usage_of(work: &mut dyn FnMut()) -> (f64, f64) {
    let usage = || {
        [libc::RUSAGE_SELF, libc::RUSAGE_CHILDREN]
            .map(|whose| unsafe {
                let mut usage: libc::rusage = zeroed();
                assert_eq!(libc::getrusage(whose, &mut usage), 0);
                let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
                (seconds(usage.ru_utime) + seconds(usage.ru_stime), usage.ru_minflt as f64)
            })
            .into_iter()
            .fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    };
    work();
    let before = usage();
    (0..RUNS).for_each(|_| work());
    let after = usage();
    ((after.0 - before.0) / f64::from(RUNS), (after.1 - before.1) / f64::from(RUNS))
}

/// By ptrace(2), in a child that runs the work; `None` if refused.
fn system_calls(work: &mut dyn FnMut()) -> Option<f64> {
    // Calls are counted between two of these.
    let mark = || unsafe { libc::syscall(libc::SYS_getpgid, i32::MAX) };
    let tracee = unsafe { libc::fork() };
    if tracee == 0 {
        unsafe {
            if libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) != 0 {
                libc::_exit(1);
            }
            libc::raise(libc::SIGSTOP);
        }
        work();
        mark();
        (0..RUNS).for_each(|_| work());
        mark();
        unsafe { libc::_exit(0) }
    }
    let (mut calls, mut marks, mut known) = (0_u64, 0, HashSet::from([tracee]));
    let mut first = true;
    loop {
        let mut status = 0;
        let pid = unsafe { libc::waitpid(-1, &mut status, libc::__WALL) };
        if pid == -1 || (pid == tracee && (libc::WIFEXITED(status) || libc::WIFSIGNALED(status))) {
            let done = pid != -1 && libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0;
            return done.then(|| (calls - 1) as f64 / f64::from(RUNS));
        }
        if !libc::WIFSTOPPED(status) {
            continue;
        }
        let mut signal = libc::WSTOPSIG(status);
        unsafe {
            if std::mem::take(&mut first) {
                let options = libc::PTRACE_O_TRACESYSGOOD
                    | libc::PTRACE_O_TRACEFORK
                    | libc::PTRACE_O_TRACEVFORK
                    | libc::PTRACE_O_TRACECLONE
                    | libc::PTRACE_O_EXITKILL;
                libc::ptrace(libc::PTRACE_SETOPTIONS, pid, 0, options);
                signal = 0;
            } else if signal == libc::SIGTRAP | 0x80 {
                let mut info: libc::ptrace_syscall_info = zeroed();
                libc::ptrace(libc::PTRACE_GET_SYSCALL_INFO, pid, size_of_val(&info), &mut info);
                if info.op == libc::PTRACE_SYSCALL_INFO_ENTRY {
                    let entry = info.u.entry;
                    marks +=
                        i32::from(entry.nr == libc::SYS_getpgid as u64 && entry.args[0] == i32::MAX as u64);
                    calls += u64::from(marks == 1);
                }
                signal = 0;
            } else if signal == libc::SIGTRAP || (signal == libc::SIGSTOP && known.insert(pid)) {
                // A ptrace event, or the first stop of a new process.
                signal = 0;
            }
            libc::ptrace(libc::PTRACE_SYSCALL, pid, 0, signal);
        }
    }
}
