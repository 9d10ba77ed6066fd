use std::io;
use std::mem;
use std::os::fd::AsFd;
use std::panic::{self, Location};

use nix::libc;
use nix::unistd::Pid;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::builder::{Builder, Options};
use super::child::{self, Child};
use super::error::SpawnError;
use super::in_child::{ExitOnDrop, InChild, change_process, flush};
use super::job::Job;
use super::output::Output;
use super::panics;
use super::shared::Shared;
use crate::os::alone::Alone;
use crate::os::forked::{self, fork};
use crate::os::job_fd::{JobFd, close_all_but};
use crate::os::pipe::{self, WriteEnd};
use crate::os::posix_timer::ThreadId;
use crate::os::{c_streams, clock, inherited};
use crate::runtime::{self, ForChild};
use crate::time::Time;

pub(super) fn spawn<T, F>(
    builder: Builder,
    alone: Alone,
    f: F,
    location: &'static Location<'static>,
) -> Result<Job<T>, SpawnError>
where
    T: Serialize + DeserializeOwned,
    F: FnOnce() -> T,
{
    let Builder { options, stdout, stderr } = builder;
    let (began, alarm) = prepare(&options, location)?;
    let parent = Pid::this();
    match fork_job::<T>(&options, parent, alarm, [stdout, stderr], alone, location)? {
        Forked::InChild(child) => {
            mem::forget(options);
            child.run(f)
        }
        Forked::InParent(child, pipe) => {
            let job = Job::new(Shared::new(child, pipe, options, (parent, began), location));
            // If a destructor panics, the unwinding drops the job, which kills it.
            drop(f);
            Ok(job)
        }
    }
}

enum Forked {
    InChild(InChild),
    InParent(Child, (JobFd, u64)),
}

/// Not inlined, so that `fork_job` reuses the stack pages of this call. After a fork, the first write to each page
/// costs a page fault.
#[inline(never)]
fn prepare(
    options: &Options,
    location: &'static Location<'static>,
) -> Result<(Time, Option<ForChild>), SpawnError> {
    runtime::prepare().map_err(|e| SpawnError::system("pthread_atfork", e.into()))?;
    c_streams::prepare();
    // The clocks are read before the alarm is armed, so SIGALRM never ends the child before `began` plus the limit.
    let clocks = options.limit.map_or((Time::PAST, Time::PAST), |_| (clock::now(), clock::kernel_now()));
    let plan = options.plan(location).filter(|_| !options.may_have_threads);
    let alarm = plan.and_then(|plan| runtime::arm_for_child(plan, clocks));
    Ok((clocks.1, alarm))
}

/// The unused `T` makes the compiler place this code near that of `f`, because each further page of code costs the
/// child a page fault.
#[inline(never)]
#[allow(clippy::extra_unused_type_parameters)]
fn fork_job<T>(
    options: &Options,
    parent: Pid,
    alarm: Option<ForChild>,
    [stdout, stderr]: [Output; 2],
    alone: Alone,
    location: &'static Location<'static>,
) -> Result<Forked, SpawnError> {
    let naming = |call: &'static str| move |e: io::Error| SpawnError::system(call, e);
    child::reap_detached();
    let owner = parent.as_raw().unsigned_abs();
    let outputs = [stdout.open().map_err(naming("open"))?, stderr.open().map_err(naming("open"))?];
    let (read, write) = pipe::pipe().map_err(naming("pipe"))?;
    let (read, write) = (JobFd::new(read, owner), JobFd::new(write, owner));
    let pipe = WriteEnd::new(write.as_fd()).map_err(naming("fstat"))?;
    // No other thread may print between the flush and the fork, because the child would print that output again.
    let streams = options.may_have_threads.then(|| (io::stdout().lock(), io::stderr().lock()));
    flush();
    let blocked = inherited::block_all().map_err(naming("pthread_sigmask"))?;
    // `Some` in a job, whose own jobs must not write to its pipe.
    let outer = panics::capture(Some(pipe));
    let thread = options.may_have_threads.then(ThreadId::current);
    // In the child, replacing the hook costs page faults. But other threads use the parent's hook.
    let hook = if options.may_have_threads { None } else { panics::replace_hook() };
    let pid = match fork(alone) {
        Ok(None) => {
            let exit = ExitOnDrop;
            close_all_but(pipe.number(), owner);
            if let Some(outer) = outer {
                outer.close_in_child();
            }
            if let Err(failure) = change_process(options, parent, thread, &outputs, pipe) {
                let _ = failure.send(pipe);
                forked::exit(libc::EXIT_FAILURE)
            }
            blocked.reset_in_child();
            drop(streams);
            if options.may_have_threads {
                // The parent's hook is not dropped, because its destructor could, for example, delete a file of the parent.
                mem::forget(panics::replace_hook());
            }
            if alarm.is_none() {
                let _ = options.plan(location).map(runtime::arm);
            }
            mem::forget((read, alarm, outputs, write, hook));
            return Ok(Forked::InChild(InChild::new(options, pipe, exit)));
        }
        Ok(Some(pid)) => Ok(pid),
        Err(e) => Err(naming("fork")(e)),
    };
    panics::capture(outer);
    if let Some(hook) = hook {
        panic::set_hook(hook);
    }
    // At the limit of open files, the pidfd gets the number that this close frees. Signals stay blocked until the pidfd
    // is open, because a handler could reap the child and free its pid.
    write.close();
    let child = pid.map(|pid| Child::new(pid, parent, !options.foreground));
    blocked.restore();
    drop((streams, alarm));
    Ok(Forked::InParent(child?, (read, pipe.mark)))
}
