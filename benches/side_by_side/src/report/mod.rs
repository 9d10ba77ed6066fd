//! Pictures and tables, all of them made from the figures.

mod bars;
mod curves;
mod pictures;
mod svg;
mod tables;

use std::fs;
use std::io;
use std::path::Path;

use crate::figures::Figures;

/// Draws the pictures into `docs/performance/`, and puts the tables into the texts that have a place for them.
pub fn write(figures: &Figures, root: &Path, out: &Path) -> io::Result<()> {
    let directory = out.join("docs/performance");
    fs::create_dir_all(&directory)?;
    for (name, picture) in pictures::all(figures) {
        fs::write(directory.join(name).with_extension("svg"), picture)?;
    }
    for text in ["docs/performance.md", "README.md"] {
        let filled = fill(&fs::read_to_string(root.join(text))?, figures);
        fs::write(out.join(text), filled.map_err(|e| io::Error::other(format!("{text}: {e}")))?)?;
    }
    Ok(())
}

const BEGIN: &str = "<!-- figures: ";
const BEGUN: &str = " -->\n";
const END: &str = "<!-- end of figures -->";

/// Replaces what stands between the markers.
fn fill(text: &str, figures: &Figures) -> Result<String, String> {
    let mut parts = text.split(BEGIN);
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once(BEGUN).ok_or("a marker without its end")?;
        let (_, rest) = rest.split_once(END).ok_or_else(|| format!("no end of the figures for {name}"))?;
        let table = tables::named(name, figures).ok_or_else(|| format!("no figures are called {name}"))?;
        filled += &format!("{BEGIN}{name}{BEGUN}{}\n{END}{rest}", table.trim_end());
    }
    Ok(filled)
}
