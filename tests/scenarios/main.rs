//! Scenarios that need a process of their own: signals, timers, masks, forks.

#[path = "../support/mod.rs"]
mod support;

mod adversity;
mod blocking;
mod control;
mod faults;
mod foreign;
mod fork_exec;
mod limits;
mod neighbours;
mod nesting;
#[cfg(sigalarm_rtsan)]
mod real_time;
mod reasons;
mod restoration;
mod signals;
mod stdin;
mod system_calls;
mod threads;
mod within;

fn main() {
    support::main(support::modules![
        adversity,
        blocking::calls,
        blocking::handlers,
        blocking::races,
        blocking::readers,
        blocking::under_others,
        control::flags,
        control::handles,
        control::pauses,
        control::shields,
        control::watchdog_lines,
        faults,
        foreign::delivered,
        foreign::set_under_a_guard,
        foreign::takeovers,
        fork_exec,
        limits,
        neighbours::clocks,
        neighbours::copies,
        neighbours::foreign_timers,
        neighbours::handlers,
        neighbours::processes,
        neighbours::shared_checks,
        neighbours::threads,
        nesting,
        #[cfg(sigalarm_rtsan)]
        real_time,
        reasons::audits,
        reasons::ring_on,
        reasons::tickers,
        reasons::used_up,
        reasons::watchdogs,
        restoration::dispositions,
        restoration::timers,
        restoration::unwinding,
        signals::context,
        signals::kills,
        signals::over_a_guard,
        stdin,
        system_calls,
        threads,
        within,
    ]);
}
