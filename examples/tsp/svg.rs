use std::fmt::Write as _;

use crate::instance::Instance;

/// The square that the tour is fitted into, and its margin.
const SIDE: f64 = 920.0;
const MARGIN: f64 = 40.0;
const CAPTION: f64 = 48.0;
const LEAST_WIDTH: f64 = 560.0;

pub fn draw(instance: &Instance, tour: impl Iterator<Item = usize>, caption: &str) -> String {
    let frame = Frame::around(&instance.cities);
    let (width, height) = (frame.width, frame.height);
    // More cities get thinner lines.
    let radius = (60.0 / (instance.len() as f64).sqrt()).clamp(0.8, 6.0);
    let stroke = (radius * 0.45).clamp(0.6, 2.2);
    let caption = escaped(caption);
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0} {height:.0}" role="img">
<title>{caption}</title>
<style>
  .paper {{ fill: #fcfbf8 }}
  .tour {{ fill: #2b6cb0; fill-opacity: 0.07; fill-rule: evenodd;
    stroke: #2b6cb0; stroke-width: {stroke:.2}; stroke-linejoin: round }}
  .cities {{ fill: #c2410c }}
  .caption {{ fill: #3f3f46; font: 20px system-ui, "Helvetica Neue", Arial, sans-serif; text-anchor: middle }}
  @media (prefers-color-scheme: dark) {{
    .paper {{ fill: #15181d }}
    .tour {{ fill: #7cb7e8; stroke: #7cb7e8 }}
    .cities {{ fill: #ffa066 }}
    .caption {{ fill: #d4d4d8 }}
  }}
</style>
<rect class="paper" width="100%" height="100%"/>
<path class="tour" d=""##
    );
    for (i, city) in tour.enumerate() {
        let [x, y] = frame.place(instance.cities[city]);
        let step = if i == 0 { 'M' } else { 'L' };
        write!(svg, "{step}{x:.2} {y:.2}").expect(INFALLIBLE);
    }
    svg.push_str("Z\"/>\n<g class=\"cities\">\n");
    for &city in &instance.cities {
        let [x, y] = frame.place(city);
        writeln!(svg, r#"<circle cx="{x:.2}" cy="{y:.2}" r="{radius:.2}"/>"#).expect(INFALLIBLE);
    }
    let (x, y) = (width / 2.0, height - CAPTION / 2.0);
    writeln!(svg, "</g>\n<text class=\"caption\" x=\"{x:.2}\" y=\"{y:.2}\">{caption}</text>\n</svg>")
        .expect(INFALLIBLE);
    svg
}

const INFALLIBLE: &str = "a String accepts every write";

struct Frame {
    width: f64,
    height: f64,
    scale: f64,
    /// The smallest x and the largest y of the cities, and their place in the picture.
    corner: [f64; 2],
    offset: [f64; 2],
}

impl Frame {
    fn around(cities: &[[f64; 2]]) -> Frame {
        let range = |axis: usize| {
            let values = cities.iter().map(move |city| city[axis]);
            (values.clone().fold(f64::INFINITY, f64::min), values.fold(f64::NEG_INFINITY, f64::max))
        };
        let ((left, right), (bottom, top)) = (range(0), range(1));
        let (wide, tall) = (right - left, top - bottom);
        // If all cities are in one place the quotient is not finite.
        let scale = SIDE / wide.max(tall);
        let scale = if scale.is_finite() { scale } else { 1.0 };
        let width = (wide * scale + 2.0 * MARGIN).max(LEAST_WIDTH);
        let height = tall * scale + 2.0 * MARGIN + CAPTION;
        let offset = [(width - wide * scale) / 2.0, MARGIN];
        Frame { width, height, scale, corner: [left, top], offset }
    }

    fn place(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let [left, top] = self.corner;
        [self.offset[0] + (x - left) * self.scale, self.offset[1] + (top - y) * self.scale]
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
