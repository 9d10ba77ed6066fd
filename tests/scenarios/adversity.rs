//! Stopped processes, jumping clocks, exhausted resources, a loaded machine.

use std::io::{self, Read};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::process::state;
use crate::support::*;
use nix::libc;
use nix::sys::resource::Resource;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use sigalarm::Alarm;
use sigalarm::thread::Worker;

const STOP: Duration = Duration::from_millis(200);

fn stopped_for_a_while(life: fn()) {
    stopped_for(STOP, life);
}

fn stopped_for(time: Duration, life: fn()) {
    let pid = Pid::from_raw(children::fork());
    if pid.as_raw() == 0 {
        let lived = std::panic::catch_unwind(|| {
            let before = state();
            life();
            assert_eq!(state(), before);
        });
        children::exit_now(if lived.is_ok() { 0 } else { 101 });
    }
    assert_eq!(waitpid(pid, Some(WaitPidFlag::WUNTRACED)), Ok(WaitStatus::Stopped(pid, Signal::SIGSTOP)));
    std::thread::sleep(time);
    kill(pid, Signal::SIGCONT).expect("a child");
    assert_eq!(waitpid(pid, None), Ok(WaitStatus::Exited(pid, 0)));
}

fn check_errs_after_a_stop_across_the_deadline() {
    stopped_for_a_while(|| {
        let outer = after(SECOND * 100);
        let alarm = after(50 * MS);
        children::raise(libc::SIGSTOP);
        let timed_out = alarm.check().expect_err("the deadline has passed");
        assert!(timed_out.elapsed() >= STOP);
        assert!(outer.check().is_ok());
        alarm.restart();
        expires(&alarm, 50 * MS);
    });
}

fn blocking_ends_after_a_stop_across_the_deadline() {
    fn stopper() -> Pid {
        let me = Pid::this();
        let pid = Pid::from_raw(children::fork());
        if pid.as_raw() == 0 {
            std::thread::sleep(20 * MS);
            let _ = kill(me, Signal::SIGSTOP);
            children::exit_now(0);
        }
        pid
    }
    fn over(waited: impl Fn(&Alarm) -> bool) {
        let alarm = after(600 * MS);
        let stopper = stopper();
        assert!(waited(&alarm), "the deadline has passed");
        assert!(alarm.elapsed() >= 600 * MS);
        let _ = waitpid(stopper, None);
    }
    stopped_for(700 * MS, || over(|alarm| alarm.sleep(100 * SECOND).is_err()));
    stopped_for(700 * MS, || {
        let (read, _write) = nix::unistd::pipe().expect("a pipe");
        over(|alarm| {
            let answer = alarm.blocking(|| Ok(nix::unistd::read(&read, &mut [0])?));
            answer.is_err_and(|e| e.kind() == io::ErrorKind::TimedOut)
        });
    });
    stopped_for(700 * MS, || {
        let (read, _write) = pair();
        over(|alarm| {
            let answer = alarm.reader(&read).read(&mut [0]);
            answer.is_err_and(|e| e.kind() == io::ErrorKind::TimedOut)
        });
    });
}

fn foreign_timer_is_delivered_once_after_a_stop() {
    stopped_for_a_while(|| {
        process::count_signals();
        process::once(100 * MS);
        let alarm = after(50 * MS);
        children::raise(libc::SIGSTOP);
        assert!(alarm.check().is_err());
        drop(alarm);
        children::soon("the foreign timer's signal", || process::counted() == 1);
        process::set_action(libc::SIG_DFL, 0, &[]);
    });
}

fn worker_join_times_out_after_a_stop() {
    stopped_for_a_while(|| {
        let worker = Worker::spawn(|| {
            let alarm = after(50 * MS);
            expires(&alarm, 50 * MS);
        });
        let worker = worker.expect("a thread");
        children::raise(libc::SIGSTOP);
        worker.join_timeout(100 * SECOND).expect("it ends");
    });
}

#[cfg(feature = "process")]
fn job_is_killed_after_a_stop() {
    stopped_for(1_200 * MS, || {
        use sigalarm::process::Job;

        let slow = Job::builder().limit(50 * MS).spawn(|| -> () { children::pause() }).expect("a job");
        let quick = Job::builder().limit(SECOND).spawn(|| 7).expect("a job");
        children::raise(libc::SIGSTOP);
        // While stopped, the parent could not end it. It does so now.
        let e = slow.join().expect_err("the job never ends");
        assert!(e.timed_out().is_some_and(|e| e.elapsed() >= 1_200 * MS), "{e}");
        assert_eq!(quick.join().expect("a value"), 7);
        drop((slow, quick));
        assert!(!children::has_children());
    });
}

/// A time namespace shifts the monotonic clock.
fn in_another_time() {
    let alarm = after(20 * MS);
    let earlier = alarm.deadline().expect("one");
    expires(&alarm, 20 * MS);
    assert!(Instant::now() >= earlier);
    drop(alarm);
    let until = Instant::now() + 20 * MS;
    let alarm = Alarm::at(until).expect("arming");
    expiry(&alarm);
    assert!(Instant::now() >= until);
    drop(alarm);
    assert!(after(Duration::MAX).remaining().is_none());
    assert!(after(SECOND * 1_000_000_000).check().is_ok());
    process::set_action(process::counting(), 0, &[]);
    process::set_timer(10 * MS, 10 * MS);
    let alarm = after(50 * MS);
    expires(&alarm, 50 * MS);
    assert!(process::counted() >= 1);
    println!("lived");
}

fn old_clock(inner: &mut Command) -> Command {
    under("unshare", &["--time", "--fork", "--monotonic", "1000000000", "--"])(inner)
}

fn older_clock(inner: &mut Command) -> Command {
    under("unshare", &["--time", "--fork", "--monotonic", "4000000000", "--"])(inner)
}

fn lives(outcome: &Outcome) -> Result<(), String> {
    match outcome.status.success() && outcome.stdout.contains("lived") {
        true => Ok(()),
        false => Err("expected it to live".to_owned()),
    }
}

fn alarms_work_without_descriptors() {
    children::set_limit(Resource::RLIMIT_NOFILE, 0);
    let before = state();
    let alarm = after(5 * MS);
    assert!(alarm.sleep(SECOND * 100).is_err());
    alarm.restart();
    expires(&alarm, 5 * MS);
    let inner = after(SECOND);
    drop(alarm);
    drop(inner);
    assert_eq!(state(), before);
    let worker = Worker::spawn(|| expires(&after(5 * MS), 5 * MS)).expect("a thread needs none");
    worker.join().expect("it ends");
}

fn alarms_work_without_threads() {
    if !children::drop_privileges() {
        println!("skipped: cannot give up the privileges that limits do not bind");
        return;
    }
    children::set_limit(Resource::RLIMIT_NPROC, 0);
    let e = Worker::spawn(|| 1).map(drop).expect_err("no thread can be made");
    assert_eq!(e.kind(), io::ErrorKind::WouldBlock, "{e}");
    let (read, _write) = nix::unistd::pipe().expect("a pipe");
    let alarm = after(5 * MS);
    assert!(alarm.blocking(|| Ok(nix::unistd::read(&read, &mut [0])?)).is_err());
    drop(alarm);
    expires(&after(5 * MS), 5 * MS);
}

fn armed_alarms_work_with_no_memory() {
    let before = state();
    let alarm = after(20 * MS);
    children::set_limit(Resource::RLIMIT_AS, 0);
    expires(&alarm, 20 * MS);
    alarm.restart();
    assert!(alarm.sleep(SECOND * 100).is_err());
    drop(alarm);
    assert_eq!(state(), before);
}

fn limits_are_kept_under_load() {
    let spinners: Vec<Pid> = (0..16)
        .map(|_| {
            let pid = children::fork();
            if pid == 0 {
                let _ = nix::sys::prctl::set_pdeathsig(Signal::SIGKILL);
                let began = Instant::now();
                while began.elapsed() < 60 * SECOND {
                    std::hint::spin_loop();
                }
                children::exit_now(0);
            }
            Pid::from_raw(pid)
        })
        .collect();
    let before = state();
    let mut latest = Duration::ZERO;
    for n in rounds(60) {
        let limit = Duration::from_micros(n * 137 % 3_000);
        let alarm = after(limit);
        let timed_out = expires(&alarm, limit);
        latest = latest.max(timed_out.elapsed() - limit);
    }
    let alarm = after(30 * MS);
    assert!(alarm.sleep(SECOND * 100).is_err() && alarm.elapsed() >= 30 * MS);
    let (read, _write) = nix::unistd::pipe().expect("a pipe");
    alarm.restart();
    assert!(
        alarm.blocking(|| Ok(nix::unistd::read(&read, &mut [0])?)).is_err() && alarm.elapsed() >= 30 * MS
    );
    drop(alarm);
    let worker = Worker::spawn(|| expires(&after(5 * MS), 5 * MS)).expect("a thread");
    worker.join().expect("it ends");
    assert_eq!(state(), before);
    for pid in spinners {
        kill(pid, Signal::SIGKILL).expect("a child");
        let _ = waitpid(pid, None);
    }
    println!("at most {latest:?} late");
}

#[cfg(target_os = "linux")]
fn scenario_ends_with_its_runner() {
    let (read, write) = nix::unistd::pipe().expect("a pipe");
    let runner = Pid::from_raw(children::fork());
    if runner.as_raw() == 0 {
        let mut command = Command::new("sleep");
        process::spawn_to_die_with_parent(command.arg("100"));
        let id = command.spawn().expect("a sleep").id();
        nix::unistd::write(&write, &id.to_ne_bytes()).expect("room");
        children::pause();
    }
    let mut id = [0; 4];
    assert_eq!(nix::unistd::read(&read, &mut id).expect("a process id"), 4);
    let id = u32::from_ne_bytes(id);
    assert!(children::is_running(id));
    kill(runner, Signal::SIGKILL).expect("a child");
    children::soon("the end of the scenario", || !children::is_running(id));
}

/// A destructor that panics during an unwinding would abort the process.
#[cfg(target_os = "linux")]
fn failed_test_ends_although_standard_error_is_full() {
    let full = std::fs::File::options().write(true).open("/dev/full").expect("the device");
    nix::unistd::dup2_stderr(&full).expect("a descriptor");
    let failed = std::panic::catch_unwind(|| {
        let _alarm = sigalarm::testing::never();
        panic!("the test fails");
    });
    assert!(failed.is_err());
    let failed = std::panic::catch_unwind(|| {
        sigalarm::testing::each_check(|attempt| {
            let _ = attempt.run(Alarm::check);
            panic!("the test fails");
        });
    });
    assert!(failed.is_err());
}

pub fn scenarios() -> Vec<Scenario> {
    scenarios![
        check_errs_after_a_stop_across_the_deadline,
        blocking_ends_after_a_stop_across_the_deadline,
        foreign_timer_is_delivered_once_after_a_stop,
        worker_join_times_out_after_a_stop,
        a_clock_that_is_old.launched(old_clock).judged(lives) = in_another_time,
        a_clock_that_is_older.launched(older_clock).judged(lives) = in_another_time,
        alarms_work_without_descriptors,
        #[cfg(target_os = "linux")]
        scenario_ends_with_its_runner,
        alarms_work_without_threads,
        armed_alarms_work_with_no_memory,
        limits_are_kept_under_load,
        #[cfg(target_os = "linux")]
        failed_test_ends_although_standard_error_is_full,
        #[cfg(feature = "process")]
        job_is_killed_after_a_stop,
    ]
}
