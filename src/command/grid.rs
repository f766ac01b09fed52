//! The configurations of a study: the grid, whose last axis runs fastest, then the cases.
//!
//! Which values a unit has is computed from its number; no list of units is ever made.

use std::collections::{BTreeMap, HashSet};

use super::axis::{Axis, AxisBuilder};
use super::error::CommandError;
use super::settings::AxisSettings;
use super::value::Named;
use crate::foundations::text::did_you_mean;

/// Most units of a study.
const MOST_UNITS: u64 = 1 << 40;
/// Most axes: a table must be readable.
const MOST_AXES: usize = 64;

/// All configurations.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    axes: Vec<Axis>,
    dimensions: Vec<Dimension>,
    /// Configurations of the grid alone.
    product: u64,
    /// The place on every axis of each case.
    cases: Vec<Vec<u64>>,
}

/// What advances at once: one axis, or several.
#[derive(Debug, Clone, PartialEq)]
struct Dimension {
    axes: Vec<usize>,
    len: u64,
    /// The places on its axes at each step; nothing where the place on the one axis is the step.
    rows: Option<Vec<Vec<u64>>>,
}

impl Dimension {
    fn has(&self, places: &[u64], known: &HashSet<Vec<u64>>) -> bool {
        let row: Vec<u64> = self.axes.iter().map(|axis| places[*axis]).collect();
        match self.rows {
            Some(_) => known.contains(&row),
            None => row[0] < self.len,
        }
    }
}

impl Grid {
    /// Makes it from the settings.
    ///
    /// # Errors
    /// If an axis or a case is not what it should be, two configurations are the same, or there are
    /// more than 2^40.
    pub fn new(
        grid: &[AxisSettings],
        cases: &[BTreeMap<String, Named>],
    ) -> Result<Self, CommandError> {
        let mut builder = Builder::default();
        grid.iter().try_for_each(|settings| builder.add(settings))?;
        let cases = builder.cases(cases)?;
        let dimensions = builder.dimensions;
        let lengths = dimensions.iter().map(|dimension| dimension.len);
        let product = match (dimensions.is_empty(), cases.is_empty()) {
            (true, false) => Some(0),
            _ => lengths.into_iter().try_fold(1, u64::checked_mul),
        };
        let units = product.and_then(|product| product.checked_add(cases.len() as u64));
        if units.is_none_or(|units| units > MOST_UNITS) {
            return Err(CommandError::TooLarge);
        }
        let axes = builder.axes.into_iter().map(AxisBuilder::finish).collect();
        Ok(Self { axes, dimensions, product: product.unwrap_or(0), cases })
    }

    /// How many configurations there are.
    #[must_use]
    pub fn units(&self) -> u64 {
        self.product + self.cases.len() as u64
    }

    /// The axes, in order.
    #[must_use]
    pub fn axes(&self) -> &[Axis] {
        &self.axes
    }

    /// The place of a unit on every axis. The unit is below [`Self::units`].
    #[must_use]
    pub fn places(&self, unit: u64) -> Vec<u64> {
        if let Some(case) = unit.checked_sub(self.product) {
            let case = usize::try_from(case).ok().and_then(|case| self.cases.get(case));
            return case.cloned().unwrap_or_else(|| vec![0; self.axes.len()]);
        }
        let mut places = vec![0; self.axes.len()];
        let mut rest = unit;
        for dimension in self.dimensions.iter().rev() {
            let step = rest % dimension.len;
            rest /= dimension.len;
            for (column, axis) in dimension.axes.iter().enumerate() {
                let row = dimension.rows.as_ref().map(|rows| &rows[step as usize]);
                places[*axis] = row.map_or(step, |row| row[column]);
            }
        }
        places
    }

    /// One unit for every combination of places on some axes, ascending: not all units, where others
    /// have the same places there. For each case, its unit.
    pub fn units_over(&self, axes: &[usize]) -> impl Iterator<Item = u64> + '_ {
        let mut steps = Vec::new();
        let mut stride = 1;
        for dimension in self.dimensions.iter().rev() {
            if dimension.axes.iter().any(|axis| axes.contains(axis)) {
                steps.push((dimension.len, stride));
            }
            stride *= dimension.len;
        }
        steps.reverse();
        let count = if self.product == 0 { 0 } else { steps.iter().map(|(len, _)| len).product() };
        let unit = move |number: u64| {
            let mut rest = number;
            let mut unit = 0;
            for (len, stride) in steps.iter().rev() {
                unit += (rest % len) * stride;
                rest /= len;
            }
            unit
        };
        (0..count).map(unit).chain(self.product..self.units())
    }
}

#[derive(Debug, Default)]
struct Builder {
    axes: Vec<AxisBuilder>,
    dimensions: Vec<Dimension>,
    /// The rows of each dimension that has rows.
    rows: Vec<HashSet<Vec<u64>>>,
}

impl Builder {
    fn add(&mut self, settings: &AxisSettings) -> Result<(), CommandError> {
        match settings {
            AxisSettings {
                name: Some(name),
                values: Some(values),
                from: None,
                to: None,
                zip: None,
            } => {
                let mut axis = AxisBuilder::new(name)?;
                values.iter().try_for_each(|value| axis.add(value))?;
                self.add_plain(axis)
            }
            AxisSettings {
                name: Some(name),
                values: None,
                from: Some(from),
                to: Some(to),
                zip: None,
            } => self.add_plain(AxisBuilder::range(name, *from, *to)?),
            AxisSettings { name: None, values: None, from: None, to: None, zip: Some(zip) } => {
                self.add_zip(zip)
            }
            _ => {
                let found =
                    settings.name.as_deref().map_or("an axis".into(), |name| format!("{name:?}"));
                let expected = "`name` and `values`, or `name`, `from` and `to`, or `zip` alone, as in \
                                zip = { system = [\"a\", \"b\"], order = [1, 2] }";
                Err(CommandError::range("[[grid]]", found, expected))
            }
        }
    }

    fn add_plain(&mut self, axis: AxisBuilder) -> Result<(), CommandError> {
        let len = axis.len();
        if len == 0 {
            let setting = format!("[[grid]] {}", axis.name());
            return Err(CommandError::Empty { setting, example: "values = [1, 2]" });
        }
        self.push(axis)?;
        let axes = vec![self.axes.len() - 1];
        self.dimensions.push(Dimension { axes, len, rows: None });
        self.rows.push(HashSet::new());
        Ok(())
    }

    fn add_zip(&mut self, zip: &BTreeMap<String, Vec<Named>>) -> Result<(), CommandError> {
        let example = "zip = { system = [\"a\", \"b\"], order = [1, 2] }";
        let setting = || {
            if zip.is_empty() {
                "[[grid]] zip".into()
            } else {
                format!("[[grid]] zip of {}", zip.keys().cloned().collect::<Vec<_>>().join(", "))
            }
        };
        let len = zip.values().map(Vec::len).next().unwrap_or(0);
        if len == 0 {
            return Err(CommandError::Empty { setting: setting(), example });
        }
        if let Some((name, values)) = zip.iter().find(|(_, values)| values.len() != len) {
            let found = format!("{} values of {name}", values.len());
            let expected = format!("as many for every name: {len}");
            return Err(CommandError::range(&setting(), found, expected));
        }
        let first = self.axes.len();
        let mut rows = vec![Vec::with_capacity(zip.len()); len];
        for (name, values) in zip {
            let mut axis = AxisBuilder::new(name)?;
            for (row, value) in rows.iter_mut().zip(values) {
                row.push(axis.place(value)?);
            }
            self.push(axis)?;
        }
        let mut known = HashSet::new();
        if let Some(step) = rows.iter().position(|row| !known.insert(row.clone())) {
            let labels: Vec<String> = zip.values().map(|values| values[step].label()).collect();
            return Err(CommandError::Twice { setting: setting(), value: labels.join(", ") });
        }
        let axes = (first..self.axes.len()).collect();
        self.dimensions.push(Dimension { axes, len: len as u64, rows: Some(rows) });
        self.rows.push(known);
        Ok(())
    }

    fn push(&mut self, axis: AxisBuilder) -> Result<(), CommandError> {
        if self.axes.iter().any(|other| other.name() == axis.name()) {
            let (setting, value) = ("[[grid]]".into(), axis.name().into());
            return Err(CommandError::Twice { setting, value });
        }
        if self.axes.len() == MOST_AXES {
            return Err(CommandError::range(
                "[[grid]]",
                "longer",
                format!("at most {MOST_AXES} axes"),
            ));
        }
        self.axes.push(axis);
        Ok(())
    }

    fn cases(&mut self, cases: &[BTreeMap<String, Named>]) -> Result<Vec<Vec<u64>>, CommandError> {
        if self.axes.is_empty()
            && let Some(first) = cases.first()
        {
            first.keys().try_for_each(|name| self.push(AxisBuilder::new(name)?))?;
        }
        let mut known = HashSet::new();
        let mut placed = Vec::with_capacity(cases.len());
        for (i, case) in cases.iter().enumerate() {
            let places = self.place(i + 1, case)?;
            let in_grid = !self.dimensions.is_empty()
                && self.dimensions.iter().zip(&self.rows).all(|(d, rows)| d.has(&places, rows));
            if in_grid || !known.insert(places.clone()) {
                let message = format!("{} is there already: expected each once", shown(case));
                return Err(CommandError::Case { number: i + 1, message });
            }
            placed.push(places);
        }
        Ok(placed)
    }

    fn place(
        &mut self,
        number: usize,
        case: &BTreeMap<String, Named>,
    ) -> Result<Vec<u64>, CommandError> {
        let refused = |message: String| Err(CommandError::Case { number, message });
        let names: Vec<String> = self.axes.iter().map(|axis| axis.name().to_owned()).collect();
        if let Some(name) = case.keys().find(|name| !names.contains(name)) {
            let hint = did_you_mean(name, names.iter().map(String::as_str));
            return refused(format!("{name} is no axis: expected {}{hint}", names.join(", ")));
        }
        let mut places = Vec::with_capacity(names.len());
        for (axis, name) in self.axes.iter_mut().zip(&names) {
            let Some(value) = case.get(name) else {
                return refused(format!("{name} has no value: expected one for every axis"));
            };
            places.push(axis.place(value)?);
        }
        Ok(places)
    }
}

fn shown(case: &BTreeMap<String, Named>) -> String {
    let pairs = case.iter().map(|(name, value)| format!("{name}={}", value.label()));
    pairs.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Both {
        #[serde(default)]
        grid: Vec<AxisSettings>,
        #[serde(default)]
        case: Vec<BTreeMap<String, Named>>,
    }

    fn grid(text: &str) -> Result<Grid, String> {
        let both: Both = toml::from_str(text).unwrap();
        Grid::new(&both.grid, &both.case).map_err(|e| e.to_string())
    }

    fn listed(grid: &Grid) -> Vec<String> {
        let labels = |places: Vec<u64>| {
            let labels = grid.axes().iter().zip(places).map(|(axis, place)| axis.label(place));
            labels.collect::<Vec<_>>().join(" ")
        };
        (0..grid.units()).map(|unit| labels(grid.places(unit))).collect()
    }

    const ALL: &str = r#"
        grid = [
            { name = "noise", values = [1e-8, 0.02] },
            { zip = { system = ["a", "b", "a"], order = [1, 1, 2] } },
            { name = "trial", from = 3, to = 4 },
        ]
        case = [
            { noise = 0.5, system = "b", order = 1, trial = 3 },
            { noise = 0.02, system = "b", order = 2, trial = 3 },
        ]"#;

    #[test]
    fn the_last_axis_runs_fastest_and_cases_come_last() {
        let grid = grid(ALL).unwrap();
        let names: Vec<&str> = grid.axes().iter().map(Axis::name).collect();
        assert_eq!(names, ["noise", "order", "system", "trial"]);
        let expected = [
            "1e-8 1 a 3",
            "1e-8 1 a 4",
            "1e-8 1 b 3",
            "1e-8 1 b 4",
            "1e-8 2 a 3",
            "1e-8 2 a 4",
            "0.02 1 a 3",
            "0.02 1 a 4",
            "0.02 1 b 3",
            "0.02 1 b 4",
            "0.02 2 a 3",
            "0.02 2 a 4",
            "0.5 1 b 3",
            "0.02 2 b 3",
        ];
        assert_eq!(listed(&grid), expected);
        assert_eq!(grid.places(12), [2, 0, 1, 0]);
    }

    #[test]
    fn units_over_some_axes_have_every_combination_once() {
        let grid = grid(ALL).unwrap();
        let over = |axes: &[usize]| grid.units_over(axes).collect::<Vec<u64>>();
        assert_eq!(over(&[0, 1, 2, 3]), (0..14).collect::<Vec<u64>>());
        assert_eq!(over(&[]), [0, 12, 13]);
        assert_eq!(over(&[2]), [0, 2, 4, 12, 13]);
        assert_eq!(over(&[0, 3]), [0, 1, 6, 7, 12, 13]);
    }

    #[test]
    fn cases_may_stand_alone_and_so_may_the_program() {
        let alone = grid("case = [{ b = 1, a = 2 }, { b = 2, a = 2 }]").unwrap();
        assert_eq!(listed(&alone), ["2 1", "2 2"]);
        assert_eq!(alone.units_over(&[]).collect::<Vec<u64>>(), [0, 1]);
        let nothing = grid("").unwrap();
        assert_eq!((nothing.units(), listed(&nothing)), (1, vec![String::new()]));
    }

    #[test]
    fn a_huge_grid_costs_nothing_and_a_larger_one_is_refused() {
        let axis = |name: &str, to: u64| format!("{{ name = \"{name}\", from = 1, to = {to} }}");
        let text = |to| format!("grid = [{}, {}]", axis("a", 1 << 20), axis("b", to));
        let huge = grid(&text(1 << 20)).unwrap();
        assert_eq!(huge.units(), 1 << 40);
        assert_eq!(huge.places((1 << 40) - 1), [(1 << 20) - 1, (1 << 20) - 1]);
        assert!(grid(&text((1 << 20) + 1)).unwrap_err().contains("more than 2^40 units"));
        let beyond = format!("grid = [{}, {}]", axis("a", 1 << 62), axis("b", 1 << 62));
        assert!(grid(&beyond).unwrap_err().contains("more than 2^40 units"));
    }

    #[test]
    fn what_is_wrong_with_a_grid_is_said() {
        for (text, expected) in [
            ("grid = [{ name = \"a\", values = [] }]", "[[grid]] a is empty"),
            ("grid = [{ name = \"a\" }]", "[[grid]] is \"a\": expected `name` and `values`, or"),
            ("grid = [{ values = [1] }]", "[[grid]] is an axis: expected `name`"),
            ("grid = [{ name = \"a\", from = 2, to = 1 }]", "[[grid]] a, to is 1: expected"),
            ("grid = [{ name = \"a\", values = [1, 1.0] }]", "[[grid]] a lists 1 twice"),
            ("grid = [{ name = \"a\", values = [nan] }]", "[[grid]] a is NaN: expected a number"),
            (
                "grid = [{ name = \"a\", values = [1] }, { name = \"a\", values = [2] }]",
                "[[grid]] lists a twice",
            ),
            ("grid = [{ zip = {} }]", "[[grid]] zip is empty"),
            ("grid = [{ zip = { a = [1], b = [1, 2] } }]", "zip of a, b is 2 values of b"),
            ("grid = [{ zip = { a = [1, 1], b = [2, 2] } }]", "zip of a, b lists 1, 2 twice"),
            ("case = [{ a = 1 }, { a = 1 }]", "[[case]] 2: a=1 is there already"),
            ("case = [{ a = 1 }, { b = 1 }]", "[[case]] 2: b is no axis: expected a"),
            ("case = [{ a = 1, b = 2 }, { a = 1 }]", "[[case]] 2: b has no value"),
            (
                "grid = [{ name = \"a\", from = 1, to = 3 }]\ncase = [{ a = 2.0 }]",
                "[[case]] 1: a=2 is there already",
            ),
            (
                "grid = [{ zip = { a = [1, 2], b = [1, 2] } }]\ncase = [{ a = 2, b = 2 }]",
                "[[case]] 1: a=2 b=2 is there already",
            ),
            (
                "grid = [{ name = \"noise\", values = [1] }]\ncase = [{ nose = 2 }]",
                "did you mean noise?",
            ),
        ] {
            let error = grid(text).unwrap_err();
            assert!(error.contains(expected), "{error}\n{expected}");
        }
    }
}
