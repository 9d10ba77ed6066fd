//! Page faults and system calls of one run, of the process and its children.

#![allow(unsafe_code, clippy::undocumented_unsafe_blocks)] // Calls with pointers to locals.

use std::collections::HashSet;
use std::mem::zeroed;

use nix::libc;

const RUNS: u32 = 50;

pub fn print(ways: &mut [(&str, &mut dyn FnMut())]) {
    eprintln!("  {:<50}{:>12}{:>14}", "each run", "page faults", "system calls");
    for (name, work) in ways {
        let faults = page_faults(*work);
        let calls = system_calls(*work).map_or("refused".to_owned(), |calls| format!("{calls:.1}"));
        eprintln!("  {name:<50}{faults:>12.1}{calls:>14}");
    }
}

/// By getrusage(2), including reaped children.
fn page_faults(work: &mut dyn FnMut()) -> f64 {
    let faults = || {
        [libc::RUSAGE_SELF, libc::RUSAGE_CHILDREN]
            .map(|whose| unsafe {
                let mut usage: libc::rusage = zeroed();
                assert_eq!(libc::getrusage(whose, &mut usage), 0);
                usage.ru_minflt
            })
            .iter()
            .sum::<i64>()
    };
    work();
    let before = faults();
    (0..RUNS).for_each(|_| work());
    (faults() - before) as f64 / f64::from(RUNS)
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
