//! Figures: an area with two axes, and shapes in it.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::scale::Scale;

/// Room for the labels of the axes.
const LEFT: f64 = 60.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 6.0;
const BOTTOM: f64 = 36.0;

/// What is drawn. `series` is the number of a colour and line style of the style sheet, 0 to 7.
#[derive(Debug, Clone)]
pub enum Shape {
    /// Points joined by lines; a value that is no number parts them.
    Line {
        /// What it is called, where values are shown.
        name: String,
        /// Its colour.
        series: usize,
        /// Places in order.
        points: Vec<(f64, f64)>,
    },
    /// The same in a thin broken line of the colour of text: what others are held against.
    Known {
        /// What it is called.
        name: String,
        /// Places in order.
        points: Vec<(f64, f64)>,
    },
    /// Between two values.
    Band {
        /// Its colour.
        series: usize,
        /// Place, low and high.
        points: Vec<(f64, f64, f64)>,
    },
    /// Dots.
    Dots {
        /// What they are called.
        name: String,
        /// Their colour.
        series: usize,
        /// Places.
        points: Vec<(f64, f64)>,
    },
    /// Columns that stand on the lower edge: left, right, height.
    Columns {
        /// Their colour.
        series: usize,
        /// The columns.
        columns: Vec<(f64, f64, f64)>,
    },
    /// Cells of a map, in rows: each stands for the class of a deviation, -4 to 4.
    Cells {
        /// Lower and upper edge of each row.
        rows: Vec<(f64, f64)>,
        /// Left edge of each column, and the right one of the last.
        edges: Vec<f64>,
        /// `[row][column]`.
        classes: Vec<Vec<i8>>,
    },
    /// A line across, at a value.
    Across(f64),
    /// A line from top to bottom, at a value.
    Upright(f64),
}

/// A figure.
#[derive(Debug)]
pub struct Plot {
    title: String,
    x: (String, Scale),
    y: (String, Scale),
    shapes: Vec<Shape>,
    /// Names in the place of ticks on the upright axis.
    rows: Option<Vec<String>>,
    width: f64,
    height: f64,
    left: f64,
}

impl Plot {
    /// A figure of the usual size.
    pub fn new(
        title: impl Into<String>,
        (x_label, x): (&str, Scale),
        (y_label, y): (&str, Scale),
    ) -> Self {
        Self {
            title: title.into(),
            x: (x_label.into(), x),
            y: (y_label.into(), y),
            shapes: Vec::new(),
            rows: None,
            width: 370.0,
            height: 210.0,
            left: LEFT,
        }
    }

    /// Over the whole width of the page.
    #[must_use]
    pub fn wide(mut self, height: f64) -> Self {
        (self.width, self.height) = (1130.0, height);
        self
    }

    /// With one row for each name, the first at the top: row i lies about the value `-i`.
    #[must_use]
    pub fn of_rows(mut self, names: Vec<String>) -> Self {
        let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        self.left = (6.7 * longest as f64 + 16.0).clamp(LEFT, 200.0);
        self.height = TOP + BOTTOM + 19.0 * names.len() as f64;
        self.y.1 = Scale::linear(0.6 - names.len() as f64, 0.6);
        self.rows = Some(names);
        self
    }

    /// Adds a shape.
    #[must_use]
    pub fn with(mut self, shape: Shape) -> Self {
        self.shapes.push(shape);
        self
    }

    /// Adds shapes.
    #[must_use]
    pub fn with_all(mut self, shapes: impl IntoIterator<Item = Shape>) -> Self {
        self.shapes.extend(shapes);
        self
    }

    fn area(&self) -> (f64, f64) {
        (self.width - self.left - RIGHT, self.height - TOP - BOTTOM)
    }

    /// The figure with its caption.
    #[must_use]
    pub fn render(&self) -> Markup {
        let (w, h) = self.area();
        let is_wide = self.width > 400.0;
        let class = if is_wide { "wide" } else { "" };
        let (x_ticks, y_ticks) = (self.x_ticks(), self.y_ticks());
        html! {
            figure class=(class) {
                figcaption { (self.title) }
                div.scroll { svg viewBox={ "0 0 " (self.width) " " (self.height) } role="img"
                    aria-label=(self.title) {
                    g.ticks {
                        @for (at, label) in &x_ticks {
                            path.grid d={ "M" (at) " " (TOP) "v" (number(h)) } {}
                            text x=(at) y=(number(TOP + h + 13.0)) text-anchor="middle" { (label) }
                        }
                        @for (at, label) in &y_ticks {
                            path.grid d={ "M" (self.left) " " (at) "h" (number(w)) } {}
                            text x=(number(self.left - 5.0)) y=(at) dy="3.5" text-anchor="end" { (label) }
                        }
                    }
                    rect.frame x=(self.left) y=(TOP) width=(number(w)) height=(number(h)) {}
                    svg.area x=(self.left) y=(TOP) width=(number(w)) height=(number(h))
                        viewBox={ "0 0 " (number(w)) " " (number(h)) } preserveAspectRatio="none"
                        data-x=(self.x.1.described()) data-y=(self.y.1.described())
                        data-l=(self.x.0) data-r=[self.rows.as_ref().map(|names| names.join("|"))] {
                        @for shape in &self.shapes { (self.draw(shape)) }
                    }
                    text.label x=(number(self.left + w / 2.0)) y=(number(self.height - 6.0))
                        text-anchor="middle" { (self.x.0) }
                    @if self.rows.is_none() {
                        text.label transform={ "translate(10 " (number(TOP + h / 2.0)) ") rotate(-90)" }
                            text-anchor="middle" { (self.y.0) }
                    }
                } }
            }
        }
    }

    fn x_ticks(&self) -> Vec<(String, String)> {
        let (w, _) = self.area();
        let wanted = if self.width > 400.0 { 8 } else { 4 };
        let ticks = self.x.1.ticks(wanted).into_iter();
        ticks.map(|(x, label)| (number(self.left + w * self.x.1.place(x)), label)).collect()
    }

    fn y_ticks(&self) -> Vec<(String, String)> {
        let at = |y: f64| number(TOP + self.down(y));
        if let Some(names) = &self.rows {
            let row = |(i, name): (usize, &String)| (at(-(i as f64)), name.clone());
            return names.iter().enumerate().map(row).collect();
        }
        let wanted = if self.height < 130.0 { 3 } else { 4 };
        self.y.1.ticks(wanted).into_iter().map(|(y, label)| (at(y), label)).collect()
    }

    fn across(&self, x: f64) -> f64 {
        bounded(self.area().0, self.x.1.place(x))
    }

    fn down(&self, y: f64) -> f64 {
        bounded(self.area().1, 1.0 - self.y.1.place(y))
    }

    fn draw(&self, shape: &Shape) -> Markup {
        let (w, h) = self.area();
        match shape {
            Shape::Line { name, series, points } => html! {
                path class={ "l s" (series) } data-n=(name) d=(self.joined(points)) {}
            },
            Shape::Known { name, points } => html! {
                path.l.known data-n=(name) d=(self.joined(points)) {}
            },
            Shape::Band { series, points } => html! {
                @for d in self.bands(points) { path class={ "b s" (series) } d=(d) {} }
            },
            Shape::Dots { name, series, points } => html! {
                path class={ "d s" (series) } data-n=(name) d=(self.dots(points)) {}
            },
            Shape::Columns { series, columns } => {
                let column = |&(left, right, top): &(f64, f64, f64)| {
                    let (x, y) = (self.across(left), self.down(top).min(h));
                    let width = number(self.across(right) - x);
                    format!("M{} {}V{}h{width}V{}z", number(x), number(h), number(y), number(h))
                };
                let d: String = columns.iter().map(column).collect();
                html! { path class={ "c s" (series) } d=(d) {} }
            }
            Shape::Cells { rows, edges, classes } => self.cells(rows, edges, classes),
            Shape::Across(y) => html! {
                path.rule d={ "M0 " (number(self.down(*y))) "h" (number(w)) } {}
            },
            Shape::Upright(x) => html! {
                path.rule d={ "M" (number(self.across(*x))) " 0v" (number(h)) } {}
            },
        }
    }

    fn joined(&self, points: &[(f64, f64)]) -> String {
        let (mut d, mut is_open) = (String::new(), false);
        for (x, y) in points {
            let (x, y) = (self.across(*x), self.down(*y));
            if x.is_nan() || y.is_nan() {
                is_open = false;
                continue;
            }
            let verb = if is_open { 'L' } else { 'M' };
            d.push(verb);
            put(&mut d, x);
            d.push(' ');
            put(&mut d, y);
            is_open = true;
        }
        d
    }

    /// One outline for each run of places that have both values.
    fn bands(&self, points: &[(f64, f64, f64)]) -> Vec<String> {
        let is_whole = |(x, low, high): &&(f64, f64, f64)| {
            !(self.across(*x) + self.down(*low) + self.down(*high)).is_nan()
        };
        let outline = |run: &[(f64, f64, f64)]| {
            let upper = run.iter().map(|(x, _, high)| (*x, *high));
            let lower = run.iter().rev().map(|(x, low, _)| (*x, *low));
            self.joined(&upper.chain(lower).collect::<Vec<_>>()) + "z"
        };
        let runs = points.chunk_by(|a, b| is_whole(&a) == is_whole(&b));
        runs.filter(|run| is_whole(&&run[0])).map(outline).collect()
    }

    /// Strokes of no length, with round ends: they stay round when the figure is zoomed.
    fn dots(&self, points: &[(f64, f64)]) -> String {
        let dot = |(x, y): &(f64, f64)| {
            let (x, y) = (self.across(*x), self.down(*y));
            if (x + y).is_nan() { String::new() } else { format!("M{} {}h0", number(x), number(y)) }
        };
        points.iter().map(dot).collect()
    }

    /// One path a class, of strokes as thick as a row: neighbours of a class are one stroke.
    fn cells(&self, rows: &[(f64, f64)], edges: &[f64], classes: &[Vec<i8>]) -> Markup {
        let x: Vec<f64> = edges.iter().map(|edge| self.across(*edge)).collect();
        let path = |class: i8| {
            let mut d = String::new();
            for ((low, high), row) in rows.iter().zip(classes) {
                let middle = number((self.down(*low) + self.down(*high)) / 2.0);
                let mut column = 0;
                for run in row.chunk_by(|a, b| a == b) {
                    if run[0] == class {
                        let (left, right) = (x[column], x[column + run.len()]);
                        let _ = write!(d, "M{} {middle}H{}", number(left), number(right));
                    }
                    column += run.len();
                }
            }
            d
        };
        let heights = rows.iter().map(|(low, high)| self.down(*low) - self.down(*high));
        let height = heights.fold(0.0, f64::max) + 0.3;
        let used = (-4..=4_i8).filter(|class| *class != 0);
        html! {
            @for class in used {
                @let d = path(class);
                @if !d.is_empty() {
                    path class={ "m " (if class < 0 { "n" } else { "p" }) (class.abs()) }
                        stroke-width=(number(height)) d=(d) {}
                }
            }
        }
    }
}

/// Places far outside are drawn just far outside.
fn bounded(length: f64, part: f64) -> f64 {
    length * part.clamp(-20.0, 20.0)
}

/// With one digit after the point, and none where it is zero.
fn number(value: f64) -> String {
    let mut text = String::new();
    put(&mut text, value);
    text
}

/// Adds a number. A page has tens of thousands of them: whole tenths are several times as fast as the digits
/// of any number.
fn put(text: &mut String, value: f64) {
    let tenths = (10.0 * value).round() as i64;
    let (whole, tenth) = (tenths / 10, (tenths % 10).abs());
    let sign = if tenths < 0 && whole == 0 { "-" } else { "" };
    // Writing to a text does not fail.
    let _ = match tenth {
        0 => write!(text, "{whole}"),
        _ => write!(text, "{sign}{whole}.{tenth}"),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot() -> Plot {
        let mut plot =
            Plot::new("a & b", ("x", Scale::linear(0.0, 1.0)), ("y", Scale::linear(0.0, 1.0)));
        (plot.width, plot.height) = (100.0 + LEFT + RIGHT, 100.0 + TOP + BOTTOM);
        plot
    }

    #[test]
    fn a_missing_value_parts_a_line() {
        let points = [(0.0, 0.0), (0.5, 1.0), (0.6, f64::NAN), (0.7, 0.5), (1.0, 1e300)];
        assert_eq!(plot().joined(&points), "M0 100L50 0M70 50L100 -2000");
    }

    #[test]
    fn a_band_is_an_outline_for_each_run() {
        let points = [(0.0, 0.0, 1.0), (0.5, 0.25, 0.75), (0.6, f64::NAN, 1.0), (1.0, 0.5, 0.5)];
        assert_eq!(plot().bands(&points), ["M0 0L50 25L50 75L0 100z", "M100 50L100 50z"]);
    }

    #[test]
    fn neighbours_on_a_map_are_one_stroke() {
        let (rows, edges) = ([(0.0, 0.5), (0.5, 1.0)], [0.0, 0.25, 0.5, 1.0]);
        let classes = [vec![2, 2, 0], vec![-1, 0, 2]];
        let text = plot().cells(&rows, &edges, &classes).into_string();
        assert!(
            text.contains(r#"class="m p2" stroke-width="50.3" d="M0 75H50M50 25H100""#),
            "{text}"
        );
        assert!(text.contains(r#"class="m n1" stroke-width="50.3" d="M0 25H25""#), "{text}");
        assert!(!text.contains("p1") && !text.contains(" p0"));
    }

    #[test]
    fn numbers_have_tenths_where_they_are_not_whole() {
        for (value, text) in [
            (0.0, "0"),
            (-0.04, "0"),
            (-0.05, "-0.1"),
            (0.96, "1"),
            (-12.34, "-12.3"),
            (370.0, "370"),
            (-22_600.0, "-22600"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn captions_are_escaped() {
        assert!(plot().render().into_string().contains("<figcaption>a &amp; b</figcaption>"));
    }
}
