//! What a fit of the parameters that all bins share is given: the data as they are, before any
//! correction, and what the corrections would be made of.

use num_complex::Complex64;

use super::Campaign;
use super::realisation::{Realisation, RecordSubset};
use crate::foundations::numerics::ScratchVec;
use crate::science::data::emitters::TemperatureRule;
use crate::science::data::simulate::TrueParameters;
use crate::science::fit::joint::{BinRecords, BinSource, SharedValues};
use crate::science::fit::{self, Context, Deadline, VarianceScale};
use crate::science::instrument::{BolometerParameters, Corrections, SPECTRUM_BINS, Term};

use super::Interferograms;

/// What all bins of a realisation share. Vectors have one element for each record that is fitted
/// (or held out).
#[derive(Debug, Clone, PartialEq)]
pub struct SharedInputs {
    /// At which emitters emit before corrections, K, `[emitter][record]`: as read, or, where that is the
    /// emitter's rule, the temperature at which the bolometer operates by [`Self::bolometer`].
    pub readings_k: Vec<Vec<f64>>,
    /// The emitter whose temperature is that at which the bolometer operates.
    pub operating: Option<usize>,
    /// Commanded bias, V.
    pub bias_v: Vec<f64>,
    /// Bolometer readout, V.
    pub volt_v: Vec<f64>,
    /// Temperature of the bolometer's bath, K: where the search for its state begins.
    pub bath_k: Vec<f64>,
    /// Years since the aperture cover was ejected; none if a record has no time.
    pub years: Option<Vec<f64>>,
    /// Number of the plateau, ascending; none for records that are held out.
    pub plateaus: Vec<usize>,
    /// The bolometer's parameters, as assumed.
    pub bolometer: BolometerParameters,
    /// The corrections that `data.model` has.
    pub model_corrections: Option<Corrections>,
    /// Those that are in force for other methods.
    pub corrections: Corrections,
    /// Bias (V), readout (V) and bath (K) in the average of the mission, by `data.model`; else the means
    /// of the records of the campaign.
    pub mission_state: (f64, f64, f64),
}

/// One bin of a realisation, before corrections. Vectors have one element for each record that is
/// fitted.
#[derive(Debug)]
pub struct JointBin {
    /// Index on the frequency axis.
    pub bin: usize,
    /// Whether it lies in the channel's optical band.
    pub is_in_band: bool,
    /// Whether the electronics pass next to nothing.
    pub is_blocked: bool,
    /// Optical frequency, Hz.
    pub frequency_hz: f64,
    /// Angular audio frequency, rad/s.
    pub omega: f64,
    /// Spectrum D, MJy/sr.
    pub data: Vec<Complex64>,
    /// `E|noise|^2` of it, (MJy/sr)^2.
    pub variance: ScratchVec,
    /// What is known of the scale of `variance`.
    pub scale: VarianceScale,
    /// The regressors H2, H3, VP and VS, MJy/sr; none where one was not asked for, where the vibrations of
    /// the scan mode are not known, or where the realisation lacks bins that it refers to
    /// ([`Campaign::realise_with_support`]).
    pub terms: [Option<Vec<Complex64>>; 4],
}

/// What is taken as known: the corrections in force, or else those of `data.model`.
fn known(
    bolometer: BolometerParameters,
    (of_model, in_force): (Option<&Corrections>, &Corrections),
    emitters: &[String],
) -> SharedValues {
    let of_model = of_model.filter(|_| in_force.is_none());
    SharedValues::of(bolometer, of_model.unwrap_or(in_force), emitters)
}

/// The records of a data set in one realisation, as the joint fit takes them.
#[derive(Debug)]
pub struct JointRecords<'a> {
    /// What its bins share.
    pub inputs: SharedInputs,
    campaign: &'a Campaign,
    realisation: &'a Realisation,
    wanted: [bool; 4],
    /// Whether these are the records that are held out.
    is_held_out: bool,
    emitters: Vec<String>,
    /// Positions of the bins that have anything to be fitted.
    bright: Vec<usize>,
}

impl JointRecords<'_> {
    /// What is taken as known: the corrections in force, or else those of `data.model`.
    #[must_use]
    pub fn known(&self) -> SharedValues {
        let inputs = &self.inputs;
        let given = (inputs.model_corrections.as_ref(), &inputs.corrections);
        known(inputs.bolometer, given, &self.emitters)
    }

    /// The positions, among the bins of the realisation, of those that have anything to be fitted.
    #[must_use]
    pub fn bright(&self) -> &[usize] {
        &self.bright
    }

    /// The data set, of its bright bins.
    #[must_use]
    pub fn set(&self) -> fit::joint::JointSet<'_> {
        let Self { inputs, emitters, campaign, .. } = self;
        let set = campaign.axis.channel_scan();
        let (bias_v, volt_v, bath_k) = inputs.mission_state;
        fit::joint::JointSet {
            name: set.to_string(),
            channel: set.channel.to_string(),
            emitters: emitters.clone(),
            operating: inputs.operating,
            readings_k: &inputs.readings_k,
            bias_v: &inputs.bias_v,
            volt_v: &inputs.volt_v,
            bath_k: &inputs.bath_k,
            years: inputs.years.as_deref(),
            plateaus: &inputs.plateaus,
            bolometer: inputs.bolometer,
            known: self.known(),
            state: [bias_v, volt_v, bath_k],
            frequencies_hz: (0..SPECTRUM_BINS).map(|bin| campaign.axis.frequency_hz(bin)).collect(),
            bins: self.bright.iter().map(|&position| self.bin(position)).collect(),
            source: self,
        }
    }

    fn bin(&self, position: usize) -> fit::joint::JointBin<'_> {
        let bin = self.realisation.bins[position];
        fit::joint::JointBin {
            is_in_band: self.campaign.axis.is_in_band(bin),
            omega: self.campaign.gain.omega(bin),
            scale: self.realisation.scale,
            context: Context {
                bin,
                is_blocked: false,
                frequency_hz: self.campaign.axis.frequency_hz(bin),
                temperatures: &self.inputs.readings_k,
                plateaus: &self.inputs.plateaus,
                model: None,
                deadline: Deadline::NONE,
            },
        }
    }
}

impl BinSource for JointRecords<'_> {
    fn load(&self, at: usize) -> BinRecords {
        let Self { campaign, realisation, wanted, .. } = self;
        let subset = match &realisation.held_out {
            Some(held_out) if self.is_held_out => held_out,
            _ => &realisation.fitted,
        };
        let bin = campaign.joint_of(realisation, self.bright[at], subset, *wanted);
        BinRecords { data: bin.data, variance: bin.variance, terms: bin.terms }
    }

    fn terms(&self, at: usize) -> [bool; 4] {
        let bin = self.realisation.bins[self.bright[at]];
        let has = |term: Term| self.campaign.has_term(self.realisation, (bin, term));
        std::array::from_fn(|term| self.wanted[term] && has(Term::ALL[term]))
    }
}

impl Campaign {
    /// The records of a realisation as the joint fit takes them, with the regressors that are `wanted`.
    #[must_use]
    pub fn joint_records<'a>(
        &'a self,
        realisation: &'a Realisation,
        wanted: [bool; 4],
    ) -> JointRecords<'a> {
        self.as_joint_records(realisation, wanted, self.shared_inputs(realisation))
    }

    /// The same of the records that are held out, if there are any.
    #[must_use]
    pub fn held_out_joint_records<'a>(
        &'a self,
        realisation: &'a Realisation,
        wanted: [bool; 4],
    ) -> Option<JointRecords<'a>> {
        let inputs = self.held_out_inputs(realisation)?;
        let records = self.as_joint_records(realisation, wanted, inputs);
        Some(JointRecords { is_held_out: true, ..records })
    }

    fn as_joint_records<'a>(
        &'a self,
        realisation: &'a Realisation,
        wanted: [bool; 4],
        inputs: SharedInputs,
    ) -> JointRecords<'a> {
        let is_bright = |position: &usize| {
            let bin = realisation.bins[*position];
            !self.blocked[bin] && self.axis.frequency_hz(bin) > 0.0
        };
        JointRecords {
            inputs,
            is_held_out: false,
            bright: (0..realisation.bins.len()).filter(is_bright).collect(),
            emitters: self.emitters.iter().map(|emitter| emitter.name().to_owned()).collect(),
            campaign: self,
            realisation,
            wanted,
        }
    }

    /// What the joint fit takes as known, before any realisation.
    #[must_use]
    pub fn known_values(&self) -> SharedValues {
        let emitters: Vec<String> =
            self.emitters.iter().map(|emitter| emitter.name().to_owned()).collect();
        known(self.bolometer, (self.model_corrections.as_ref(), &self.corrections), &emitters)
    }

    /// What all bins of a realisation share.
    #[must_use]
    pub fn shared_inputs(&self, realisation: &Realisation) -> SharedInputs {
        self.shared_of(&realisation.fitted)
    }

    /// The same of the records that are held out, if there are any.
    #[must_use]
    pub fn held_out_inputs(&self, realisation: &Realisation) -> Option<SharedInputs> {
        realisation.held_out.as_ref().map(|subset| self.shared_of(subset))
    }

    fn shared_of(&self, subset: &RecordSubset) -> SharedInputs {
        let given = &self.selected.housekeeping;
        let chosen = |values: &Vec<f64>| subset.records.iter().map(|&r| values[r]).collect();
        let is_operating =
            |emitter: &super::Emitter| emitter.temperature == TemperatureRule::Operating;
        SharedInputs {
            readings_k: subset.readings().to_vec(),
            operating: self.emitters.iter().position(is_operating),
            bias_v: chosen(&given.bias_v),
            volt_v: chosen(&given.volt_v),
            bath_k: chosen(&given.bath_k),
            years: given.years.as_ref().map(chosen),
            plateaus: subset.plateaus.clone(),
            bolometer: self.bolometer,
            model_corrections: self.model_corrections.clone(),
            corrections: self.corrections.clone(),
            mission_state: self.mission_state,
        }
    }

    /// What a joint fit needs of one bin; `position` is its place in the realisation, and `wanted` says
    /// which regressors are made: H2, H3, VP, VS.
    #[must_use]
    pub fn joint_bin(
        &self,
        realisation: &Realisation,
        position: usize,
        wanted: [bool; 4],
    ) -> JointBin {
        self.joint_of(realisation, position, &realisation.fitted, wanted)
    }

    fn joint_of(
        &self,
        realisation: &Realisation,
        position: usize,
        subset: &RecordSubset,
        wanted: [bool; 4],
    ) -> JointBin {
        let bin = realisation.bins[position];
        let (data, variance) = self.uncorrected(realisation, position, subset);
        let mut terms = [None, None, None, None];
        for ((place, term), is_wanted) in terms.iter_mut().zip(Term::ALL).zip(wanted) {
            if is_wanted {
                *place = self.term(realisation, subset, (bin, term));
            }
        }
        JointBin {
            bin,
            is_in_band: self.axis.is_in_band(bin),
            is_blocked: self.blocked[bin],
            frequency_hz: self.axis.frequency_hz(bin),
            omega: self.gain.omega(bin),
            data,
            variance,
            scale: realisation.scale,
            terms,
        }
    }

    /// The response of the bolometer in the average of the mission, V/(erg/s), by its parameters as
    /// assumed, at a bin; none where it has no state.
    #[must_use]
    pub fn response_at(&self, bin: usize) -> Option<Complex64> {
        let (bias_v, volt_v, bath_k) = self.mission_state;
        let state = self.bolometer.state(bias_v, volt_v, bath_k).ok()?;
        Some(state.response(self.gain.omega(bin)))
    }

    /// As [`Self::response_at`], by the true parameters of a simulation, one a bin; none for measured
    /// data.
    #[must_use]
    pub fn true_response(&self) -> Vec<Option<Complex64>> {
        let Some(truth) = self.true_parameters() else { return Vec::new() };
        let (bias_v, volt_v, bath_k) = self.mission_state;
        let state = truth.bolometer.state(bias_v, volt_v, bath_k).ok();
        let at = |bin| state.map(|state| state.response(self.gain.omega(bin)));
        (0..SPECTRUM_BINS).map(at).collect()
    }

    /// What a simulated campaign was made with; none for measured data.
    #[must_use]
    pub fn true_parameters(&self) -> Option<&TrueParameters> {
        match &self.selected.interferograms {
            Interferograms::Simulated(simulated) => Some(&simulated.parameters),
            Interferograms::Measured { .. } => None,
        }
    }
}
