//! Limits of a job: time, memory, processor time, size of the value.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::support;
use crate::support::children::{self, fork, leaving_nothing, pause, raise, signal};
use crate::support::{Scenario, scenario};
use nix::libc;
use nix::unistd::alarm;
use sigalarm::process::{self, Job, JobError, KillReason};
use sigalarm::{Alarm, Cause, TimedOut, checkpoint};

const LIMIT: Duration = Duration::from_millis(50);
const GRACE: Duration = Duration::from_millis(100);
const SLACK: Duration = Duration::from_secs(10);

fn spin() {
    loop {
        std::hint::spin_loop();
    }
}

fn timed<T>(f: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    let answer = f();
    (answer, began.elapsed())
}

fn function_that_checks_returns_its_best() {
    leaving_nothing(|| {
        let best = |_: TimedOut| "the best so far".to_owned();
        let search = || loop {
            if let Err(e) = checkpoint() {
                break best(e);
            }
        };
        let (answer, took) = timed(|| process::run(LIMIT, search).unwrap());
        assert_eq!(answer, "the best so far");
        assert!(took >= LIMIT && took < LIMIT + SLACK, "{took:?}");
    });
}

/// No signal at the limit, SIGTERM after the grace, SIGKILL after a second grace.
fn sigterm_and_sigkill_follow_the_limit() {
    leaving_nothing(|| {
        let job = || Job::builder().limit(LIMIT).grace(GRACE).label("stuck");
        let (ended, took) = timed(|| job().run(spin));
        let timed_out: TimedOut = ended.unwrap_err().timed_out().unwrap().clone();
        assert!(took >= LIMIT + GRACE && took < LIMIT + GRACE + SLACK, "{took:?}");
        assert!(timed_out.elapsed() >= LIMIT + GRACE);
        assert_eq!((timed_out.limit(), timed_out.label()), (Some(LIMIT), Some("stuck")));
        assert_eq!(timed_out.location().file(), file!());
        assert_eq!(timed_out.cause(), Cause::Deadline);

        // The child needs time to ignore SIGTERM.
        let grace = 5 * GRACE;
        let job = job().grace(grace).spawn(|| {
            signal(libc::SIGTERM, libc::SIG_IGN);
            spin()
        });
        let job = job.unwrap();
        let (ended, took) = timed(|| job.join());
        assert!(ended.is_err_and(|e: JobError| e.timed_out().is_some()));
        assert!(took >= LIMIT + 2 * grace, "{took:?}");
        assert_eq!(job.exit_code(), Some(-libc::SIGKILL));
    });
}

fn value_after_sigterm_is_returned() {
    static ASKED: AtomicU64 = AtomicU64::new(0);
    extern "C" fn on_term(_: libc::c_int) {
        ASKED.fetch_add(1, Ordering::Relaxed);
    }
    leaving_nothing(|| {
        let wait = || {
            signal(libc::SIGTERM, on_term as extern "C" fn(libc::c_int) as usize);
            while ASKED.load(Ordering::Relaxed) == 0 {
                std::hint::spin_loop();
            }
            std::thread::sleep(Duration::from_millis(5)); // a second signal would have come by now
            ASKED.load(Ordering::Relaxed)
        };
        let job = Job::builder().limit(LIMIT).grace(5 * GRACE);
        assert_eq!(job.run(wait).unwrap(), 1);
    });
}

fn sigkill_comes_at_once_without_grace() {
    leaving_nothing(|| {
        let job = Job::builder().limit(LIMIT).grace(Duration::ZERO);
        let (ended, took) = timed(|| job.run(spin));
        assert!(ended.unwrap_err().timed_out().is_some());
        assert!(took >= LIMIT && took < LIMIT + SLACK, "{took:?}");
    });
}

fn stopped_job_is_killed() {
    leaving_nothing(|| {
        let job = Job::builder().limit(LIMIT).grace(GRACE);
        let stop = || {
            raise(libc::SIGSTOP);
            spin()
        };
        assert!(job.run(stop).unwrap_err().timed_out().is_some());

        let job = Job::spawn(|| raise(libc::SIGSTOP)).unwrap();
        assert!(job.join_timeout(LIMIT).unwrap_err().timed_out().is_some());
        job.terminate().unwrap();
        assert!(matches!(job.join(), Err(JobError::Killed { signal: libc::SIGTERM, .. })));

        // A stopped and continued job goes on.
        let job = Job::spawn(|| {
            raise(libc::SIGSTOP);
            7
        });
        let job = job.unwrap();
        children::soon("it to stop", || {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", job.id())).unwrap_or_default();
            stat.contains(") T ")
        });
        assert!(job.join_timeout(LIMIT).is_err() && job.is_alive());
        job.signal(libc::SIGCONT).unwrap();
        assert_eq!(job.join().unwrap(), 7);
    });
}

fn limits_of_zero_and_never_work() {
    leaving_nothing(|| {
        assert!(process::run(Duration::ZERO, || checkpoint().is_err()).unwrap());
        assert!(process::run(Duration::MAX, || checkpoint().is_ok()).unwrap());
        let job = Job::builder().limit(Duration::ZERO).grace(Duration::ZERO);
        assert!(job.run(spin).unwrap_err().timed_out().is_some());

        let job = Job::builder().grace(Duration::MAX).limit(Duration::MAX).spawn(|| 1).unwrap();
        assert_eq!(job.join_timeout(Duration::MAX).unwrap(), 1);
        let past = Instant::now().checked_sub(Duration::from_millis(1)).unwrap();
        let job = Job::spawn(|| -> () { pause() }).unwrap();
        assert!(job.join_deadline(past).unwrap_err().timed_out().is_some());
        assert!(job.join_timeout(Duration::ZERO).unwrap_err().timed_out().is_some());
    });
}

fn join_that_times_out_leaves_the_job() {
    leaving_nothing(|| {
        let job = Job::builder().label("slow").spawn(|| {
            std::thread::sleep(Duration::from_millis(1_500));
            "done".to_owned()
        });
        let job = job.unwrap();
        for _ in 0..3 {
            let limit = Duration::from_millis(5);
            let (ended, took) = timed(|| job.join_timeout(limit));
            let timed_out = ended.unwrap_err().timed_out().unwrap().clone();
            assert!(took >= limit && timed_out.elapsed() >= limit);
            assert_eq!((timed_out.limit(), timed_out.label()), (Some(limit), Some("slow")));
            assert_eq!(timed_out.location().file(), file!());
            assert!(job.is_alive() && job.exit_status().is_none() && job.usage().is_none());
        }
        assert_eq!(job.join_timeout(SLACK).unwrap(), "done");
    });
}

fn late_join_gets_the_value() {
    leaving_nothing(|| {
        let limited = || Job::builder().limit(LIMIT).grace(GRACE);
        let (ready, is_ready) = UnixStream::pair().unwrap();
        let grace = Duration::from_secs(3);
        let job = limited().grace(grace).spawn(|| {
            (&ready).write_all(b"!").unwrap();
            "x".repeat(5_000_000)
        });
        let job = job.unwrap();
        (&is_ready).read_exact(&mut [0]).unwrap();
        std::thread::sleep(LIMIT + grace);
        assert_eq!(job.join().unwrap().len(), 5_000_000);

        // A value that never ends gets the grace only.
        let job = limited().spawn(|| Endless).unwrap();
        std::thread::sleep(2 * (LIMIT + GRACE));
        let (ended, took) = timed(|| job.join());
        assert!(ended.is_err_and(|e| e.timed_out().is_some()));
        assert!(took >= GRACE && took < SLACK, "{took:?}");
        // The grace holds before the first signal is due too.
        let job = limited().spawn(|| Endless).unwrap();
        std::thread::sleep(LIMIT + GRACE / 2);
        let (ended, took) = timed(|| job.join());
        assert!(ended.is_err_and(|e| e.timed_out().is_some()));
        assert!(took >= GRACE && took < SLACK, "{took:?}");
        // With a waiting thread it does not get even the grace.
        let job = limited().spawn(|| Endless).unwrap();
        assert!(job.join().is_err_and(|e| e.timed_out().is_some()));
    });
}

struct Endless;

impl serde::Serialize for Endless {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let numbers = (0..usize::MAX as u64).inspect(|n| {
            if n % 10_000 == 0 {
                std::thread::sleep(Duration::from_micros(100)); // bounds the parent's memory
            }
        });
        serializer.collect_seq(numbers)
    }
}

impl<'de> serde::Deserialize<'de> for Endless {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Endless, D::Error> {
        unreachable!("no end of it arrives")
    }
}

fn callers_alarm_ends_a_join() {
    leaving_nothing(|| {
        let job = Job::spawn(|| -> () { pause() }).unwrap();
        let outer = Alarm::builder().after(LIMIT).label("outer").arm().unwrap();
        let inner = Alarm::after(SLACK).unwrap();
        let (ended, took) = timed(|| job.join());
        let timed_out = ended.unwrap_err().timed_out().unwrap().clone();
        assert!(outer.owns(&timed_out) && !inner.owns(&timed_out));
        assert!(took + Duration::from_millis(1) >= LIMIT && took < SLACK, "{took:?}");
        assert_eq!((timed_out.label(), timed_out.location().file()), (Some("outer"), file!()));
        assert!(job.is_alive());
        assert!(job.join_timeout(SLACK).is_err_and(|e| outer.owns(e.timed_out().unwrap())));
        outer.restart();
        outer.extend(SLACK);

        let (ended, took) = timed(|| job.join_timeout(Duration::from_millis(1)));
        assert!(ended.is_err_and(|e| !outer.owns(e.timed_out().unwrap())) && took < SLACK);
        drop(outer);

        // Around a whole run: the job is dropped, and so killed.
        let alarm = Alarm::after(LIMIT).unwrap();
        let ended = process::run(SLACK, || -> () { pause() }).unwrap_err();
        assert!(alarm.owns(ended.timed_out().unwrap()));
    });
}

fn callers_ring_ends_a_join() {
    leaving_nothing(|| {
        let job = Job::spawn(|| -> () { pause() }).unwrap();
        let alarm = Alarm::never().unwrap();
        std::thread::scope(|s| {
            s.spawn(|| {
                std::thread::sleep(LIMIT);
                alarm.ring();
            });
            let ended = job.join().unwrap_err().timed_out().unwrap().clone();
            assert!(alarm.owns(&ended) && ended.cause() == Cause::Rung);
        });
        let guest = Alarm::after(LIMIT).unwrap();
        std::thread::scope(|s| {
            s.spawn(|| {
                let _entered = guest.enter();
                assert!(
                    alarm.owns(job.join().unwrap_err().timed_out().unwrap()),
                    "it encloses the entered alarm"
                );
                alarm.disarm();
                assert!(guest.owns(job.join().unwrap_err().timed_out().unwrap()));
            });
        });
        assert!(job.is_alive());
    });
}

fn callers_alarm_ends_a_join_without_a_signal() {
    leaving_nothing(|| {
        let job = Job::spawn(|| -> () { pause() }).unwrap();
        let alarm = Alarm::after(LIMIT).unwrap();
        support::process::block(libc::SIGALRM);
        assert!(job.join().is_err_and(|e| alarm.owns(e.timed_out().unwrap())));
    });
}

fn alarms_are_not_inherited() {
    leaving_nothing(|| {
        let alarm = Alarm::after(Duration::ZERO).unwrap();
        let job = Job::spawn(|| (checkpoint().is_ok(), alarm.check().is_ok())).unwrap();
        drop(alarm);
        assert_eq!(job.join().unwrap(), (true, true));
        let own = Job::spawn(|| Alarm::after(Duration::ZERO).unwrap().check().is_err()).unwrap();
        assert!(own.join().unwrap());
        let state = support::process::state();
        process::run(LIMIT, || ()).unwrap();
        assert_eq!(support::process::state(), state);
    });
}

/// The child's alarm is armed before the fork. It ends a system call of the child, and the parent keeps no trace of it.
fn limit_ends_a_system_call_of_the_child() {
    leaving_nothing(|| {
        let state = support::process::state();
        let (mut here, there) = UnixStream::pair().unwrap();
        let blocked = || {
            let nested = Alarm::never().unwrap();
            let e = nested.blocking(|| here.read(&mut [0])).unwrap_err();
            TimedOut::find_in(&e).is_some_and(|e| e.limit() == Some(LIMIT))
        };
        let job = || Job::builder().limit(LIMIT).grace(SLACK);
        assert!(job().run(blocked).unwrap());
        drop(there);
        assert_eq!(support::process::state(), state);
        assert!(process::run(Duration::ZERO, || checkpoint().is_err()).unwrap());
        assert!(checkpoint().is_ok());

        // Beside a timer of the program's, and beside an alarm of the parent, the child arms its own.
        let until_limit = || loop {
            if let Err(e) = checkpoint() {
                break e.limit() == Some(LIMIT);
            }
        };
        alarm::set(1_000);
        assert!(job().run(until_limit).unwrap());
        assert!(alarm::cancel().is_some_and(|left| left > 900));
        assert_eq!(support::process::state(), state);

        let own = Alarm::after(1_000 * LIMIT).unwrap();
        assert!(job().run(until_limit).unwrap());
        assert!(own.check().is_ok());
    });
}

fn nested_jobs_have_their_own_limits() {
    leaving_nothing(|| {
        let outcome = process::run(SLACK, || {
            let inner = Job::builder().limit(LIMIT).grace(Duration::ZERO).run(spin);
            let inner = inner.unwrap_err();
            assert!(checkpoint().is_ok());
            inner.timed_out().is_some()
        });
        assert!(outcome.unwrap());

        // The outer limit ends the inner join, which kills the inner job.
        let outcome = process::run(LIMIT, || {
            let inner = Job::spawn(spin).unwrap();
            inner.join().unwrap_err().timed_out().cloned()
        });
        assert_eq!(outcome.unwrap().unwrap().limit(), Some(LIMIT));
    });
}

#[cfg(target_os = "linux")]
fn limit_without_a_wait_ends_the_serialisation() {
    struct Endless;

    impl serde::Serialize for Endless {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            pause()
        }
    }

    impl<'de> serde::Deserialize<'de> for Endless {
        fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Endless, D::Error> {
            Ok(Endless)
        }
    }

    leaving_nothing(|| {
        let job = Job::builder().limit(LIMIT).grace(Duration::ZERO).spawn(|| Endless).unwrap();
        children::soon("the end by the child's timer", || !children::is_running(job.id()));
        // A panic whose message fills the pipe waits for a late join.
        let job = Job::builder().limit(LIMIT).grace(LIMIT);
        let job = job.spawn(|| -> () { panic!("{}", "x".repeat(1 << 16)) }).unwrap();
        std::thread::sleep(Duration::from_secs(1) + 4 * LIMIT);
        assert!(matches!(job.join(), Err(JobError::Panicked(_))));
    });
}

fn exhausted_memory_is_reported() {
    leaving_nothing(|| {
        let job = Job::builder().memory_limit(256 << 20).stderr(process::Output::Null);
        let eat = || -> () {
            let mut all = Vec::new();
            loop {
                all.push(vec![1_u8; 1 << 20]);
                std::hint::black_box(&all);
            }
        };
        let ended = job.run(eat).unwrap_err();
        let reason = KillReason::Memory;
        assert!(
            matches!(&ended, JobError::Killed { signal: libc::SIGABRT, reason: r, .. } if *r == reason),
            "{ended:?}"
        );
        // Another abort is not reported as a lack of memory, nor is a grandchild's.
        let limited = || Job::builder().memory_limit(1 << 30).stderr(process::Output::Null);
        let ended = limited().run(|| -> () { std::process::abort() }).unwrap_err();
        let reason = KillReason::Unknown;
        assert!(matches!(&ended, JobError::Killed { reason: r, .. } if *r == reason), "{ended:?}");
        let outcome = limited().run(|| {
            if fork() == 0 {
                drop(Vec::<u8>::with_capacity(1 << 40));
            }
            nix::sys::wait::wait().unwrap();
            7
        });
        assert_eq!(outcome.unwrap(), 7);

        let job =
            Job::builder().memory_limit(256 << 20).run(|| Vec::<u8>::new().try_reserve(1 << 30).is_err());
        assert!(job.unwrap());
        assert!(Vec::<u8>::new().try_reserve(1 << 30).is_ok(), "the parent's is as it was");
    });
}

#[cfg(target_os = "linux")]
fn stricter_limit_of_the_parent_stays() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};

    leaving_nothing(|| {
        let (before, most) = getrlimit(Resource::RLIMIT_CPU).unwrap();
        setrlimit(Resource::RLIMIT_CPU, 1_000, most).unwrap();
        let soft = || getrlimit(Resource::RLIMIT_CPU).unwrap().0;
        let limited = |time| Job::builder().cpu_limit(Duration::from_secs(time)).run(soft).unwrap();
        assert_eq!([limited(2_000), limited(500)], [1_000, 500]);
        setrlimit(Resource::RLIMIT_CPU, before, most).unwrap();
    });
}

fn processor_time_limit_is_kept() {
    leaving_nothing(|| {
        for limit in [Duration::from_millis(100), Duration::from_secs(1)] {
            let job = Job::builder().cpu_limit(limit).spawn(spin).unwrap();
            let ended = job.join().unwrap_err();
            let reason = KillReason::CpuTime;
            assert!(
                matches!(&ended, JobError::Killed { signal: libc::SIGXCPU, reason: r, .. } if *r == reason),
                "{ended:?}"
            );
            let used = job.usage().unwrap();
            let used = used.user + used.system;
            // RLIMIT_CPU counts ticks, which a loaded machine may charge to the wrong process.
            let least = if limit.subsec_nanos() == 0 { 0.5 } else { 0.95 };
            assert!(used >= limit.mul_f64(least), "{used:?}");
            if cfg!(target_os = "linux") {
                assert!(used < limit + Duration::from_millis(500), "{used:?}");
            }
        }
        let asleep = Job::builder().cpu_limit(Duration::from_millis(100));
        asleep.run(|| std::thread::sleep(4 * LIMIT)).unwrap();
    });
}

fn requested_signals_are_distinguished() {
    leaving_nothing(|| {
        let reason = |job: Job<()>| match job.join() {
            Err(JobError::Killed { reason, .. }) => reason,
            other => panic!("{other:?}"),
        };
        let spawn = || Job::spawn(|| -> () { pause() }).unwrap();
        let job = spawn();
        job.kill().unwrap();
        assert_eq!(reason(job), KillReason::Requested);
        let job = spawn();
        job.terminate().unwrap();
        assert_eq!(reason(job), KillReason::Requested);
        let job = spawn();
        job.signal(0).unwrap();
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(job.id() as i32), nix::sys::signal::SIGKILL)
            .unwrap();
        assert_eq!(reason(job), KillReason::Unknown);
    });
}

/// The child's own timer kills it, two graces and a second after the limit.
fn limit_is_kept_without_a_waiting_thread() {
    leaving_nothing(|| {
        let stubborn = || -> () {
            signal(libc::SIGTERM, libc::SIG_IGN);
            spin()
        };
        let began = Instant::now();
        let job = Job::builder().limit(LIMIT).grace(LIMIT).spawn(stubborn).unwrap();
        children::soon("the end of a job without a waiter", || !children::is_running(job.id()));
        assert!(began.elapsed() >= 3 * LIMIT + Duration::from_secs(1), "{:?}", began.elapsed());
        assert!(job.join().unwrap_err().timed_out().is_some());

        let grace = Duration::from_millis(800);
        let job = Job::builder().limit(LIMIT).grace(grace).spawn(|| "x".repeat(4 << 20)).unwrap();
        std::thread::sleep(LIMIT + 2 * grace + Duration::from_millis(1_300));
        assert_eq!(job.join().unwrap().len(), 4 << 20);
    });
}

fn value_beyond_the_size_limit_is_an_error() {
    leaving_nothing(|| {
        let limited = |bytes| Job::builder().value_limit(bytes);
        assert_eq!(limited(6).run(|| "hello".to_owned()).unwrap(), "hello");
        assert!(matches!(limited(5).run(|| "hello".to_owned()), Err(JobError::TooLarge { limit: 5, .. })));
        assert!(matches!(limited(10_000_000).run(|| Endless), Err(JobError::TooLarge { .. })));
    });
}

pub fn scenarios() -> Vec<Scenario> {
    vec![
        scenario("function_that_checks_returns_its_best", function_that_checks_returns_its_best),
        scenario("sigterm_and_sigkill_follow_the_limit", sigterm_and_sigkill_follow_the_limit),
        scenario("value_after_sigterm_is_returned", value_after_sigterm_is_returned),
        scenario("sigkill_comes_at_once_without_grace", sigkill_comes_at_once_without_grace),
        scenario("stopped_job_is_killed", stopped_job_is_killed),
        scenario("limits_of_zero_and_never_work", limits_of_zero_and_never_work),
        scenario("join_that_times_out_leaves_the_job", join_that_times_out_leaves_the_job),
        scenario("late_join_gets_the_value", late_join_gets_the_value),
        scenario("callers_alarm_ends_a_join", callers_alarm_ends_a_join),
        scenario("callers_ring_ends_a_join", callers_ring_ends_a_join),
        scenario("callers_alarm_ends_a_join_without_a_signal", callers_alarm_ends_a_join_without_a_signal),
        scenario("alarms_are_not_inherited", alarms_are_not_inherited),
        scenario("limit_ends_a_system_call_of_the_child", limit_ends_a_system_call_of_the_child),
        scenario("nested_jobs_have_their_own_limits", nested_jobs_have_their_own_limits),
        scenario("exhausted_memory_is_reported", exhausted_memory_is_reported)
            .launched(support::without_backtrace),
        #[cfg(target_os = "linux")]
        scenario("limit_without_a_wait_ends_the_serialisation", limit_without_a_wait_ends_the_serialisation),
        #[cfg(target_os = "linux")]
        scenario("stricter_limit_of_the_parent_stays", stricter_limit_of_the_parent_stays),
        scenario("processor_time_limit_is_kept", processor_time_limit_is_kept),
        scenario("requested_signals_are_distinguished", requested_signals_are_distinguished),
        #[cfg(target_os = "linux")]
        scenario("limit_is_kept_without_a_waiting_thread", limit_is_kept_without_a_waiting_thread),
        scenario("value_beyond_the_size_limit_is_an_error", value_beyond_the_size_limit_is_an_error),
    ]
}
