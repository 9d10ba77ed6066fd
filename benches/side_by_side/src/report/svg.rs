//! As much of SVG as the pictures need. The colours follow the reader's scheme, light or dark.

use std::fmt::{Display, Write};

/// How many series can be told apart by colour.
pub const SERIES: usize = 8;

const LIGHT: [&str; SERIES] =
    ["#0969da", "#bc4c00", "#6e7781", "#8250df", "#1a7f37", "#bf3989", "#9a6700", "#1b7c83"];
const DARK: [&str; SERIES] =
    ["#58a6ff", "#ffa657", "#8b949e", "#bc8cff", "#56d364", "#ff7bc0", "#e3b341", "#56d4dd"];

pub struct Picture {
    width: f64,
    height: f64,
    title: String,
    body: String,
}

#[derive(Clone, Copy)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

impl Picture {
    pub fn new(width: f64, height: f64, title: &str) -> Picture {
        Picture { width, height, title: title.to_owned(), body: String::new() }
    }

    pub fn text(&mut self, (x, y): (f64, f64), anchor: Anchor, class: &str, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = escaped(text);
        self.add(format_args!(
            r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}" class="{class}">{text}</text>"#
        ));
    }

    pub fn bar(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), class: &str) {
        self.add(format_args!(
            r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" rx="2" class="{class}"/>"#
        ));
    }

    pub fn line(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), class: &str) {
        self.add(format_args!(
            r#"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" class="{class}"/>"#
        ));
    }

    pub fn path(&mut self, points: &[(f64, f64)], class: &str) {
        let points: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        self.add(format_args!(r#"<polyline points="{}" class="{class}"/>"#, points.join(" ")));
    }

    pub fn dot(&mut self, (x, y): (f64, f64), class: &str) {
        self.add(format_args!(r#"<circle cx="{x:.1}" cy="{y:.1}" r="3" class="{class}"/>"#));
    }

    fn add(&mut self, element: impl Display) {
        writeln!(self.body, "{element}").expect("a string takes it");
    }

    pub fn finish(self) -> String {
        let Picture { width, height, title, body } = self;
        let title = escaped(&title);
        let (light, dark) = (series(&LIGHT), series(&DARK));
        format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0} {height:.0}" width="{width:.0}" height="{height:.0}" role="img">
<title>{title}</title>
<style>
text {{ font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328; }}
.head {{ font-weight: 600; }}
.soft {{ fill: #59636e; font-size: 12px; }}
.ground {{ fill: #ffffff; }}
.grid {{ stroke: #d8dee4; }}
.mark {{ stroke: #59636e; stroke-dasharray: 3 3; }}
.ours {{ fill: #0969da; }}
.peer {{ fill: #afb8c1; }}
polyline {{ fill: none; stroke-width: 2; stroke-linejoin: round; }}
{light}@media (prefers-color-scheme: dark) {{
text {{ fill: #e6edf3; }}
.soft {{ fill: #9198a1; }}
.ground {{ fill: #0d1117; }}
.grid {{ stroke: #30363d; }}
.mark {{ stroke: #9198a1; }}
.ours {{ fill: #58a6ff; }}
.peer {{ fill: #57606a; }}
{dark}}}
</style>
<rect width="100%" height="100%" class="ground"/>
{body}</svg>
"##
        )
    }
}

fn series(colours: &[&str]) -> String {
    let rule = |(n, c): (usize, &&str)| {
        format!("polyline.s{n} {{ stroke: {c}; }}\ncircle.s{n}, rect.s{n} {{ fill: {c}; }}\n")
    };
    colours.iter().enumerate().map(rule).collect()
}

/// Without the marks of code, which a picture cannot show.
fn escaped(text: &str) -> String {
    text.replace('`', "").replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
