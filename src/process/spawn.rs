use std::io;
use std::mem;
use std::os::fd::AsFd;
use std::panic::Location;
use std::sync::{Arc, OnceLock};

use nix::unistd::Pid;
use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::builder::{Builder, Options};
use super::child::Child;
use super::detached;
use super::error::SpawnError;
use super::escalation::Escalation;
use super::in_child::{InChild, SetUp, Streams};
use super::job::Job;
use super::shared::Shared;
use super::state::{Stage, State, Watch};
use super::wire::Receiver;
use crate::os::alone::Alone;
use crate::os::forked::{Side, fork};
use crate::os::job_fd::JobFd;
use crate::os::pipe::{self, WriteEnd};
use crate::os::{c_streams, clock, inherited};
use crate::runtime::{self, Due, Plan};
use crate::time::Time;

/// `threads` says whether there may be other threads.
pub(super) fn spawn<T, F>(
    builder: Builder,
    alone: Alone,
    threads: bool,
    f: F,
    location: &'static Location<'static>,
) -> Result<Job<T>, SpawnError>
where
    T: Serialize + DeserializeOwned,
    F: FnOnce() -> T,
{
    match fork_job(builder, alone, threads, location)? {
        Forked::Child(child) => child.run(f),
        Forked::Parent(job) => Ok(job),
    }
}

enum Forked<T> {
    Child(InChild),
    Parent(Job<T>),
}

/// Not inlined: each page of the stack that the child keeps using costs a copy.
#[inline(never)]
fn fork_job<T>(
    builder: Builder,
    alone: Alone,
    threads: bool,
    location: &'static Location<'static>,
) -> Result<Forked<T>, SpawnError> {
    fn naming(call: &'static str) -> impl FnOnce(io::Error) -> SpawnError {
        move |e| SpawnError::system(call, e)
    }
    runtime::prepare().map_err(|e| SpawnError::system("pthread_atfork", e.into()))?;
    detached::reap();
    let parent = Pid::this();
    let Builder { options, stdout, stderr } = builder;
    let outputs = [stdout.open().map_err(naming("open"))?, stderr.open().map_err(naming("open"))?];
    let owner = parent.as_raw().unsigned_abs();
    let (read, write) = pipe::pipe().map_err(naming("pipe"))?;
    let (read, write) = (JobFd::new(read, owner), JobFd::new(write, owner));
    let c_streams = c_streams::Streams::find();
    let pipe = WriteEnd::new(write.as_fd()).map_err(naming("fstat"))?;
    let streams = Streams::flush(c_streams, threads);
    let plan = options
        .limit
        .map(|limit| Plan { label: options.label.as_ref(), ..Plan::new(Due::After(limit), location) });
    let alarms = runtime::next_here().is_some();
    // Before the alarm is armed, whose signal then never comes before the limit.
    let began = options.limit.map_or(Time::from_nanos(0), |_| clock::kernel_now());
    let alarm = plan.filter(|_| !threads).and_then(runtime::arm_for_child);
    let blocked = inherited::block_all(alarms).map_err(naming("pthread_sigmask"))?;
    let set_up = SetUp { parent, options: &options, outputs, pipe, c_streams, blocked, plan, alarm };
    let forked = match fork(alone) {
        Ok(Side::Child) => {
            let child = set_up.set_up_child(streams);
            // A drop would write to shared pages.
            mem::forget((read, write, set_up));
            mem::forget(options);
            return Ok(Forked::Child(child));
        }
        Ok(Side::Parent(pid)) => Ok(pid),
        Err(e) => Err(e),
    };
    // Before the pidfd, which may need the number, and which must be open before a signal handler can reap the child.
    write.close();
    let child = forked
        .map_err(naming("fork"))
        .and_then(|pid| Child::new(pid, parent, !options.foreground).map_err(naming("pidfd_open")));
    set_up.blocked.restore();
    drop(streams);
    drop(set_up);
    Ok(Forked::Parent(Job::new(share(parent, child?, read, began, options, location))))
}

#[inline(never)]
fn share(
    parent: Pid,
    child: Child,
    pipe: JobFd,
    began: Time,
    options: Options,
    location: &'static Location<'static>,
) -> Box<Shared> {
    let deadline = options.limit.map_or(Time::NEVER, |limit| began.after(limit));
    Box::new(Shared {
        parent,
        pid: child.pid(),
        receiver: Mutex::new(Receiver::new(options.value_limit)),
        state: Mutex::new(State {
            escalation: Escalation::new(deadline, options.grace),
            stage: Stage::Running(Arc::new(Watch { child, pipe })),
            sent: 0,
        }),
        began,
        options,
        location: location.into(),
        end_fd: OnceLock::new(),
    })
}
