//! Texts with placeholders in braces: `inputs/{system}_{trial}.json`.

use std::ffi::{OsStr, OsString};

use super::axis::Axis;
use super::error::CommandError;
use crate::foundations::text::did_you_mean;

/// A text with placeholders, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Slot(Slot),
}

/// What a placeholder stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Slot {
    /// `{AXIS}`: the label of a unit's value on this axis (its number in the grid).
    Label(usize),
    /// `{AXIS.index}`: the place of the value on the axis, from 0.
    Index(usize),
    /// `{AXIS.value}`: the value in the shortest form that reads back.
    Value(usize),
    /// `{seed}`: of the unit.
    Seed,
    /// `{unit}`: its number, from 0.
    Unit,
    /// `{attempt}`: which one, from 1.
    Attempt,
    /// `{threads}`: how many it may use.
    Threads,
    /// `{scratch}`: a folder for its temporary files, which goes with the attempt. The folder of outputs
    /// is in it.
    Scratch,
    /// `{input}`: the path of the file that it reads.
    Input,
    /// `{output}`: the path of the file that it must write.
    Output,
    /// `{output_folder}`: where that file is.
    OutputFolder,
    /// `{outputs}`: the folder with the outputs of all units.
    Outputs,
    /// `{results}`: the folder with all products.
    Results,
}

/// Where a text stands, which decides the placeholders that mean something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A word of `command.run`, or a value of `command.env`.
    Run {
        /// Whether there is a `command.input`.
        has_input: bool,
        /// Whether there is a `command.output`.
        has_output: bool,
    },
    /// `command.input`: what is known when the plan is made.
    Input,
    /// A word of `reduce.run`.
    Reduce,
}

impl Place {
    fn slots(self, axes: &[Axis]) -> Vec<(String, Slot)> {
        let plain = |slots: &[(&str, Slot)]| -> Vec<(String, Slot)> {
            slots.iter().map(|(name, slot)| ((*name).to_owned(), *slot)).collect()
        };
        if self == Self::Reduce {
            return plain(&[
                ("outputs", Slot::Outputs),
                ("results", Slot::Results),
                ("output_folder", Slot::OutputFolder),
            ]);
        }
        let of_axis = |(i, axis): (usize, &Axis)| {
            let name = axis.name();
            [
                (name.to_owned(), Slot::Label(i)),
                (format!("{name}.index"), Slot::Index(i)),
                (format!("{name}.value"), Slot::Value(i)),
            ]
        };
        let mut slots: Vec<_> = axes.iter().enumerate().flat_map(of_axis).collect();
        slots.extend(plain(&[("seed", Slot::Seed), ("unit", Slot::Unit)]));
        if let Self::Run { has_input, has_output } = self {
            slots.extend(plain(&[
                ("attempt", Slot::Attempt),
                ("threads", Slot::Threads),
                ("scratch", Slot::Scratch),
                ("output_folder", Slot::OutputFolder),
            ]));
            if has_output {
                slots.push(("output".into(), Slot::Output));
            }
            if has_input {
                slots.push(("input".into(), Slot::Input));
            }
        }
        slots
    }
}

impl Template {
    /// Understands a text. `setting` is what messages call it.
    ///
    /// # Errors
    /// If a placeholder means nothing there, or a brace has no other half.
    pub fn parse(
        setting: &str,
        text: &str,
        place: Place,
        axes: &[Axis],
    ) -> Result<Self, CommandError> {
        let brace = || CommandError::Brace { setting: setting.into(), text: text.into() };
        let (mut parts, mut plain, mut rest) = (Vec::new(), String::new(), text);
        while let Some(at) = rest.find(['{', '}']) {
            plain.push_str(&rest[..at]);
            rest = &rest[at..];
            if let Some(after) = rest.strip_prefix("{{") {
                plain.push('{');
                rest = after;
            } else if let Some(after) = rest.strip_prefix("}}") {
                plain.push('}');
                rest = after;
            } else {
                let inner = rest.strip_prefix('{').ok_or_else(brace)?;
                let (name, after) = inner.split_once('}').ok_or_else(brace)?;
                parts.extend(Some(Part::Text(std::mem::take(&mut plain))));
                parts.push(Part::Slot(find(setting, name, place, axes)?));
                rest = after;
            }
        }
        plain.push_str(rest);
        parts.push(Part::Text(plain));
        parts.retain(|part| *part != Part::Text(String::new()));
        Ok(Self(parts))
    }

    /// The placeholders, in order.
    pub fn slots(&self) -> impl Iterator<Item = Slot> + '_ {
        self.0.iter().filter_map(|part| match part {
            Part::Slot(slot) => Some(*slot),
            Part::Text(_) => None,
        })
    }

    /// The text with something in the place of every placeholder.
    ///
    /// Not a `String`: a path need not be text.
    pub fn fill(&self, mut value: impl FnMut(Slot) -> OsString) -> OsString {
        let mut filled = OsString::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => filled.push(OsStr::new(text)),
                Part::Slot(slot) => filled.push(value(*slot)),
            }
        }
        filled
    }
}

fn find(setting: &str, name: &str, place: Place, axes: &[Axis]) -> Result<Slot, CommandError> {
    let slots = place.slots(axes);
    if let Some((_, slot)) = slots.iter().find(|(known, _)| known == name) {
        return Ok(*slot);
    }
    let braced: Vec<String> = slots.iter().map(|(known, _)| format!("{{{known}}}")).collect();
    let hint = did_you_mean(name, slots.iter().map(|(known, _)| known.as_str()));
    let no_input = name == "input" && matches!(place, Place::Run { .. });
    Err(CommandError::Placeholder {
        setting: setting.into(),
        placeholder: name.into(),
        valid: braced.join(", "),
        hint: if no_input { "; set command.input first".into() } else { hint },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::axis::AxisBuilder;

    fn axes() -> Vec<Axis> {
        let axis = |name| AxisBuilder::range(name, 5, 7).unwrap().finish();
        vec![axis("noise"), axis("trial")]
    }

    fn filled(text: &str, place: Place) -> Result<String, String> {
        let template = Template::parse("command.run", text, place, &axes());
        let template = template.map_err(|e| e.to_string())?;
        let filled = template.fill(|slot| format!("<{slot:?}>").into());
        Ok(filled.into_string().unwrap())
    }

    const RUN: Place = Place::Run { has_input: true, has_output: true };

    #[test]
    fn placeholders_are_found_and_braces_stay() {
        for (text, expected) in [
            ("", ""),
            ("plain", "plain"),
            ("{noise}", "<Label(0)>"),
            ("a{noise}b{trial.index}{trial.value}c", "a<Label(0)>b<Index(1)><Value(1)>c"),
            ("{{{noise}}}", "{<Label(0)>}"),
            ("{{ print $1 }}", "{ print $1 }"),
            ("{{{{", "{{"),
            ("é{seed}", "é<Seed>"),
            ("{input}{output}{output_folder}", "<Input><Output><OutputFolder>"),
            ("{unit}{attempt}{threads}{scratch}", "<Unit><Attempt><Threads><Scratch>"),
        ] {
            assert_eq!(filled(text, RUN).as_deref(), Ok(expected));
        }
        assert_eq!(filled("{outputs}", Place::Reduce).as_deref(), Ok("<Outputs>"));
        let template = Template::parse("x", "{noise}/{seed}", Place::Input, &axes()).unwrap();
        assert_eq!(template.slots().collect::<Vec<_>>(), [Slot::Label(0), Slot::Seed]);
    }

    #[test]
    fn what_means_nothing_is_refused_and_the_valid_ones_are_named() {
        let error = filled("{nose}", RUN).unwrap_err();
        let expected = "command.run: {nose} means nothing there: expected one of {noise}, \
                        {noise.index}, {noise.value}, {trial}, {trial.index}, {trial.value}, {seed}, \
                        {unit}, {attempt}, {threads}, {scratch}, {output_folder}, {output}, {input}; \
                        a brace is written {{ or }}; did you mean noise?";
        assert_eq!(error, expected);
        for (text, place) in [
            ("{print $1}", RUN),
            ("{}", RUN),
            ("{ noise }", RUN),
            ("{attempt}", Place::Input),
            ("{output}", Place::Input),
            ("{noise}", Place::Reduce),
            ("{outputs}", RUN),
        ] {
            assert!(filled(text, place).unwrap_err().contains("means nothing there"), "{text}");
        }
        let error =
            filled("{input}", Place::Run { has_input: false, has_output: true }).unwrap_err();
        assert!(error.ends_with("set command.input first"), "{error}");
        for text in ["{noise", "}", "a}b", "{"] {
            assert!(filled(text, RUN).unwrap_err().contains("a brace has no other half"), "{text}");
        }
    }
}
