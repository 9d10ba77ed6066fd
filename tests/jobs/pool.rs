//! Several jobs: `wait_any`, `try_join`, and a descriptor to poll.

use std::time::{Duration, Instant};

use crate::support;
use crate::support::children::{self, exit_now, fork, leaving_nothing, pause};
use crate::support::{Scenario, scenario};
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use sigalarm::Alarm;
use sigalarm::process::{self, Job, JobError};

const LIMIT: Duration = Duration::from_millis(50);
const SLACK: Duration = Duration::from_secs(10);

fn pool_of_four_returns_every_value() {
    leaving_nothing(|| {
        let (mut inputs, mut jobs, mut most, mut results) = (0..100_u64, Vec::new(), 0, Vec::new());
        loop {
            for n in inputs.by_ref().take(4 - jobs.len()) {
                jobs.push(Job::spawn(move || n * n).unwrap());
            }
            most = most.max(jobs.len());
            let Some(ended) = process::wait_any(&jobs, Duration::MAX).unwrap() else { break };
            results.push(jobs.swap_remove(ended).join().unwrap());
        }
        results.sort_unstable();
        assert_eq!(most, 4);
        assert_eq!(results, (0..100_u64).map(|n| n * n).collect::<Vec<_>>());
    });
}

fn wait_any_serves_all_jobs() {
    leaving_nothing(|| {
        let began = Instant::now();
        let stuck = Job::builder().limit(LIMIT).grace(LIMIT).spawn(|| -> String { pause() }).unwrap();
        let large = Job::spawn(|| "x".repeat(8 << 20)).unwrap();
        let last = Job::spawn(|| -> String { pause() }).unwrap();
        let mut jobs = vec![stuck, last, large];
        let last = jobs[1].id();
        // On a loaded machine either job may be first.
        for _ in 0..2 {
            let ended = process::wait_any(&jobs, Duration::MAX).unwrap().unwrap();
            match jobs.remove(ended).join() {
                Ok(value) => assert_eq!(value.len(), 8 << 20),
                Err(e) => assert!(e.timed_out().is_some() && began.elapsed() >= LIMIT, "{e}"),
            }
        }
        assert_eq!((jobs.len(), jobs[0].id()), (1, last));
        assert!(began.elapsed() >= 2 * LIMIT);
        jobs[0].kill().unwrap();
        assert_eq!(process::wait_any(&jobs, Duration::MAX).unwrap(), Some(0));
    });
}

fn wait_any_ends_at_time_out_and_alarm() {
    leaving_nothing(|| {
        let jobs = [(); 3].map(|()| Job::spawn(|| -> () { pause() }).unwrap());
        let began = Instant::now();
        let timed_out = process::wait_any(&jobs, LIMIT).unwrap_err().timed_out().unwrap().clone();
        assert!(began.elapsed() >= LIMIT && timed_out.elapsed() >= LIMIT);
        assert_eq!((timed_out.limit(), timed_out.location().file()), (Some(LIMIT), file!()));
        assert!(process::wait_any(&jobs, Duration::ZERO).unwrap_err().timed_out().is_some());

        let alarm = Alarm::after(LIMIT).unwrap();
        let e = process::wait_any(&jobs, Duration::MAX).unwrap_err();
        assert!(alarm.owns(e.timed_out().unwrap()));
        assert!(jobs.iter().all(Job::is_alive) && began.elapsed() < SLACK);
        drop(alarm);
        assert_eq!(process::wait_any::<()>([], Duration::MAX).unwrap(), None);
    });
}

fn try_join_returns_none_until_the_end() {
    leaving_nothing(|| {
        let job = Job::spawn(|| -> u32 { pause() }).unwrap();
        assert!(job.try_join().is_none());
        job.kill().unwrap();
        children::soon("the outcome", || job.try_join().is_some());
        assert!(matches!(job.try_join(), Some(Err(JobError::Killed { signal: libc::SIGKILL, .. }))));
        let job = Job::spawn(|| "x".repeat(4 << 20)).unwrap();
        children::soon("the value", || job.try_join().is_some());
        assert_eq!(job.try_join().unwrap().unwrap().len(), 4 << 20);
        // `try_join` enforces the limit too.
        let job = Job::builder().limit(LIMIT).grace(Duration::ZERO).spawn(|| -> () { pause() }).unwrap();
        children::soon("the limit", || job.try_join().is_some());
        assert!(job.join().unwrap_err().timed_out().is_some());
    });
}

fn wait_any_serves_the_jobs_beside_one_that_has_ended() {
    leaving_nothing(|| {
        let ended = Job::spawn(String::new).unwrap();
        ended.join().unwrap();
        let stubborn = Job::builder().limit(LIMIT).grace(Duration::ZERO).spawn(|| -> String {
            children::signal(libc::SIGTERM, libc::SIG_IGN);
            // Without its own timer, only the parent ends it.
            #[cfg(target_os = "linux")]
            children::delete_own_timer();
            pause()
        });
        let large = Job::spawn(|| "x".repeat(4 << 20)).unwrap();
        let jobs = [ended, stubborn.unwrap(), large];
        for job in &jobs[1..] {
            while children::is_running(job.id()) {
                assert_eq!(process::wait_any(&jobs, Duration::MAX).unwrap(), Some(0));
            }
        }
        assert_eq!(jobs[2].join().unwrap().len(), 4 << 20);
    });
}

fn end_fd_is_readable_at_the_end() {
    leaving_nothing(|| {
        let job = Job::spawn(|| -> u32 { pause() }).unwrap();
        let Some(fd) = job.end_fd() else {
            return assert_ne!(std::env::consts::OS, "linux");
        };
        let is_readable = |time: PollTimeout| {
            let mut fds = [PollFd::new(fd, PollFlags::POLLIN)];
            poll(&mut fds, time).unwrap();
            fds[0].any().unwrap()
        };
        assert!(!is_readable(PollTimeout::ZERO));
        job.kill().unwrap();
        assert!(is_readable(PollTimeout::NONE));
        assert!(job.try_join().is_some());
        assert!(is_readable(PollTimeout::ZERO), "also after the job was reaped");
    });
}

fn child_does_not_wait_for_jobs_of_its_parent() {
    leaving_nothing(|| {
        let job = Job::spawn(|| 1).unwrap();
        let child = fork();
        if child == 0 {
            let refused = matches!(process::wait_any([&job], LIMIT), Err(JobError::NotParent))
                && matches!(job.try_join(), Some(Err(JobError::NotParent)))
                && job.end_fd().is_none();
            exit_now(i32::from(!refused));
        }
        let status = nix::sys::wait::waitpid(nix::unistd::Pid::from_raw(child), None).unwrap();
        assert!(matches!(status, nix::sys::wait::WaitStatus::Exited(_, 0)), "{status:?}");
        assert_eq!(job.join().unwrap(), 1);
    });
}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
fn wait_any_works_without_pidfds() {
    support::process::forbid(libc::SYS_pidfd_open, libc::ENOSYS);
    assert!(Job::spawn(|| 1).unwrap().end_fd().is_none());
    pool_of_four_returns_every_value();
    wait_any_serves_all_jobs();
}

pub fn scenarios() -> Vec<Scenario> {
    vec![
        scenario("pool_of_four_returns_every_value", pool_of_four_returns_every_value),
        scenario("wait_any_serves_all_jobs", wait_any_serves_all_jobs),
        scenario("wait_any_ends_at_time_out_and_alarm", wait_any_ends_at_time_out_and_alarm),
        scenario("try_join_returns_none_until_the_end", try_join_returns_none_until_the_end),
        scenario(
            "wait_any_serves_the_jobs_beside_one_that_has_ended",
            wait_any_serves_the_jobs_beside_one_that_has_ended,
        ),
        scenario("end_fd_is_readable_at_the_end", end_fd_is_readable_at_the_end),
        scenario("child_does_not_wait_for_jobs_of_its_parent", child_does_not_wait_for_jobs_of_its_parent),
        #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
        scenario("wait_any_works_without_pidfds", wait_any_works_without_pidfds),
    ]
}
