//! Curves over one or two logarithmic axes, panels beside one another, a legend under each.

use super::svg::{Anchor, Picture, SERIES};

const WIDE: f64 = 330.0;
const HIGH: f64 = 250.0;
const LEFT: f64 = 64.0;
const TOP: f64 = 70.0;
const GAP: f64 = 40.0;
const LEGEND: f64 = 20.0;
/// How wide a letter of the caption is, for all that is known of the font.
const LETTER: f64 = 6.4;

pub struct Axis {
    pub title: &'static str,
    pub log: bool,
    pub from: f64,
    pub to: f64,
    pub ticks: Vec<(f64, String)>,
}

impl Axis {
    /// Powers of ten around the values.
    pub fn powers(title: &'static str, values: impl Iterator<Item = f64>, name: fn(f64) -> String) -> Axis {
        let (low, high) = values
            .filter(|value| *value > 0.0)
            .fold((f64::INFINITY, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
        let (low, mut high) = (low.log10().floor() as i32, high.log10().ceil() as i32);
        high = high.max(low + 1);
        let ticks = (low..=high).map(|power| 10_f64.powi(power)).map(|value| (value, name(value)));
        Axis { title, log: true, from: 10_f64.powi(low), to: 10_f64.powi(high), ticks: ticks.collect() }
    }

    /// The share of the way at which a value lies.
    fn at(&self, value: f64) -> f64 {
        let share = if self.log {
            (value.max(self.from) / self.from).ln() / (self.to / self.from).ln()
        } else {
            (value - self.from) / (self.to - self.from)
        };
        share.clamp(0.0, 1.0)
    }
}

pub struct Series {
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

pub struct Panel {
    pub title: String,
    pub x: Axis,
    pub y: Axis,
    pub series: Vec<Series>,
    /// A dot at each point.
    pub dots: bool,
}

pub fn draw(title: &str, caption: &str, panels: &[Panel]) -> String {
    let legend = panels.iter().map(|panel| panel.series.len()).max().unwrap_or(0) as f64 * LEGEND;
    // One panel is narrower than the caption.
    let width = (panels.len() as f64 * (LEFT + WIDE + GAP)).max(32.0 + caption.len() as f64 * LETTER);
    let height = TOP + HIGH + 56.0 + legend + 34.0;
    let mut picture = Picture::new(width, height, title);
    picture.text((16.0, 26.0), Anchor::Start, "head", title);
    for (at, panel) in panels.iter().enumerate() {
        draw_panel(&mut picture, panel, at as f64 * (LEFT + WIDE + GAP) + LEFT);
    }
    picture.text((16.0, height - 14.0), Anchor::Start, "soft", caption);
    picture.finish()
}

fn draw_panel(picture: &mut Picture, panel: &Panel, left: f64) {
    let x = |value: f64| left + WIDE * panel.x.at(value);
    let y = |value: f64| TOP + HIGH * (1.0 - panel.y.at(value));
    let bottom = TOP + HIGH;
    picture.text((left, TOP - 16.0), Anchor::Start, "", &panel.title);
    for (value, name) in &panel.x.ticks {
        picture.line((x(*value), TOP), (x(*value), bottom), "grid");
        picture.text((x(*value), bottom + 18.0), Anchor::Middle, "soft", name);
    }
    for (value, name) in &panel.y.ticks {
        picture.line((left, y(*value)), (left + WIDE, y(*value)), "grid");
        picture.text((left - 8.0, y(*value) + 4.0), Anchor::End, "soft", name);
    }
    picture.text((left + WIDE / 2.0, bottom + 38.0), Anchor::Middle, "soft", panel.x.title);
    picture.text((left + WIDE, TOP - 16.0), Anchor::End, "soft", panel.y.title);
    // The first lie over the others.
    for (n, series) in panel.series.iter().enumerate().rev() {
        let class = format!("s{}", n % SERIES);
        let points: Vec<(f64, f64)> = series.points.iter().map(|(a, b)| (x(*a), y(*b))).collect();
        picture.path(&points, &class);
        if panel.dots {
            points.iter().for_each(|point| picture.dot(*point, &class));
        }
    }
    for (n, series) in panel.series.iter().enumerate() {
        let top = bottom + 56.0 + LEGEND * n as f64;
        picture.bar((left, top), (12.0, 12.0), &format!("s{}", n % SERIES));
        picture.text((left + 20.0, top + 11.0), Anchor::Start, "", &series.name);
    }
}
