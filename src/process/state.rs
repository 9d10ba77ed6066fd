use nix::libc;

use super::builder::Options;
use super::error::JobError;
use super::shared::Shared;
use super::wire::{Received, Receiver};
use super::{Exit, KillReason, Usage};
use crate::os::clock;
use crate::runtime;
use crate::time::Time;

#[derive(Debug)]
pub(super) struct End {
    pub(super) outcome: Result<Vec<u8>, JobError>,
    pub(super) exit: Exit,
    pub(super) usage: Option<Usage>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) receiver: Receiver,
    /// Whether bytes have arrived since the last look at the limit.
    pub(super) has_received: bool,
    /// SIGTERM follows the limit after one grace, and SIGKILL follows SIGTERM after one grace.
    pub(super) next_signal: Time,
    pub(super) sent_sigterm: bool,
    /// The signals that the program has sent to the job, one bit each.
    pub(super) sent_signals: u64,
}

impl State {
    pub(super) fn outcome(
        &self,
        job: &Shared,
        received: Received,
        exit: Exit,
        usage: Option<Usage>,
    ) -> Result<Vec<u8>, JobError> {
        let (received, out_of_memory) = match received {
            Received::Value(bytes) => return Ok(bytes),
            Received::Error(e) => return Err(e),
            Received::AbortedWithoutMemory => (0, true),
            Received::Incomplete(received) => (received as u64, false),
        };
        let limit = job.options.cpu_limit;
        // RLIMIT_CPU sends SIGKILL to a child that survives SIGXCPU, so SIGKILL may mean `CpuTime`.
        let used_up = limit.zip(usage).is_some_and(|(limit, used)| used.user + used.system >= limit);
        let elapsed = clock::kernel_now().since(job.began);
        // After an `exec` the child's alarm still has its timer but no handler, so SIGALRM ends the process.
        let by_timer = job.options.limit.is_some_and(|limit| match exit {
            Exit::Signal { signal: libc::SIGALRM, .. } => elapsed >= limit,
            Exit::Signal { signal: libc::SIGKILL, .. } if self.sent_signals & bit(libc::SIGKILL) == 0 => {
                job.options.kill_after().is_some_and(|time| elapsed >= time)
            }
            _ => false,
        });
        if self.sent_sigterm || by_timer {
            let Options { label, limit, .. } = &job.options;
            return Err(runtime::timed_out(label.clone(), *limit, elapsed, job.location).into());
        }
        Err(match exit {
            _ if received > 0 => JobError::CutShort { received, exit },
            Exit::Code(code) => JobError::Exited { code },
            Exit::Signal { signal, core_dumped } => {
                let reason = match signal {
                    _ if out_of_memory => KillReason::Memory,
                    _ if self.sent_signals & bit(signal) != 0 => KillReason::Requested,
                    libc::SIGXCPU if limit.is_some() => KillReason::CpuTime,
                    libc::SIGKILL if used_up => KillReason::CpuTime,
                    _ => KillReason::Unknown,
                };
                JobError::Killed { signal, core_dumped, reason }
            }
            Exit::Unknown => JobError::Lost,
        })
    }
}

pub(super) fn bit(signal: i32) -> u64 {
    u32::try_from(signal).ok().and_then(|signal| 1_u64.checked_shl(signal)).unwrap_or(0)
}
