//! The emitters of FIRAS, in the order of every product, and what each does in a simulated campaign.

use std::f64::consts::TAU;

use num_complex::Complex64;

use crate::foundations::numerics::math::{cis, cos, sin};

/// An emitter of the published model.
#[derive(Debug)]
pub(in crate::science::data) struct Standard {
    pub(in crate::science::data) name: &'static str,
    /// Its array in a calibration set, without the channel.
    pub(super) key: &'static str,
    /// Its columns in the published model, without `R` or `I`.
    pub(super) column: &'static str,
    pub(super) behaviour: SimulatedBehaviour,
}

/// What an emitter does in a simulated campaign.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::science::data) struct SimulatedBehaviour {
    pub(in crate::science::data) course: TemperatureCourse,
    pub(in crate::science::data) curve: EmissivityCurve,
}

/// How its temperature goes through a campaign.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::science::data) enum TemperatureCourse {
    /// It is driven away from rest in its turn.
    Driven(DrivenBody),
    /// It drifts over a range, K, evenly on a logarithmic scale.
    LogUniform(f64, f64),
    /// It drifts over a range, K.
    Uniform(f64, f64),
    /// It drifts with the bath of the bolometers.
    Bath,
}

/// Whose turn it is to be driven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::science::data) enum DrivenBody {
    Xcal,
    Ical,
    Refhorn,
    Skyhorn,
}

/// Its emissivity where no published model is the truth.
#[derive(Debug, Clone, Copy)]
pub(in crate::science::data) enum EmissivityCurve {
    /// The transfer function itself.
    Otf,
    /// A function of the transfer function and of the place in the band, 0 to 1.
    OfOtf(fn(Complex64, f64) -> Complex64),
    /// This part of the transfer function, also of a published one.
    FractionOfOtf(f64),
    /// What makes the sum of all zero.
    Balance,
}

impl PartialEq for EmissivityCurve {
    /// Functions are told apart by who has them, not by where they lie in memory.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::FractionOfOtf(a), Self::FractionOfOtf(b)) => a == b,
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}

/// The column of the transfer function in a published model, without `R` or `I`.
pub(in crate::science::data) const OTF_COLUMN: &str = "TRANSFE";

/// The name of the channel's own bolometer, whose reading is that of its bath.
pub(in crate::science::data) const BOLOMETER: &str = "bolometer";

/// The seven emitters of the published model. The reference curves are smooth, and have magnitudes and
/// signs of the published LLSS model: the internal calibrator nearly cancels the transfer function; the
/// two horns are 2 % of it with opposite signs; collimator and bolometer about 1 %, the dihedral 0.05 %.
pub(in crate::science::data) const STANDARD: [Standard; 7] = [
    Standard {
        name: "xcal",
        key: "xcal_cone",
        column: OTF_COLUMN,
        behaviour: SimulatedBehaviour {
            course: TemperatureCourse::Driven(DrivenBody::Xcal),
            curve: EmissivityCurve::Otf,
        },
    },
    Standard {
        name: "ical",
        key: "ical",
        column: "ICAL",
        behaviour: SimulatedBehaviour {
            course: TemperatureCourse::Driven(DrivenBody::Ical),
            curve: EmissivityCurve::OfOtf(|otf, x| {
                otf * cis(0.004 * sin(3.0 * TAU * x)) * -(0.985 + 0.008 * cos(TAU * x))
            }),
        },
    },
    Standard {
        name: "dihedral",
        key: "dihedral",
        column: "DIHEDRA",
        behaviour: SimulatedBehaviour {
            course: TemperatureCourse::LogUniform(1.95, 5.2),
            curve: EmissivityCurve::OfOtf(|otf, x| otf * cis(1.0 + x) * -4.5e-4),
        },
    },
    Standard {
        name: "refhorn",
        key: "refhorn",
        column: "REFHORN",
        behaviour: SimulatedBehaviour {
            course: TemperatureCourse::Driven(DrivenBody::Refhorn),
            curve: EmissivityCurve::OfOtf(|otf, x| {
                otf * cis(0.03 * cos(2.0 * TAU * x)) * -(0.018 + 0.002 * sin(TAU * x))
            }),
        },
    },
    Standard {
        name: "skyhorn",
        key: "skyhorn",
        column: "SKYHORN",
        behaviour: SimulatedBehaviour {
            course: TemperatureCourse::Driven(DrivenBody::Skyhorn),
            curve: EmissivityCurve::OfOtf(|otf, x| {
                otf * cis(-0.02 * sin(2.0 * TAU * x)) * (0.017 + 0.002 * cos(TAU * x))
            }),
        },
    },
    Standard {
        name: "collimator",
        key: "collimator",
        column: "STRUCTU",
        behaviour: SimulatedBehaviour {
            course: TemperatureCourse::Uniform(1.55, 2.75),
            curve: EmissivityCurve::OfOtf(|otf, x| otf * cis(0.5 * sin(1.5 * TAU * x)) * 0.008),
        },
    },
    Standard {
        name: BOLOMETER,
        key: "bolometer",
        column: "BOLOMET",
        behaviour: SimulatedBehaviour {
            course: TemperatureCourse::Bath,
            curve: EmissivityCurve::Balance,
        },
    },
];
