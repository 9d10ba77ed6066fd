//! Bars beside one another: one panel or several, which share the names at the left.

use super::svg::{Anchor, Picture};

const NAMES: f64 = 300.0;
const LINE: f64 = 24.0;
const TOP: f64 = 64.0;
const PANEL: f64 = 230.0;
/// Room behind a bar for its number.
const NUMBER: f64 = 66.0;

pub struct Panel {
    pub title: String,
    pub values: Vec<f64>,
}

pub struct Bars<'a> {
    pub title: &'a str,
    pub caption: &'a str,
    pub names: Vec<&'a str>,
    pub panels: Vec<Panel>,
    /// Each bar ten times the last for the same length, from this value on.
    pub log_from: Option<f64>,
    /// Where a line is drawn: what the others are held against.
    pub mark: Option<f64>,
    pub number: fn(f64) -> String,
    /// The ones that stand out.
    pub is_ours: fn(&str) -> bool,
}

impl Bars<'_> {
    pub fn draw(&self) -> String {
        let panels = self.panels.len() as f64;
        let wide = if self.panels.len() == 1 { 520.0 } else { PANEL };
        let width = NAMES + panels * (wide + NUMBER) + 12.0;
        let height = TOP + LINE * self.names.len() as f64 + 56.0;
        let mut picture = Picture::new(width, height, self.title);
        picture.text((16.0, 26.0), Anchor::Start, "head", self.title);
        for (row, name) in self.names.iter().enumerate() {
            let class = if (self.is_ours)(name) { "head" } else { "" };
            picture.text((NAMES - 10.0, middle(row)), Anchor::End, class, name);
        }
        for (at, panel) in self.panels.iter().enumerate() {
            let left = NAMES + at as f64 * (wide + NUMBER);
            self.draw_panel(&mut picture, panel, left, wide);
        }
        picture.text((16.0, height - 14.0), Anchor::Start, "soft", self.caption);
        picture.finish()
    }

    fn draw_panel(&self, picture: &mut Picture, panel: &Panel, left: f64, wide: f64) {
        let most = panel.values.iter().copied().fold(0.0, f64::max);
        let length = |value: f64| match self.log_from {
            Some(from) => wide * (value / from).log10().max(0.0) / (most / from).log10(),
            None => wide * value / most,
        };
        picture.text((left, TOP - 12.0), Anchor::Start, "soft", &panel.title);
        for (row, value) in panel.values.iter().enumerate() {
            let class = if (self.is_ours)(self.names[row]) { "ours" } else { "peer" };
            let top = TOP + LINE * row as f64 + 4.0;
            picture.bar((left, top), (length(*value).max(1.0), LINE - 8.0), class);
            let number = (self.number)(*value);
            picture.text((left + length(*value) + 5.0, middle(row)), Anchor::Start, "soft", &number);
        }
        let bottom = TOP + LINE * self.names.len() as f64;
        if let Some(mark) = self.mark {
            let x = left + length(mark);
            picture.line((x, TOP - 4.0), (x, bottom), "mark");
        }
        if self.log_from.is_none() {
            self.draw_scale(picture, (left, bottom), wide, most);
        }
    }

    /// Panels beside one another differ in it.
    fn draw_scale(&self, picture: &mut Picture, (left, top): (f64, f64), wide: f64, most: f64) {
        picture.line((left, top + 4.0), (left + wide, top + 4.0), "grid");
        picture.text((left, top + 18.0), Anchor::Start, "soft", "0");
        picture.text((left + wide, top + 18.0), Anchor::End, "soft", &(self.number)(most));
    }
}

fn middle(row: usize) -> f64 {
    TOP + LINE * row as f64 + 17.0
}
