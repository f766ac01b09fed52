//! The shared parameters: what they are called, what is known of them, and where each acts.

use crate::foundations::text::did_you_mean;
use crate::science::instrument::{FITTED, FITTED_NAMES};

use super::input::{JointSet, SharedValues};
use super::settings::{JointSettings, Prior};

/// A direction of the shared parameters is not determined where its standard error is more than so many
/// usual priors.
pub(super) const FARTHEST: f64 = 30.0;

/// What a parameter changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A parameter of the bolometer, by its place in [`FITTED_NAMES`].
    Bolometer(usize),
    /// The offset of an emitter's thermometer.
    Offset(usize),
    /// Amplitude, time or offset of the internal calibrator's drift.
    Drift(usize),
    /// Second or third harmonic.
    Harmonic(usize),
    /// A coefficient of the primary vibration.
    Primary(usize),
    /// The secondary vibration.
    Secondary,
}

impl Kind {
    /// The correction term that it is the factor of.
    pub(super) fn term(self) -> Option<usize> {
        match self {
            Self::Harmonic(i) => Some(i),
            Self::Primary(_) => Some(2),
            Self::Secondary => Some(3),
            _ => None,
        }
    }
}

/// A parameter that all bins share.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) unit: &'static str,
    pub(super) kind: Kind,
    /// The data sets on which it acts.
    pub(super) sets: Vec<usize>,
    /// What is known beforehand.
    pub(super) mean: f64,
    /// Its standard error, in the parameter's unit; infinite if nothing is known, zero if it is fixed.
    pub(super) sigma: f64,
    /// The unit of the search: the prior's standard error, or a usual one.
    pub(super) scale: f64,
    /// Where the search begins.
    pub(super) start: f64,
}

impl Parameter {
    /// Whether it is fitted.
    pub(super) fn is_free(&self) -> bool {
        self.sigma > 0.0
    }

    /// The value at a place of the search.
    pub(super) fn value(&self, x: f64) -> f64 {
        self.mean + self.scale * x
    }
}

/// A kind of parameter as the settings know it.
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) group: &'static str,
    pub(super) unit: &'static str,
    pub(super) kind: Kind,
    shared_by: SharedBy,
    /// Usual standard error; of bolometer parameters relative.
    pub(super) usual: f64,
    /// Whether it is fixed unless it is given a prior.
    pub(super) is_usually_fixed: bool,
}

/// Name and channel of a data set.
pub(super) type SetName<'a> = (&'a str, &'a str);

/// Which data sets have one value of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SharedBy {
    All,
    Channel,
    NoOther,
}

const OFFSET_K: f64 = 5e-3;
const XCAL_OFFSET_K: f64 = 1e-2;
const DRIFT_YEARS: f64 = 0.05;
const HARMONIC: f64 = 1.5e-3;
const VIBRATION: f64 = 2e-5;
const BOLOMETER: f64 = 0.01;
/// Usual standard error of the temperature of a plateau, K.
pub(super) const PLATEAU_K: f64 = 1e-3;

/// The group of the plateaus' temperatures in `free` and `prior`.
pub(super) const PLATEAUS: &str = "plateau_temperatures";
/// The bodies whose temperature is set for each plateau.
const CONTROLLED: [&str; 4] = ["xcal", "ical", "refhorn", "skyhorn"];

/// All parameters that data sets with these emitters can have.
pub(super) fn entries(emitters: &[String], operating: Option<usize>) -> Vec<Entry> {
    let entry = |name: String, group, unit, kind, shared_by, usual| Entry {
        name,
        group,
        unit,
        kind,
        shared_by,
        usual,
        // The time of the drift is known; and where the secondary vibration comes from there may be no light
        // at all, as in llss: of noise it would make what is no information.
        is_usually_fixed: matches!(kind, Kind::Drift(1) | Kind::Secondary),
    };
    let mut all: Vec<Entry> = (0..FITTED)
        .map(|i| {
            let (name, unit) = FITTED_NAMES[i];
            let name = format!("bolometer_{name}");
            entry(name, "bolometer", unit, Kind::Bolometer(i), SharedBy::Channel, BOLOMETER)
        })
        .collect();
    for (place, emitter) in emitters.iter().enumerate() {
        // The operating temperature follows from the bolometer's parameters.
        if operating == Some(place) {
            continue;
        }
        let name = format!("{emitter}_offset");
        let kind = Kind::Offset(place);
        let (group, usual) = match emitter.as_str() {
            "xcal" => ("xcal_offset", XCAL_OFFSET_K),
            // The offset of its drift is its own.
            "ical" => ("", OFFSET_K),
            _ => ("offsets", OFFSET_K),
        };
        all.push(entry(name, group, "K", kind, SharedBy::All, usual));
        if emitter == "ical" {
            let parts = [("amplitude", "K", OFFSET_K), ("time", "yr", DRIFT_YEARS)];
            for (i, (part, unit, usual)) in
                parts.into_iter().chain([("offset", "K", OFFSET_K)]).enumerate()
            {
                let name = format!("ical_drift_{part}");
                all.push(entry(name, "ical_drift", unit, Kind::Drift(i), SharedBy::All, usual));
            }
        }
    }
    for i in 0..2 {
        let kind = Kind::Harmonic(i);
        all.push(entry(format!("h{}", i + 2), "harmonics", "1", kind, SharedBy::NoOther, HARMONIC));
    }
    for i in 0..5 {
        let kind = Kind::Primary(i);
        all.push(entry(format!("vp{i}"), "vibration", "1", kind, SharedBy::NoOther, VIBRATION));
    }
    let kind = Kind::Secondary;
    all.push(entry("vs".into(), "vibration", "1", kind, SharedBy::NoOther, VIBRATION));
    all
}

/// The parameters of a fit, and the temperatures of its plateaus.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Parameters {
    /// All of them, also those that are fixed.
    pub(super) all: Vec<Parameter>,
    /// Places of those that are fitted.
    pub(super) free: Vec<usize>,
    /// Standard error of a plateau's temperature, K; none if these are not fitted.
    pub(super) plateau_k: Option<f64>,
}

impl Parameters {
    /// The parameters that settings ask for.
    ///
    /// # Errors
    /// Says which name there is none of, and which there are.
    pub(super) fn new(sets: &[JointSet], settings: &JointSettings) -> Result<Self, String> {
        let Some(first) = sets.first() else { return Err("there is no data set".into()) };
        let entries = entries(&first.emitters, first.operating);
        let mut all: Vec<Parameter> = Vec::new();
        let called: Vec<SetName> = sets.iter().map(|set| (&*set.name, &*set.channel)).collect();
        for entry in &entries {
            for (place, set) in sets.iter().enumerate() {
                let name = entry.name_in(called[place], &called);
                if let Some(known) = all.iter_mut().find(|parameter| parameter.name == name) {
                    known.sets.push(place);
                } else {
                    all.push(entry.parameter(name, place, set, settings));
                }
            }
        }
        check_names(settings, &entries, &called)?;
        let free = (0..all.len()).filter(|&place| all[place].is_free()).collect();
        let plateau_k = plateau_prior(settings)?;
        Ok(Self { all, free, plateau_k })
    }

    /// The values of one data set at a place of the search: one number for each free parameter.
    pub(super) fn values(&self, set: usize, known: &SharedValues, x: &[f64]) -> SharedValues {
        let mut values = known.clone();
        let mut bolometer = known.bolometer.fitted();
        let mut searched = vec![0.0; self.all.len()];
        self.free.iter().zip(x).for_each(|(&place, x)| searched[place] = *x);
        for (parameter, x) in self.all.iter().zip(searched) {
            if !parameter.sets.contains(&set) {
                continue;
            }
            let value = parameter.value(x);
            match parameter.kind {
                Kind::Bolometer(i) => bolometer[i] = value,
                Kind::Offset(emitter) => values.offsets_k[emitter] = value,
                Kind::Drift(i) => values.drift[i] = value,
                Kind::Harmonic(i) => values.harmonics[i] = value,
                Kind::Primary(i) => values.primary[i] = value,
                Kind::Secondary => values.secondary = value,
            }
        }
        values.bolometer = known.bolometer.with_fitted(bolometer);
        values
    }

    /// Where the search begins.
    pub(super) fn start(&self) -> Vec<f64> {
        let place = |&place: &usize| {
            let parameter = &self.all[place];
            (parameter.start - parameter.mean) / parameter.scale
        };
        self.free.iter().map(place).collect()
    }

    /// What the prior adds to the normal matrix for each free parameter: one half, or nothing.
    pub(super) fn prior_information(&self) -> Vec<f64> {
        let half = |&place: &usize| if self.all[place].sigma.is_finite() { 0.5 } else { 0.0 };
        self.free.iter().map(half).collect()
    }

    /// The free parameters that act on a data set, as places among the free ones.
    pub(super) fn of_set(&self, set: usize) -> Vec<usize> {
        let acts = |&place: &usize| self.all[self.free[place]].sets.contains(&set);
        (0..self.free.len()).filter(acts).collect()
    }
}

impl Entry {
    /// Its name in a data set, where others are fitted together with it.
    fn name_in(&self, (name, channel): SetName, sets: &[SetName]) -> String {
        let channels = sets.iter().any(|(_, other)| *other != channel);
        match self.shared_by {
            SharedBy::Channel if channels => format!("{}_{channel}", self.name),
            SharedBy::NoOther if sets.len() > 1 => format!("{}_{name}", self.name),
            _ => self.name.clone(),
        }
    }

    fn parameter(
        &self,
        name: String,
        place: usize,
        set: &JointSet,
        settings: &JointSettings,
    ) -> Parameter {
        let keys = [name.as_str(), self.name.as_str(), self.group];
        let of = |map: &std::collections::BTreeMap<String, f64>| {
            keys[..2].iter().find_map(|key| map.get(*key)).copied()
        };
        let mean = of(&settings.value).unwrap_or(self.known(&set.known));
        let relative = if let Kind::Bolometer(_) = self.kind { mean.abs() } else { 1.0 };
        let is_free = settings.free.iter().any(|free| keys.contains(&free.as_str()));
        // What is held unless it has a prior of its own is none of its group's.
        let with_prior = if self.is_usually_fixed { &keys[..2] } else { &keys[..] };
        let prior = with_prior.iter().find_map(|key| settings.prior.get(*key)).copied();
        let usual = if self.is_usually_fixed { 0.0 } else { self.usual };
        let sigma = match prior.unwrap_or(Prior::Sigma(usual)) {
            _ if !is_free => 0.0,
            Prior::Sigma(sigma) => sigma * relative,
            Prior::None => f64::INFINITY,
        };
        let scale = if sigma > 0.0 && sigma.is_finite() { sigma } else { self.usual * relative };
        let start = of(&settings.start).unwrap_or(mean);
        Parameter {
            name,
            unit: self.unit,
            kind: self.kind,
            sets: vec![place],
            mean,
            sigma,
            scale,
            start,
        }
    }

    /// What is taken as known of it.
    fn known(&self, values: &SharedValues) -> f64 {
        match self.kind {
            Kind::Bolometer(i) => values.bolometer.fitted()[i],
            Kind::Offset(emitter) => values.offsets_k[emitter],
            Kind::Drift(i) => values.drift[i],
            Kind::Harmonic(i) => values.harmonics[i],
            Kind::Primary(i) => values.primary[i],
            Kind::Secondary => values.secondary,
        }
    }
}

fn plateau_prior(settings: &JointSettings) -> Result<Option<f64>, String> {
    if !settings.free.iter().any(|free| free == PLATEAUS) {
        return Ok(None);
    }
    match settings.prior.get(PLATEAUS) {
        None => Ok(Some(PLATEAU_K)),
        Some(Prior::Sigma(0.0)) => Ok(None),
        Some(Prior::Sigma(sigma)) => Ok(Some(*sigma)),
        Some(Prior::None) => Err(format!(
            "the prior of {PLATEAUS} is \"none\": expected a standard error in K, since no data tell \
             an error of every plateau from an offset"
        )),
    }
}

/// Checks the names in settings for data sets with these emitters.
///
/// # Errors
/// Names the first that is no parameter, and those that there are.
pub(super) fn check(
    settings: &JointSettings,
    emitters: &[String],
    operating: Option<usize>,
    sets: &[SetName],
) -> Result<(), String> {
    check_names(settings, &entries(emitters, operating), sets)?;
    plateau_prior(settings).map(|_| ())
}

/// Checks that every name in the settings is one.
fn check_names(
    settings: &JointSettings,
    entries: &[Entry],
    sets: &[SetName],
) -> Result<(), String> {
    let mut groups: Vec<&str> = entries.iter().map(|e| e.group).filter(|g| !g.is_empty()).collect();
    groups.dedup();
    groups.push(PLATEAUS);
    let mut names: Vec<&str> = entries.iter().map(|e| e.name.as_str()).collect();
    let in_sets: Vec<String> =
        entries.iter().flat_map(|e| sets.iter().map(|set| e.name_in(*set, sets))).collect();
    names.extend(in_sets.iter().map(String::as_str).filter(|n| !n.is_empty()));
    let check = |part: &str, name: &str, takes_groups: bool| {
        if names.contains(&name) || takes_groups && groups.contains(&name) {
            return Ok(());
        }
        let of_groups: &[&str] = if takes_groups { &groups } else { &[] };
        let mut valid: Vec<&str> = of_groups.to_vec();
        for name in &names {
            if !valid.contains(name) {
                valid.push(name);
            }
        }
        let meant = did_you_mean(name, valid.iter().copied());
        Err(format!(
            "{part} names `{name}`: there is no such parameter{meant}; there are {}",
            valid.join(", ")
        ))
    };
    settings.free.iter().try_for_each(|name| check("free", name, true))?;
    settings.prior.keys().try_for_each(|name| check("prior", name, true))?;
    settings.value.keys().try_for_each(|name| check("value", name, false))?;
    settings.start.keys().try_for_each(|name| check("start", name, false))
}

/// The bodies of a data set whose temperature is set for each plateau, as places of emitters.
pub(super) fn controlled(set: &JointSet) -> Vec<usize> {
    CONTROLLED.iter().filter_map(|name| set.emitter(name)).collect()
}
