//! The machine, the versions and the date, for captions.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::thread;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

const LOCK: &str = include_str!("../../../Cargo.lock");

const NAMED: [&str; 10] = [
    "sigalarm",
    "cancel",
    "cancel-this",
    "coarsetime",
    "mem-isolate",
    "procspawn",
    "quanta",
    "stop-token",
    "tokio",
    "tokio-util",
];

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Machine {
    pub cpu: String,
    pub cores: usize,
    pub kernel: String,
    pub rustc: String,
    pub versions: BTreeMap<String, String>,
    /// As 2025-12-31.
    pub date: String,
    /// The load average before the start.
    pub load: f64,
    pub quick: bool,
}

impl Machine {
    pub fn here(quick: bool) -> Machine {
        let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
        Machine {
            cpu: cpu(),
            cores: thread::available_parallelism().map_or(0, usize::from),
            kernel: kernel(),
            rustc: first_line("rustc", &["--version"])
                .unwrap_or_else(|| "rustc of an unknown version".to_owned()),
            versions: NAMED.iter().filter_map(|name| Some(((*name).to_owned(), locked(name)?))).collect(),
            date: now[..10].to_owned(),
            load: load(),
            quick,
        }
    }

    pub fn caption(&self) -> String {
        let versions: Vec<String> =
            self.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
        let mut caption = format!(
            "{}, {} cores, {}; {}; {}; {}.",
            self.cpu,
            self.cores,
            self.kernel,
            self.rustc,
            versions.join(", "),
            self.date
        );
        if self.quick {
            caption += " A quick trial: the figures are rough.";
        }
        if self.load > 0.5 {
            caption += &format!(
                " Others were using the machine when it began (load {:.1}): only the ratios mean anything.",
                self.load
            );
        }
        caption
    }

    pub fn short(&self) -> String {
        let rustc = self.rustc.split(" (").next().unwrap_or(&self.rustc);
        let mut caption =
            format!("{}, {} cores, {}, {rustc}, {}", self.cpu, self.cores, self.kernel, self.date);
        if self.quick {
            caption += ", a quick trial";
        } else if self.load > 0.5 {
            caption += ", beside other work";
        }
        caption
    }
}

pub fn first_line(program: &str, arguments: &[&str]) -> Option<String> {
    let output =
        Command::new(program).args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).lines().next()?.trim().to_owned())
}

fn cpu() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let model = model.map(|(_, name)| name.trim().to_owned());
    model.or_else(|| first_line("uname", &["-m"])).unwrap_or_else(|| "an unknown processor".to_owned())
}

fn kernel() -> String {
    first_line("uname", &["-sr"]).unwrap_or_else(|| "an unknown kernel".to_owned())
}

fn load() -> f64 {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or(0.0)
}

fn locked(name: &str) -> Option<String> {
    let (_, rest) = LOCK.split_once(&format!("name = \"{name}\"\nversion = \""))?;
    Some(rest.split('"').next()?.to_owned())
}
