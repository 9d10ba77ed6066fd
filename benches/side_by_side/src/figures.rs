//! The measured figures, as written to `figures.json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::machine::Machine;

/// Times, each with its ratio to the first of its row.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Table {
    pub columns: Vec<String>,
    pub rows: Vec<Row>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    pub key: String,
    pub title: String,
    pub cells: Vec<Cell>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Cell {
    pub nanos: f64,
    pub ratio: f64,
    pub lowest: f64,
    pub highest: f64,
}

/// Instructions that the check adds per element, node, call or comparison.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Instructions {
    pub columns: Vec<String>,
    pub rows: Vec<(String, Vec<f64>)>,
}

/// Ways to do one thing; the first is the baseline.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Group {
    pub title: String,
    pub ways: Vec<Way>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Way {
    pub name: String,
    pub nanos: f64,
    pub ratio: f64,
    /// Not measured in turn: the ratio is that of two medians.
    #[serde(default)]
    pub apart: bool,
}

/// The limit in microseconds that has a picture.
pub const PICTURED: u64 = 1_000;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Lateness {
    pub name: String,
    pub limit_us: u64,
    pub busy: bool,
    pub tries: usize,
    pub p50: f64,
    pub p99: f64,
    pub max: f64,
    /// The quantiles 0 %, 1 %, … 100 %, for [`PICTURED`] only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quantiles: Vec<f64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Curve {
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Figures {
    pub machine: Machine,
    pub check: Option<Table>,
    pub instructions: Option<Instructions>,
    pub arm: Vec<Group>,
    pub notice: Vec<Lateness>,
    pub jobs: Vec<Group>,
    pub workers: Vec<Group>,
    /// Nanoseconds by size in bytes.
    pub transfer: Vec<Curve>,
    /// Nanoseconds by number of alarms.
    pub alarms: Vec<Curve>,
    /// Millions of checks per second by number of threads.
    pub threads: Vec<Curve>,
    pub skipped: BTreeMap<String, String>,
}

fn joined(parts: &[Value]) -> String {
    parts.iter().map(Value::to_string).collect::<Vec<_>>().join(",\n    ")
}

fn round(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(round),
        Value::Object(values) => values.values_mut().for_each(round),
        Value::Number(number) if number.is_f64() => {
            let short = number.as_f64().and_then(|number| format!("{number:.6e}").parse().ok());
            if let Some(short) = short.and_then(serde_json::Number::from_f64) {
                *number = short;
            }
        }
        _ => {}
    }
}

/// The result of a section, which runs in its own process.
#[derive(Debug, Serialize, Deserialize)]
pub enum Section {
    Check(Table),
    Instructions(Instructions),
    Arm(Vec<Group>),
    Notice(Vec<Lateness>),
    Jobs(Vec<Group>),
    Workers(Vec<Group>),
    Transfer(Vec<Curve>),
    Alarms(Vec<Curve>),
    Threads(Vec<Curve>),
    Skipped(String),
}

impl Figures {
    /// One line per row, group, way or curve.
    pub fn to_json(&self) -> serde_json::Result<String> {
        let mut value = serde_json::to_value(self)?;
        round(&mut value);
        let mut text = String::new();
        let sections = value.as_object().into_iter().flatten().map(|(name, section)| {
            let lines = match section {
                Value::Array(parts) => format!("[\n    {}\n  ]", joined(parts)),
                Value::Object(table) if table.contains_key("rows") => {
                    let rows = table["rows"].as_array().map_or_else(String::new, |rows| joined(rows));
                    format!("{{\n    \"columns\": {},\n    \"rows\": [\n    {rows}\n  ]}}", table["columns"])
                }
                other => other.to_string(),
            };
            format!("  \"{name}\": {lines}")
        });
        text.push_str("{\n");
        text.push_str(&sections.collect::<Vec<_>>().join(",\n"));
        text.push_str("\n}\n");
        Ok(text)
    }

    pub fn take(&mut self, name: &str, section: Section) {
        self.skipped.remove(name);
        match section {
            Section::Check(table) => self.check = Some(table),
            Section::Instructions(counts) => self.instructions = Some(counts),
            Section::Arm(groups) => self.arm = groups,
            Section::Notice(lateness) => self.notice = lateness,
            Section::Jobs(groups) => self.jobs = groups,
            Section::Workers(groups) => self.workers = groups,
            Section::Transfer(curves) => self.transfer = curves,
            Section::Alarms(curves) => self.alarms = curves,
            Section::Threads(curves) => self.threads = curves,
            Section::Skipped(why) => drop(self.skipped.insert(name.to_owned(), why)),
        }
    }
}
