//! Reads TSPLIB instances (`EUC_2D`, `CEIL_2D`, `GEO`) from untrusted files, and writes tours.
//!
//! Memory grows with the coordinates in the file, not with its `DIMENSION` or its longest line.

use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::io::{self, BufRead, Read};

use crate::instance::{Instance, Metric};

const MOST_CITIES: u64 = 10_000_000;
const LONGEST_LINE: u64 = 4096;
/// Larger coordinates could make lengths inexact in `f64`.
const LARGEST_COORDINATE: f64 = 1e9;

#[derive(Debug)]
pub struct ReadError {
    /// `None` if the file could not be read.
    pub line: Option<u64>,
    message: String,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<io::Error> for ReadError {
    fn from(e: io::Error) -> ReadError {
        ReadError { line: None, message: e.to_string() }
    }
}

pub fn read(source: impl BufRead) -> Result<Instance, ReadError> {
    let mut lines = Lines { source, number: 0, buffer: Vec::new() };
    let header = Header::read(&mut lines)?;
    header.read_cities(&mut lines)
}

#[derive(Default)]
struct Header {
    name: Option<String>,
    kind: Option<()>,
    dimension: Option<u64>,
    metric: Option<Metric>,
}

impl Header {
    fn read(lines: &mut Lines<impl BufRead>) -> Result<Header, ReadError> {
        let mut header = Header::default();
        while let Some(line) = lines.next()? {
            // Some files have no colon.
            let (key, value) =
                line.split_once(|c: char| c == ':' || c.is_whitespace()).unwrap_or((&line, ""));
            let value = value.trim_start().strip_prefix(':').unwrap_or(value).trim();
            let key = key.to_ascii_uppercase();
            let new = match key.as_str() {
                "NODE_COORD_SECTION" if header.metric.is_none() => {
                    return Err(lines.error("NODE_COORD_SECTION without an EDGE_WEIGHT_TYPE before it"));
                }
                "NODE_COORD_SECTION" => return Ok(header),
                "NAME" => header.name.replace(value.to_owned()).is_none(),
                // Some files have the author's name after the type.
                "TYPE"
                    if value
                        .split_whitespace()
                        .next()
                        .is_some_and(|kind| kind.eq_ignore_ascii_case("TSP")) =>
                {
                    header.kind.replace(()).is_none()
                }
                "TYPE" => return Err(lines.error(format!("TYPE is {}, not TSP", quoted(value)))),
                "DIMENSION" => match value.parse() {
                    Ok(n @ 2..=MOST_CITIES) => header.dimension.replace(n).is_none(),
                    Ok(1) => return Err(lines.error("DIMENSION is 1: one city makes no tour")),
                    _ => {
                        let range = format!("a number from 2 to {MOST_CITIES}");
                        return Err(lines.error(format!("DIMENSION is {}, not {range}", quoted(value))));
                    }
                },
                "EDGE_WEIGHT_TYPE" => match Metric::named(&value.to_ascii_uppercase()) {
                    Some(metric) => header.metric.replace(metric).is_none(),
                    None => {
                        let known = "EUC_2D, CEIL_2D or GEO";
                        return Err(
                            lines.error(format!("EDGE_WEIGHT_TYPE is {}, not {known}", quoted(value)))
                        );
                    }
                },
                // These keywords may repeat, or have no effect.
                "COMMENT" | "NODE_COORD_TYPE" | "DISPLAY_DATA_TYPE" => true,
                _ => return Err(lines.error(format!("{} is no TSPLIB keyword known here", quoted(&line)))),
            };
            if !new {
                return Err(lines.error(format!("{key} is given twice")));
            }
        }
        Err(lines.error("the file ends before a NODE_COORD_SECTION"))
    }

    fn read_cities(self, lines: &mut Lines<impl BufRead>) -> Result<Instance, ReadError> {
        let Some(dimension) = self.dimension else {
            return Err(lines.error("NODE_COORD_SECTION without a DIMENSION before it"));
        };
        let mut cities = Vec::new();
        let mut numbers = Vec::new();
        let mut seen_on = HashMap::new();
        while let Some(line) = lines.next()? {
            if line.eq_ignore_ascii_case("EOF") {
                break;
            }
            if cities.len() as u64 == dimension {
                let what = quoted(&line);
                return Err(lines.error(format!("{what} after all {dimension} cities of DIMENSION")));
            }
            let (number, city) = parse_city(&line).map_err(|message| lines.error(message))?;
            if let Some(first) = seen_on.insert(number, lines.number) {
                return Err(lines.error(format!("node {number} again; it is on line {first} already")));
            }
            numbers.push(number);
            cities.push(city);
        }
        if (cities.len() as u64) < dimension {
            let found = cities.len();
            return Err(lines.error(format!("the file ends after {found} of {dimension} cities")));
        }
        let name = self.name.filter(|name| !name.is_empty()).unwrap_or_else(|| "unnamed".to_owned());
        let metric = self.metric.unwrap_or(Metric::Euclidean);
        Ok(Instance { name: printable(&name), cities, numbers, metric })
    }
}

fn parse_city(line: &str) -> Result<(u64, [f64; 2]), String> {
    let mut words = line.split_whitespace();
    let (Some(number), Some(x), Some(y), None) = (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(format!("{} is not a node number and two coordinates", quoted(line)));
    };
    let number = number.parse().map_err(|_| format!("{} is no node number", quoted(number)))?;
    let coordinate = |word: &str| match word.parse::<f64>() {
        Ok(value) if value.abs() <= LARGEST_COORDINATE => Ok(value),
        Ok(value) if value.is_finite() => Err(format!("coordinate {} is beyond 1e9", quoted(word))),
        Ok(_) => Err(format!("coordinate {} is not finite", quoted(word))),
        Err(_) => Err(format!("{} is no coordinate", quoted(word))),
    };
    Ok((number, [coordinate(x)?, coordinate(y)?]))
}

/// The lines that are not blank, trimmed, with their numbers.
struct Lines<R> {
    source: R,
    number: u64,
    buffer: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    fn next(&mut self) -> Result<Option<String>, ReadError> {
        loop {
            self.buffer.clear();
            // Bounds the memory: a file may have no line ends.
            let read = self.source.by_ref().take(LONGEST_LINE + 1).read_until(b'\n', &mut self.buffer)?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            if read as u64 > LONGEST_LINE {
                return Err(self.error(format!("the line is longer than {LONGEST_LINE} bytes")));
            }
            // Comments may have any encoding. Elsewhere a replacement character is a parse error.
            let text = String::from_utf8_lossy(&self.buffer);
            // The file may begin with a byte order mark.
            let text = if self.number == 1 { text.trim_start_matches('\u{feff}') } else { &text };
            if !text.trim().is_empty() {
                return Ok(Some(text.trim().to_owned()));
            }
        }
    }

    fn error(&self, message: impl Into<String>) -> ReadError {
        // An error of an empty file is on line 1.
        ReadError { line: Some(self.number.max(1)), message: message.into() }
    }
}

/// Quotes text for a message: short, and without control characters.
fn quoted(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{:?}...", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// Replaces control characters, and the two others that XML does not allow.
fn printable(text: &str) -> String {
    let allowed = |c: char| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}');
    text.chars().map(|c| if allowed(c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
}

pub fn tour_file(instance: &Instance, tour: impl Iterator<Item = usize>, length: i64) -> String {
    let mut text = format!(
        "NAME: {name}.tour\nTYPE: TOUR\nCOMMENT: length {length}\nDIMENSION: {size}\nTOUR_SECTION\n",
        name = instance.name,
        size = instance.len(),
    );
    for city in tour {
        writeln!(text, "{}", instance.numbers[city]).expect("a String accepts every write");
    }
    text.push_str("-1\nEOF\n");
    text
}
