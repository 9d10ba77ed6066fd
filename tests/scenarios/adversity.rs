//! Stopped processes, jumping clocks, exhausted resources, a loaded machine.

use std::io::{self, Read};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support;
use crate::support::process::{self, state};
use crate::support::{Scenario, children, rebuilt, scenario};
use nix::libc;
use nix::sys::resource::Resource;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use sigalarm::thread::Worker;
use sigalarm::{Alarm, TimedOut};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

fn after(limit: Duration) -> Alarm {
    Alarm::after(limit).expect("arming")
}

fn expires(alarm: &Alarm, limit: Duration) -> TimedOut {
    let timed_out = loop {
        if let Err(timed_out) = alarm.check() {
            break timed_out;
        }
    };
    assert!(timed_out.elapsed() >= limit, "early: {timed_out}");
    timed_out
}

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
        let (read, _write) = std::os::unix::net::UnixStream::pair().expect("a pair");
        over(|alarm| {
            let answer = alarm.reader(&read).read(&mut [0]);
            answer.is_err_and(|e| e.kind() == io::ErrorKind::TimedOut)
        });
    });
}

fn foreign_timer_is_delivered_once_after_a_stop() {
    stopped_for_a_while(|| {
        process::set_action(process::counting(), libc::SA_RESTART, &[]);
        process::set_timer(100 * MS, Duration::ZERO);
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
    while alarm.check().is_ok() {}
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

fn elsewhere(name: &'static str, offset: &'static str) -> Scenario {
    // Where namespaces are forbidden, `unshare true` fails too.
    let possible = || {
        let mut unshare = support::tool("unshare")?;
        unshare.args(["--time", "--fork", "--monotonic", offset, "--"]);
        let mut probe = Command::new("unshare");
        probe.args(["--time", "--fork", "--monotonic", offset, "--", "true"]);
        probe.output().is_ok_and(|output| output.status.success()).then_some(unshare)
    };
    scenario(name, in_another_time)
        .launched(move |inner| match possible() {
            Some(mut unshare) => {
                unshare.arg(inner.get_program());
                rebuilt(inner, unshare)
            }
            None => {
                println!("skipped: {name}: no time namespace can be made here");
                let mut command = Command::new("echo");
                command.arg("skipped: no time namespaces");
                command
            }
        })
        .judged(|outcome| match outcome.status.success() {
            true if outcome.stdout.contains("lived") || outcome.stdout.starts_with("skipped") => Ok(()),
            _ => Err("expected it to live".to_owned()),
        })
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
    for n in support::rounds(60) {
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

pub fn scenarios() -> Vec<Scenario> {
    #[allow(unused_mut)]
    let mut all = vec![
        scenario("check_errs_after_a_stop_across_the_deadline", check_errs_after_a_stop_across_the_deadline),
        scenario(
            "blocking_ends_after_a_stop_across_the_deadline",
            blocking_ends_after_a_stop_across_the_deadline,
        ),
        scenario(
            "foreign_timer_is_delivered_once_after_a_stop",
            foreign_timer_is_delivered_once_after_a_stop,
        ),
        scenario("worker_join_times_out_after_a_stop", worker_join_times_out_after_a_stop),
        elsewhere("a_clock_that_is_old", "1000000000"),
        elsewhere("a_clock_that_is_older", "4000000000"),
        scenario("alarms_work_without_descriptors", alarms_work_without_descriptors),
        #[cfg(target_os = "linux")]
        scenario("scenario_ends_with_its_runner", scenario_ends_with_its_runner),
        scenario("alarms_work_without_threads", alarms_work_without_threads),
        scenario("armed_alarms_work_with_no_memory", armed_alarms_work_with_no_memory),
        scenario("limits_are_kept_under_load", limits_are_kept_under_load),
    ];
    #[cfg(feature = "process")]
    all.push(scenario("job_is_killed_after_a_stop", job_is_killed_after_a_stop));
    all
}
