//! One process per scenario, judged from outside.
//!
//! Signals, timers and masks belong to a process. So each scenario runs on the main thread of a new process of this
//! binary. The parent judges exit status and output, and kills a scenario that hangs. A scenario ends with its
//! parent.

#![allow(dead_code)] // Each test binary uses a part of this.

pub mod alarms;
pub mod children;
pub mod process;

#[allow(unused_imports)]
pub use alarms::*;

use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Failed, Trial};

const SCENARIO: &str = "SIGALARM_TEST_SCENARIO";

/// Time for a scenario on a loaded machine. `SIGALARM_TEST_PATIENCE` overrides it, in seconds.
fn patience() -> Duration {
    let asked = std::env::var("SIGALARM_TEST_PATIENCE").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(asked.unwrap_or(120))
}

pub struct Outcome {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
}

type Judge = Box<dyn Fn(&Outcome) -> Result<(), String> + Send>;

pub struct Scenario {
    name: &'static str,
    run: fn(),
    launch: Box<dyn Fn(&mut Command) -> Command + Send>,
    judge: Judge,
}

pub fn scenario(name: &'static str, run: fn()) -> Scenario {
    Scenario { name, run, launch: Box::new(itself), judge: Box::new(exits_with(0)) }
}

impl Scenario {
    pub fn dies_of(self, signal: i32) -> Scenario {
        self.judged(move |outcome| match outcome.status.signal() {
            Some(n) if n == signal => Ok(()),
            _ => Err(format!("expected death by signal {signal}")),
        })
    }

    pub fn exits_with(self, code: i32) -> Scenario {
        self.judged(exits_with(code))
    }

    pub fn judged(self, judge: impl Fn(&Outcome) -> Result<(), String> + Send + 'static) -> Scenario {
        Scenario { judge: Box::new(judge), ..self }
    }

    fn and(self, check: impl Fn(&Outcome) -> Result<(), String> + Send + 'static) -> Scenario {
        let judge = self.judge;
        Scenario { judge: Box::new(move |outcome| judge(outcome).and_then(|()| check(outcome))), ..self }
    }

    /// It takes so long at least, and seconds more at the most.
    pub fn takes(self, least: Duration) -> Scenario {
        self.and(move |outcome| match outcome.took >= least && outcome.took < least + LATE {
            true => Ok(()),
            false => Err(format!("expected its end after {least:?}")),
        })
    }

    /// Its message on standard error begins with this text.
    pub fn says(self, text: &'static str) -> Scenario {
        self.and(move |outcome| match outcome.stderr.starts_with(text) {
            true => Ok(()),
            false => Err(format!("expected on stderr: {text}")),
        })
    }

    /// Starts the scenario by the command that `wrap` returns.
    pub fn launched(self, wrap: impl Fn(&mut Command) -> Command + Send + 'static) -> Scenario {
        Scenario { launch: Box::new(wrap), ..self }
    }
}

fn itself(command: &mut Command) -> Command {
    rebuilt(command, Command::new(command.get_program()))
}

/// Appends program, arguments and environment of `inner` to `outer`.
pub fn rebuilt(inner: &Command, mut outer: Command) -> Command {
    outer.args(inner.get_args());
    for (key, value) in inner.get_envs() {
        if let Some(value) = value {
            outer.env(key, value);
        }
    }
    outer
}

/// Starts a scenario by `tool arguments… program`. Where that does not work, the scenario is skipped.
pub fn under(tool: &'static str, arguments: &'static [&str]) -> impl Fn(&mut Command) -> Command {
    move |inner| {
        let probe = Command::new(tool).args(arguments).arg("true").output();
        if !probe.is_ok_and(|output| output.status.success()) {
            return skipped(&format!("`{tool}` is missing, or not permitted"));
        }
        let mut outer = Command::new(tool);
        outer.args(arguments).arg(inner.get_program());
        rebuilt(inner, outer)
    }
}

/// Stands in for a scenario that this machine cannot run.
pub fn skipped(why: &str) -> Command {
    let mut command = Command::new("echo");
    command.arg(format!("skipped: {why}"));
    command
}

pub fn without_backtrace(command: &mut Command) -> Command {
    let mut command = itself(command);
    command.env("RUST_BACKTRACE", "0");
    command
}

fn exits_with(code: i32) -> impl Fn(&Outcome) -> Result<(), String> {
    move |outcome| match outcome.status.code() {
        Some(n) if n == code => Ok(()),
        _ => Err(format!("expected exit code {code}")),
    }
}

/// Yields the numbers of a sample of rounds, for five seconds at the most.
///
/// With `SIGALARM_TEST_DEEP` set, as `.ci/deep` sets it: of all rounds, for a minute at the most.
pub fn rounds(all: u64) -> impl Iterator<Item = u64> {
    let (number, time) = match std::env::var_os("SIGALARM_TEST_DEEP") {
        Some(_) => (all, Duration::from_secs(60)),
        None => (all.div_ceil(5), Duration::from_secs(5)),
    };
    let began = Instant::now();
    (0..number).take_while(move |&n| n == 0 || began.elapsed() < time)
}

pub type Module = (&'static str, fn() -> Vec<Scenario>);

/// Lists modules that have a function `scenarios`, by path.
#[macro_export]
macro_rules! modules {
    ($($(#[$meta:meta])* $first:ident $(:: $inner:ident)*),* $(,)?) => {
        &[$($(#[$meta])* (
            concat!(stringify!($first) $(, "::", stringify!($inner))*),
            $first$(::$inner)*::scenarios,
        )),*]
    };
}

/// Lists scenarios by their functions: `scenarios![runs, is_killed.dies_of(SIGALRM), seven = || runs(7)]`.
#[macro_export]
macro_rules! scenarios {
    (@run $run:ident) => { $run };
    (@run $run:ident $body:expr) => { $body };
    ($($(#[$meta:meta])* $run:ident $(.$method:ident($($argument:expr),*))* $(= $body:expr)?),* $(,)?) => {
        vec![$(
            $(#[$meta])*
            $crate::support::scenario(stringify!($run), $crate::scenarios!(@run $run $($body)?))
                $(.$method($($argument),*))*
        ),*]
    };
}
#[allow(unused_imports)] // Not every binary uses both.
pub use {modules, scenarios};

pub fn main(modules: &[Module]) {
    if let Ok(name) = std::env::var(SCENARIO) {
        let (module, name) = name.rsplit_once("::").expect("module::scenario");
        let (_, scenarios) = modules.iter().find(|(subject, _)| *subject == module).expect("a module");
        let found = scenarios().into_iter().find(|scenario| scenario.name == name);
        process::die_with_parent();
        // A background runner may have inherited ignored terminal signals.
        for signal in [nix::libc::SIGHUP, nix::libc::SIGINT, nix::libc::SIGQUIT] {
            children::signal(signal, nix::libc::SIG_DFL);
        }
        if std::env::var_os("SIGALARM_TEST_PRIVATE_TIMERS").is_some() {
            have_private_timers();
        }
        (found.expect("a scenario of that name").run)();
        return;
    }
    let trials = modules.iter().flat_map(|&(module, scenarios)| {
        scenarios().into_iter().map(move |scenario| {
            let name = format!("{module}::{}", scenario.name);
            Trial::test(name.clone(), move || judge(&name, &scenario))
        })
    });
    let mut arguments = Arguments::from_args();
    // Most scenarios wait half of the time.
    let threads = || 2 * std::thread::available_parallelism().map_or(1, usize::from);
    arguments.test_threads.get_or_insert_with(threads);
    libtest_mimic::run(&arguments, trials.collect()).exit();
}

/// Makes the library use private timers in this process and its children.
pub fn have_private_timers() {
    let (left, interval) = process::set_timer(Duration::from_secs(100), Duration::ZERO);
    drop(sigalarm::Alarm::after(Duration::from_secs(1)).expect("arming"));
    process::set_timer(left, interval);
}

fn judge(name: &str, scenario: &Scenario) -> Result<(), Failed> {
    let exe = std::env::current_exe()?;
    let mut command = Command::new(exe);
    command.env(SCENARIO, name);
    let mut command = (scenario.launch)(&mut command);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A kill of the group reaches all descendants, which could hold the pipes.
    command.process_group(0);
    process::spawn_to_die_with_parent(&mut command);
    let began = Instant::now();
    let outcome = finish(command.spawn()?, began);
    for line in outcome.stdout.lines().filter(|line| line.starts_with("skipped: ")) {
        println!("{line} ({name})");
    }
    if outcome.status.success() && outcome.stdout.starts_with("skipped: ") {
        return Ok(());
    }
    (scenario.judge)(&outcome).map_err(|why| {
        let Outcome { status, stdout, stderr, took } = outcome;
        Failed::from(format!("{why}; got {status} after {took:?}\n--- stdout\n{stdout}--- stderr\n{stderr}"))
    })
}

fn finish(mut child: Child, began: Instant) -> Outcome {
    let drain = |mut pipe: Box<dyn Read + Send>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = pipe.read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        })
    };
    let stdout = drain(Box::new(child.stdout.take().expect("piped")));
    let stderr = drain(Box::new(child.stderr.take().expect("piped")));
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child") {
            break status;
        }
        if began.elapsed() > patience() {
            let _ = child.kill();
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let took = began.elapsed();
    let group = nix::unistd::Pid::from_raw(child.id() as i32);
    let _ = nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL);
    let (stdout, stderr) = (stdout.join().expect("no panic"), stderr.join().expect("no panic"));
    Outcome { status, stdout, stderr, took }
}

pub fn tool(name: &str) -> Option<Command> {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(name).is_file()));
    if !found {
        println!("skipped: no `{name}` on this machine");
    }
    found.then(|| Command::new(name))
}
