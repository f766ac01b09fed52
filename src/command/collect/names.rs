//! Names of columns that must not meet.

use crate::command::axis::Axis;
use crate::command::study::CommandStudy;

/// The columns that say which configuration a row is of: the value of every axis, and, of an axis with
/// labels of its own, the label after it.
#[derive(Debug)]
pub(super) struct GridColumns {
    columns: Vec<GridColumn>,
}

#[derive(Debug)]
struct GridColumn {
    name: String,
    axis: usize,
    is_label: bool,
}

impl GridColumns {
    /// The columns of some axes, beside others of fixed names.
    pub(super) fn new(
        study: &CommandStudy,
        is_wanted: impl Fn(&str) -> bool,
        fixed: &[&str],
    ) -> Self {
        let mut columns = Vec::new();
        for (place, axis) in study.axes().iter().enumerate().filter(|(_, a)| is_wanted(a.name())) {
            let name = axis.name().to_owned();
            let label = has_labels(axis).then(|| format!("{name}_label"));
            columns.push(GridColumn { name, axis: place, is_label: false });
            columns.extend(label.map(|name| GridColumn { name, axis: place, is_label: true }));
        }
        let mut taken: Vec<String> = fixed.iter().map(|&name| name.into()).collect();
        for column in &mut columns {
            column.name = apart(&column.name, "grid", &taken);
            taken.push(column.name.clone());
        }
        Self { columns }
    }

    /// Their names.
    pub(super) fn names(&self) -> Vec<String> {
        self.columns.iter().map(|column| column.name.clone()).collect()
    }

    /// What stands in them for a unit.
    pub(super) fn fields(&self, study: &CommandStudy, unit: u64) -> Vec<String> {
        let places = study.grid().places(unit);
        let field = |column: &GridColumn| {
            let (axis, place) = (&study.axes()[column.axis], places[column.axis]);
            if column.is_label {
                axis.label(place).into_owned()
            } else {
                axis.value(place).to_string()
            }
        };
        self.columns.iter().map(field).collect()
    }
}

fn has_labels(axis: &Axis) -> bool {
    (0..axis.len()).any(|place| axis.label(place) != axis.value(place).to_string())
}

/// A name as it is; or, where that is taken, `prefix.name`, with the prefix as often as is needed.
pub(super) fn apart(name: &str, prefix: &str, taken: &[String]) -> String {
    let mut name = name.to_owned();
    while taken.contains(&name) {
        name = format!("{prefix}.{name}");
    }
    name
}
