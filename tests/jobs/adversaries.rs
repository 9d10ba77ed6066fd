//! Hostile functions and environments. Each has a defined outcome, and none hangs.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support;
use crate::support::children::{
    self, bytes_in_pipe, close_all, descriptors, exit_now, fork, has_children, leaving_nothing, pause, raise,
    set_limit, signal, write_end_not_in,
};
use crate::support::{Scenario, scenario};
use nix::libc;
use nix::sys::resource::Resource;
use sigalarm::process::{self, Exit, Job, JobError, KillReason, SpawnError};

const LIMIT: Duration = Duration::from_millis(100);

fn short() -> process::Builder {
    Job::builder().limit(LIMIT).grace(Duration::from_millis(50))
}

fn job_that_closes_every_descriptor_has_an_outcome() {
    leaving_nothing(|| {
        // The function returns after it has closed the pipe.
        let job = Job::spawn(|| close_all(0)).unwrap();
        assert!(matches!(job.join(), Err(JobError::Exited { code: 74, .. })));
        // The function goes on. A closed pipe does not end the job.
        let job = Job::spawn(|| {
            close_all(0);
            pause()
        });
        let job: Job<()> = job.unwrap();
        assert!(job.join_timeout(LIMIT).unwrap_err().timed_out().is_some() && job.is_alive());
        drop(job);
        let stuck = short().run(|| -> () {
            close_all(0);
            pause()
        });
        assert!(stuck.unwrap_err().timed_out().is_some());
        // The library does not write to a new file that has the pipe's number.
        let path = std::env::temp_dir().join(format!("sigalarm-reopened-{}", std::process::id()));
        let job = Job::spawn(|| {
            close_all(3);
            for _ in 0..64 {
                std::mem::forget(std::fs::File::create(&path).unwrap());
            }
            "for the parent only".to_owned()
        });
        let outcome = job.unwrap().join();
        assert!(matches!(outcome, Err(JobError::Exited { code: 74, .. })), "{outcome:?}");
        assert_eq!(std::fs::read(&path).unwrap(), b"");
        std::fs::remove_file(&path).unwrap();
    });
}

fn job_that_writes_to_every_descriptor_has_an_error() {
    leaving_nothing(|| {
        let job = Job::spawn(|| {
            for fd in 3..64 {
                let path = format!("/proc/self/fd/{fd}");
                if let Ok(mut file) = std::fs::File::options().write(true).open(path) {
                    let _ = file.write_all(b"garbage");
                }
            }
        });
        assert!(matches!(job.unwrap().join(), Err(JobError::NotDecoded { .. })));
    });
}

fn job_that_executes_another_program_obeys_the_limit() {
    leaving_nothing(|| {
        for (script, code) in [("exit 0", 0), ("exit 7", 7)] {
            let job = Job::spawn(|| drop(Command::new("sh").args(["-c", script]).exec()));
            let outcome = job.unwrap().join();
            assert!(matches!(outcome, Err(JobError::Exited { code: c, .. }) if c == code), "{outcome:?}");
        }
        // The limit still holds: the timer survives `exec`, or the parent kills the program.
        let began = Instant::now();
        let outcome = short().run(|| drop(Command::new("sleep").arg("1000").exec()));
        let timed_out = outcome.unwrap_err().timed_out().unwrap().clone();
        assert!(began.elapsed() >= LIMIT && timed_out.elapsed() >= LIMIT);
    });
}

fn grandchild_that_keeps_the_pipe_delays_no_join() {
    leaving_nothing(|| {
        let job = Job::spawn(|| {
            if fork() == 0 {
                pause()
            }
            exit_now(5)
        });
        let outcome: Result<(), JobError> = job.unwrap().join();
        assert!(matches!(outcome, Err(JobError::Exited { code: 5, .. })), "{outcome:?}");

        // The grandchild has left the group and writes at full speed.
        let before = descriptors();
        let job = Job::spawn(|| {
            let (grandchild, pipe) = (fork(), write_end_not_in(&before));
            if grandchild == 0 {
                nix::unistd::setsid().unwrap();
                let garbage = [0_u8; 65_536];
                loop {
                    if nix::unistd::write(&pipe, &garbage).is_err() {
                        exit_now(0)
                    }
                }
            }
            let group = nix::unistd::Pid::from_raw(grandchild);
            children::soon("the grandchild to leave the group and write", || {
                nix::unistd::getpgid(Some(group)) == Ok(group) && bytes_in_pipe(&pipe) > 0
            });
            exit_now(6)
        });
        let outcome: Result<(), JobError> = job.unwrap().join();
        assert!(
            matches!(
                outcome,
                Err(JobError::Exited { code: 6, .. } | JobError::CutShort { exit: Exit::Code(6), .. })
            ),
            "{outcome:?}"
        );
    });
}

/// Endless writes: of a byte, and of a pipe full of bytes.
const FLOODS: [(&[u8], usize); 2] = [(&[0], 1), (&[1], 65_536)];

fn flood(pipe: &mut std::fs::File, (bytes, times): (&[u8], usize)) {
    let bytes = bytes.repeat(times);
    while pipe.write_all(&bytes).is_ok() {}
}

/// Returns the time of `f` beyond `expected`: wall time, and processor time of this process.
fn late(expected: Duration, f: impl FnOnce()) -> [Duration; 2] {
    let cpu =
        || Duration::from(nix::time::clock_gettime(nix::time::ClockId::CLOCK_PROCESS_CPUTIME_ID).unwrap());
    let (began, used) = (Instant::now(), cpu());
    f();
    [began.elapsed().saturating_sub(expected), cpu().saturating_sub(used).saturating_sub(expected)]
}

fn join_kill_and_drop_end_under_floods() {
    // Processor time shows the library's cost on a loaded machine too.
    const WALL: Duration = Duration::from_secs(20);
    const CPU: Duration = Duration::from_millis(250);
    leaving_nothing(|| {
        for bytes in FLOODS {
            let before = descriptors();
            let spawn = || {
                Job::spawn(|| -> () {
                    flood(&mut write_end_not_in(&before), bytes);
                    pause()
                })
                .unwrap()
            };
            let check = |what: &str, late: [Duration; 2]| {
                println!("{bytes:?}: {what} {late:?} late");
                assert!(late[0] < WALL && late[1] < CPU, "{bytes:?}: {what} {late:?} late");
            };
            let job = spawn();
            for _ in 0..5 {
                check("join", late(LIMIT / 2, || assert!(job.join_timeout(LIMIT / 2).is_err())));
            }
            std::thread::scope(|s| {
                s.spawn(|| job.join());
                std::thread::sleep(LIMIT / 4);
                check("kill", late(Duration::ZERO, || job.kill().unwrap()));
            });
            assert_eq!(job.exit_code(), Some(-9));

            drop(job);
            let job = spawn();
            std::thread::sleep(LIMIT / 4);
            check("drop", late(Duration::ZERO, || drop(job)));
        }
    });
}

/// After the child's end the parent reads no more bytes than the pipe can hold.
fn flood_by_grandchildren_is_bounded() {
    leaving_nothing(|| {
        for bytes in FLOODS {
            let before = descriptors();
            let job = Job::spawn(|| -> () {
                let mut pipe = write_end_not_in(&before);
                #[cfg(target_os = "linux")]
                nix::fcntl::fcntl(&pipe, nix::fcntl::FcntlArg::F_SETPIPE_SZ(1 << 20)).unwrap();
                for _ in 0..4 {
                    if fork() == 0 {
                        nix::unistd::setsid().unwrap();
                        flood(&mut pipe, bytes);
                        exit_now(0);
                    }
                }
                children::soon("the flood", || bytes_in_pipe(&pipe) > 60_000);
                exit_now(6)
            });
            let job = job.unwrap();
            children::soon("the end of the child", || !children::is_running(job.id()));
            let mut outcome = None;
            let late = late(Duration::ZERO, || outcome = Some(job.join()));
            println!("{bytes:?}: {late:?} late, {outcome:?}");
            assert!(late[1] < Duration::from_millis(250), "{bytes:?}: {late:?}");
            if let Some(Err(JobError::CutShort { received, .. })) = outcome {
                assert!(received < 4 << 20, "{received} bytes");
            }
            assert_eq!(job.exit_code(), Some(6));
        }
    });
}

/// Other code reaps the child, and a new child gets its pid.
#[cfg(target_os = "linux")]
fn reused_pid_is_left_alone() {
    use nix::sys::wait::{WaitStatus, waitpid};
    use nix::unistd::Pid;

    leaving_nothing(|| {
        let job = Job::spawn(|| -> () { exit_now(3) }).unwrap();
        let pid = Pid::from_raw(job.id() as i32);
        assert_eq!(waitpid(pid, None), Ok(WaitStatus::Exited(pid, 3)));
        let mut others = Vec::new();
        let found = (0..100).any(|_| {
            if std::fs::write("/proc/sys/kernel/ns_last_pid", (job.id() - 1).to_string()).is_err() {
                return false;
            }
            let other = fork();
            if other == 0 {
                exit_now(99);
            }
            others.push(Pid::from_raw(other));
            children::soon("its end", || !children::is_running(other as u32));
            other == pid.as_raw()
        });
        match job.join() {
            Err(JobError::Exited { code: 3, .. } | JobError::Lost) => {}
            other => panic!("{other:?}"),
        }
        for other in others {
            assert_eq!(waitpid(other, None), Ok(WaitStatus::Exited(other, 99)));
        }
        if !found {
            println!("skipped: the pid was not used again");
        }
    });
}

fn job_inherits_no_descriptor_of_a_sibling() {
    leaving_nothing(|| {
        let inherited = descriptors();
        let first = Job::spawn(|| "secret".repeat(1_000_000)).unwrap();
        let second = Job::spawn(|| -> () { pause() }).unwrap();
        assert!(descriptors().len() >= inherited.len() + if cfg!(target_os = "linux") { 4 } else { 2 });
        let more = |inherited: &[i32]| descriptors().into_iter().filter(|fd| !inherited.contains(fd)).count();
        let third = Job::spawn(|| {
            let own = more(&inherited);
            // A job of a job inherits none either.
            let inner = process::run(Duration::MAX, || more(&inherited));
            (own, inner.unwrap())
        });
        // Only the write end of its own pipe: a job could write its parent's value.
        assert_eq!(third.unwrap().join().unwrap(), (1, 1));

        // A living sibling does not hold the pipe of a detached job open, so that job ends.
        let fourth = Job::spawn(|| -> () { pause() }).unwrap();
        let id = first.id();
        first.detach();
        children::soon("the end of a detached job", || !children::is_running(id));
        drop((second, fourth));
        children::soon("its reaping", || {
            process::run(Duration::MAX, || ()).unwrap();
            !has_children()
        });
    });
}

fn captured_job_is_inert_in_a_sibling() {
    leaving_nothing(|| {
        let captured = Job::spawn(|| 5).unwrap();
        let lent = &captured;
        assert_eq!(lent.join().unwrap(), 5);
        let captured = Job::spawn(|| -> () { pause() }).unwrap();
        let outcome = process::run(Duration::MAX, || {
            // The files reuse the closed numbers.
            let files = [(); 8].map(|()| std::fs::File::open("/dev/null").unwrap());
            drop(captured);
            let job = Job::spawn(|| 7).unwrap();
            files.iter().all(|file| file.metadata().is_ok()) && job.join().unwrap() == 7
        });
        assert!(outcome.unwrap());
    });
}

/// In the first process of a namespace abort ends in SIGSEGV, and SIGTERM has no effect.
#[cfg(target_os = "linux")]
#[allow(unsafe_code, clippy::undocumented_unsafe_blocks)]
fn first_process_of_a_pid_namespace_is_killed() {
    use process::KillReason::{Memory, Unknown};

    let unshare = || unsafe { libc::unshare(libc::CLONE_NEWPID) == 0 };
    let aborts: fn() -> bool = || {
        let outcome = Job::builder().stderr(process::Output::Null).run(|| -> () { std::process::abort() });
        matches!(
            outcome,
            Err(JobError::Killed { signal: libc::SIGSEGV | libc::SIGABRT, reason: Unknown, .. })
        )
    };
    let hoards: fn() -> bool = || {
        let hoard = || drop(std::hint::black_box(Vec::<u8>::with_capacity(1 << 40)));
        let outcome = Job::builder().memory_limit(1 << 30).stderr(process::Output::Null).run(hoard);
        matches!(outcome, Err(JobError::Killed { reason: Memory, .. }))
    };
    let is_stuck: fn() -> bool = || short().run(|| -> () { pause() }).is_err_and(|e| e.timed_out().is_some());
    let is_first_process: fn() -> bool = || process::run(Duration::MAX, std::process::id).unwrap() == 1;
    // A process can create one such namespace, which ends with its first process.
    for (n, case) in [hoards, aborts, is_stuck, is_first_process].into_iter().enumerate() {
        let child = fork();
        if child == 0 {
            exit_now(if !unshare() { 77 } else { i32::from(!case()) });
        }
        match nix::sys::wait::waitpid(nix::unistd::Pid::from_raw(child), None).unwrap() {
            nix::sys::wait::WaitStatus::Exited(_, 0) => {}
            nix::sys::wait::WaitStatus::Exited(_, 77) => return println!("skipped: no privilege"),
            other => panic!("case {n}: {other:?}"),
        }
    }
}

fn grandchild_that_returns_sends_nothing() {
    leaving_nothing(|| {
        for _ in 0..20 {
            let outcome = process::run(Duration::MAX, || {
                let child = fork() != 0;
                if child {
                    std::thread::sleep(Duration::from_millis(2));
                }
                child
            });
            assert!(outcome.unwrap());
            let outcome = process::run(Duration::MAX, || {
                assert!(fork() != 0, "the grandchild's panic");
                std::thread::sleep(Duration::from_millis(2));
                1
            });
            assert_eq!(outcome.unwrap(), 1);
        }
    });
}

fn job_that_stops_itself_is_killed() {
    leaving_nothing(|| {
        assert!(short().run(|| raise(libc::SIGSTOP)).unwrap_err().timed_out().is_some());
        let job = Job::spawn(|| raise(libc::SIGSTOP)).unwrap();
        children::soon("it to stop", || {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", job.id())).unwrap_or_default();
            stat.contains(") T ")
        });
        assert!(job.is_alive() && job.exit_code().is_none());
        drop(job);
    });
}

fn job_that_ignores_sigterm_is_killed() {
    leaving_nothing(|| {
        let stubborn = || -> () {
            for n in 1..32 {
                if n != libc::SIGKILL && n != libc::SIGSTOP {
                    signal(n, libc::SIG_IGN);
                }
            }
            pause()
        };
        let job = short().grace(5 * LIMIT).spawn(stubborn).unwrap();
        assert!(job.join().unwrap_err().timed_out().is_some());
        assert_eq!(job.exit_code(), Some(-libc::SIGKILL));
        let job = Job::spawn(stubborn).unwrap();
        drop(job);
    });
}

fn job_killed_from_outside_says_so() {
    leaving_nothing(|| {
        // SIGKILL by the parent without the library, by the job, and by another process.
        let job = Job::spawn(|| -> () { pause() }).unwrap();
        let status = Command::new("kill").args(["-9", &job.id().to_string()]).status().unwrap();
        assert!(status.success());
        assert!(matches!(job.join(), Err(JobError::Killed { signal: libc::SIGKILL, .. })));
        assert_eq!(job.exit_code(), Some(-9));
        // Requested signals are recorded before the death.
        job.kill().unwrap();
        job.terminate().unwrap();
        job.signal(libc::SIGUSR1).unwrap();
        assert!(matches!(job.join(), Err(JobError::Killed { signal: libc::SIGKILL, .. })));
    });
}

fn signals_reach_a_job_that_left_its_group() {
    leaving_nothing(|| {
        let leave = |leaves_one: bool| {
            if leaves_one && fork() == 0 {
                pause()
            }
            let parent = nix::unistd::getpgid(Some(nix::unistd::getppid())).unwrap();
            nix::unistd::setpgid(nix::unistd::Pid::from_raw(0), parent).unwrap();
            pause()
        };
        for leaves_one in [false, true] {
            let job = short().spawn(|| -> () { leave(leaves_one) }).unwrap();
            assert!(job.join().unwrap_err().timed_out().is_some());
            assert_eq!(job.exit_code(), Some(-libc::SIGTERM));
        }
    });
}

fn job_leads_its_group_from_its_spawn() {
    leaving_nothing(|| {
        for _ in 0..200 {
            let job = Job::spawn(|| -> () { pause() }).unwrap();
            let id = nix::unistd::Pid::from_raw(job.id() as i32);
            assert_eq!(nix::unistd::getpgid(Some(id)), Ok(id));
            job.kill().unwrap();
            assert!(matches!(job.join(), Err(JobError::Killed { signal: libc::SIGKILL, .. })));
        }
    });
}

fn invalid_signals_are_refused() {
    leaving_nothing(|| {
        let job = Job::spawn(|| -> () { pause() }).unwrap();
        for n in [-1, 65, i32::MAX] {
            assert_eq!(job.signal(n).unwrap_err().raw_os_error(), Some(libc::EINVAL), "{n}");
        }
        job.signal(0).unwrap(); // only checks permission
        assert!(job.is_alive());
    });
}

fn values_arrive_with_sigchld_ignored() {
    signal(libc::SIGCHLD, libc::SIG_IGN);
    outcomes_without_a_status();
}

fn job_reaped_by_other_code_has_an_outcome() {
    extern "C" fn on_child(_: libc::c_int) {
        while nix::sys::wait::waitpid(None, Some(nix::sys::wait::WaitPidFlag::WNOHANG))
            .is_ok_and(|status| status != nix::sys::wait::WaitStatus::StillAlive)
        {}
    }
    signal(libc::SIGCHLD, on_child as extern "C" fn(libc::c_int) as usize);
    outcomes_without_a_status();
}

/// Joins a job while another process traces it and runs `trace`. The child of the job must have exited with code 3.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
fn join_traced(job: Job<u8>, trace: impl FnOnce(nix::unistd::Pid)) {
    use nix::sys::ptrace;
    use nix::unistd::{Pid, pipe, read, write};

    let target = Pid::from_raw(job.id() as i32);
    let (is_traced, traced) = pipe().unwrap();
    let tracer = fork();
    if tracer == 0 {
        let seized = ptrace::seize(target, ptrace::Options::empty()).is_ok();
        write(&traced, &[u8::from(seized)]).unwrap();
        if seized {
            trace(target);
        }
        exit_now(0);
    }
    read(&is_traced, &mut [0]).unwrap();
    let ended = job.join();
    assert!(matches!(ended, Err(JobError::Exited { code: 3, .. })), "{ended:?}");
    nix::sys::wait::waitpid(Pid::from_raw(tracer), None).unwrap();
}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
fn job_that_is_traced_keeps_its_status() {
    use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};

    leaving_nothing(|| {
        for _ in 0..50 {
            let job = Job::spawn(|| -> u8 {
                std::thread::sleep(Duration::from_millis(5));
                exit_now(3)
            });
            join_traced(job.unwrap(), |child| {
                let wait = || waitpid(child, Some(WaitPidFlag::__WALL));
                while !matches!(wait(), Ok(WaitStatus::Exited(..)) | Err(_)) {}
            });
        }
    });
}

/// The child ended before its limit, although its tracer lets it go after that.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
fn limit_that_passes_while_a_tracer_holds_the_end_is_no_reason() {
    const HELD: Duration = Duration::from_millis(1_500);
    leaving_nothing(|| {
        let job = Job::builder().limit(HELD).grace(Duration::from_millis(1)).spawn(|| -> u8 {
            std::thread::sleep(Duration::from_millis(50));
            exit_now(3)
        });
        join_traced(job.unwrap(), |_| std::thread::sleep(2 * HELD));
    });
}

fn only_a_signal_that_reaches_the_job_is_requested() {
    let reason = |job: Job<()>| match job.join() {
        Err(JobError::Killed { reason, .. }) => reason,
        other => panic!("{other:?}"),
    };
    leaving_nothing(|| {
        let job = Job::spawn(|| -> () { pause() }).unwrap();
        let last = if cfg!(target_os = "linux") { 64 } else { 31 };
        job.signal(last).unwrap();
        assert_eq!(reason(job), KillReason::Requested);
        let job = Job::spawn(|| -> () { pause() }).unwrap();
        nix::sys::signal::kill(
            nix::unistd::Pid::from_raw(job.id() as i32),
            nix::sys::signal::Signal::SIGKILL,
        )
        .unwrap();
        children::soon("the end of the child", || !children::is_running(job.id()));
        job.kill().unwrap();
        assert_eq!(reason(job), KillReason::Unknown);
    });
}

fn outcomes_without_a_status() {
    leaving_nothing(|| {
        assert_eq!(process::run(Duration::MAX, || "value".to_owned()).unwrap(), "value");
        let panicked = process::run(Duration::MAX, || -> () { panic!("heard") });
        assert!(matches!(panicked, Err(JobError::Panicked(p)) if p.message() == "heard"));
        assert!(short().run(|| -> () { pause() }).unwrap_err().timed_out().is_some());
        // Linux keeps the exit status in the pidfd. Elsewhere the status is unknown.
        let job = Job::spawn(|| -> () { exit_now(3) }).unwrap();
        match job.join() {
            Err(JobError::Exited { code: 3, .. }) => assert_eq!(job.exit_code(), Some(3)),
            Err(JobError::Lost) => {
                assert_eq!((job.exit_status(), job.exit_code()), (Some(Exit::Unknown), None))
            }
            other => panic!("{other:?}"),
        }
        let job = Job::spawn(|| raise(libc::SIGKILL)).unwrap();
        let outcome = job.join();
        assert!(
            matches!(outcome, Err(JobError::Killed { signal: libc::SIGKILL, .. } | JobError::Lost)),
            "{outcome:?}"
        );
        for _ in 0..100 {
            drop(Job::spawn(|| ()).unwrap());
        }
    });
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
fn jobs_have_the_same_outcomes_without_pidfds() {
    support::process::forbid(libc::SYS_pidfd_open, libc::ENOSYS);
    everything_in_short();
    signal(libc::SIGCHLD, libc::SIG_IGN);
    leaving_nothing(|| {
        assert_eq!(process::run(Duration::MAX, || 1).unwrap(), 1);
        assert!(short().run(|| -> () { pause() }).unwrap_err().timed_out().is_some());
        assert!(matches!(process::run(Duration::MAX, || -> () { exit_now(3) }), Err(JobError::Lost)));
    });
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
fn jobs_are_killed_without_group_signals_of_pidfds() {
    support::process::forbid(libc::SYS_pidfd_send_signal, libc::EINVAL);
    leaving_nothing(|| {
        let job = Job::spawn(|| -> () {
            fork();
            pause()
        });
        let job = job.unwrap();
        std::thread::sleep(Duration::from_millis(20));
        job.kill().unwrap();
        assert!(matches!(job.join(), Err(JobError::Killed { signal: libc::SIGKILL, .. })));
    });
}

fn everything_in_short() {
    leaving_nothing(|| {
        assert_eq!(process::run(Duration::MAX, || "x".repeat(1_000_000)).unwrap().len(), 1_000_000);
        assert!(matches!(process::run(Duration::MAX, || -> () { panic!() }), Err(JobError::Panicked(_))));
        assert!(short().run(|| -> () { pause() }).unwrap_err().timed_out().is_some());
        let job = Job::spawn(|| -> () { pause() }).unwrap();
        assert!(job.join_timeout(LIMIT).unwrap_err().timed_out().is_some());
        job.terminate().unwrap();
        assert!(matches!(job.join(), Err(JobError::Killed { signal: libc::SIGTERM, .. })));
        drop(Job::spawn(|| -> () { pause() }).unwrap());
    });
}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
fn spawn_is_refused_with_no_processes_left() {
    support::process::forbid(libc::SYS_clone, libc::EAGAIN);
    support::process::forbid(libc::SYS_clone3, libc::EAGAIN);
    leaving_nothing(|| {
        let state = support::process::state();
        let refused = Job::spawn(|| ()).unwrap_err();
        assert!(matches!(&refused, SpawnError::System { call: "fork", source, .. }
            if source.raw_os_error() == Some(libc::EAGAIN)));
        assert_eq!(support::process::state(), state, "the signal mask is as it was");
        println!("{refused}"); // stdout is not locked
    });
}

fn rlimit_nproc_is_a_spawn_error() {
    if !children::drop_privileges() {
        println!("skipped: cannot become another user");
        return;
    }
    set_limit(Resource::RLIMIT_NPROC, 0);
    leaving_nothing(|| {
        let refused = Job::spawn(|| ()).unwrap_err();
        assert!(matches!(&refused, SpawnError::System { call: "fork", .. }), "{refused}");
    });
}

fn spawn_is_refused_with_no_descriptors_left() {
    leaving_nothing(|| {
        set_limit(Resource::RLIMIT_NOFILE, 64);
        let mut all: Vec<_> = std::iter::from_fn(|| std::fs::File::open("/dev/null").ok()).collect();
        // Space for zero to three descriptors. The write end is closed before the pidfd opens.
        for room in 0..4 {
            let spawned = Job::spawn(|| 5);
            match room {
                0 | 1 => assert!(matches!(&spawned, Err(SpawnError::System { call: "pipe", source, .. })
                    if source.raw_os_error() == Some(libc::EMFILE))),
                _ => assert_eq!(spawned.unwrap().join().unwrap(), 5),
            }
            all.pop();
        }
    });
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
fn job_is_polled_if_the_pidfd_is_refused() {
    support::process::forbid(libc::SYS_pidfd_open, libc::ENFILE);
    leaving_nothing(|| {
        let job = Job::spawn(|| 5).unwrap();
        assert!(job.end_fd().is_none());
        assert_eq!(job.join().unwrap(), 5);
    });
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
fn job_that_cannot_be_set_up_does_not_run() {
    support::process::forbid(libc::SYS_prctl, libc::EPERM);
    leaving_nothing(|| {
        let outcome = process::run(Duration::MAX, || println!("it runs"));
        assert!(matches!(&outcome, Err(JobError::System { call, source, .. })
            if &**call == "prctl" && source.raw_os_error() == Some(libc::EPERM)));
        Job::builder().die_with_parent(false).run(|| ()).unwrap();
    });
}

/// The pipe gets no number of a standard stream.
fn job_works_with_no_standard_streams() {
    close_all(0);
    let outcome = process::run(Duration::MAX, || {
        println!("to a closed stream");
        eprintln!("to a closed stream");
        c_value()
    });
    exit_now(if outcome.is_ok_and(|value| value == c_value()) && !has_children() { 0 } else { 1 });
}

fn c_value() -> Vec<u32> {
    (0..100_000).collect()
}

fn fork_bomb_is_killed() {
    leaving_nothing(|| {
        let job = short().spawn(|| -> () {
            for _ in 0..5 {
                fork();
            }
            pause()
        });
        let job = job.unwrap();
        assert!(job.join().unwrap_err().timed_out().is_some());
    });
}

pub fn scenarios() -> Vec<Scenario> {
    let mut scenarios = vec![
        scenario(
            "job_that_closes_every_descriptor_has_an_outcome",
            job_that_closes_every_descriptor_has_an_outcome,
        ),
        scenario(
            "job_that_writes_to_every_descriptor_has_an_error",
            job_that_writes_to_every_descriptor_has_an_error,
        ),
        scenario(
            "job_that_executes_another_program_obeys_the_limit",
            job_that_executes_another_program_obeys_the_limit,
        ),
        scenario(
            "grandchild_that_keeps_the_pipe_delays_no_join",
            grandchild_that_keeps_the_pipe_delays_no_join,
        ),
        scenario("join_kill_and_drop_end_under_floods", join_kill_and_drop_end_under_floods),
        scenario("flood_by_grandchildren_is_bounded", flood_by_grandchildren_is_bounded),
        #[cfg(target_os = "linux")]
        scenario("reused_pid_is_left_alone", reused_pid_is_left_alone),
        scenario("job_inherits_no_descriptor_of_a_sibling", job_inherits_no_descriptor_of_a_sibling),
        scenario("captured_job_is_inert_in_a_sibling", captured_job_is_inert_in_a_sibling),
        #[cfg(target_os = "linux")]
        scenario("first_process_of_a_pid_namespace_is_killed", first_process_of_a_pid_namespace_is_killed)
            .launched(support::without_backtrace),
        scenario("grandchild_that_returns_sends_nothing", grandchild_that_returns_sends_nothing),
        scenario("job_that_stops_itself_is_killed", job_that_stops_itself_is_killed),
        scenario("job_that_ignores_sigterm_is_killed", job_that_ignores_sigterm_is_killed),
        scenario("job_killed_from_outside_says_so", job_killed_from_outside_says_so),
        scenario("signals_reach_a_job_that_left_its_group", signals_reach_a_job_that_left_its_group),
        scenario("job_leads_its_group_from_its_spawn", job_leads_its_group_from_its_spawn),
        scenario("invalid_signals_are_refused", invalid_signals_are_refused),
        scenario("values_arrive_with_sigchld_ignored", values_arrive_with_sigchld_ignored),
        scenario("job_reaped_by_other_code_has_an_outcome", job_reaped_by_other_code_has_an_outcome),
        scenario("rlimit_nproc_is_a_spawn_error", rlimit_nproc_is_a_spawn_error),
        scenario("spawn_is_refused_with_no_descriptors_left", spawn_is_refused_with_no_descriptors_left),
        scenario("job_works_with_no_standard_streams", job_works_with_no_standard_streams),
        scenario("fork_bomb_is_killed", fork_bomb_is_killed),
    ];
    #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
    scenarios.extend([
        scenario("jobs_have_the_same_outcomes_without_pidfds", jobs_have_the_same_outcomes_without_pidfds),
        scenario(
            "jobs_are_killed_without_group_signals_of_pidfds",
            jobs_are_killed_without_group_signals_of_pidfds,
        ),
        scenario("spawn_is_refused_with_no_processes_left", spawn_is_refused_with_no_processes_left),
        scenario("job_is_polled_if_the_pidfd_is_refused", job_is_polled_if_the_pidfd_is_refused),
        scenario("job_that_is_traced_keeps_its_status", job_that_is_traced_keeps_its_status),
        scenario(
            "limit_that_passes_while_a_tracer_holds_the_end_is_no_reason",
            limit_that_passes_while_a_tracer_holds_the_end_is_no_reason,
        ),
        scenario(
            "only_a_signal_that_reaches_the_job_is_requested",
            only_a_signal_that_reaches_the_job_is_requested,
        ),
        scenario("job_that_cannot_be_set_up_does_not_run", job_that_cannot_be_set_up_does_not_run),
    ]);
    scenarios
}
