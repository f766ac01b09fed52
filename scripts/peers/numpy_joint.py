"""The joint calibration of LLSS with NumPy: emissivities and the parameters that all bins share.

Usage: python3 scripts/peers/numpy_joint.py CAL.npz MODEL.FITS SIGMA OUTPUT.npz
           [--constraint kirchhoff|none] [--plateaus] [--prior NAME=SIGMA]... [--band LOW HIGH]
           [--away N] [--seed N]

CAL.npz is a calibration set (docs/DATA.md has the format) with `midpoint_time_ll`, MODEL.FITS the
published calibration model of LLSS, SIGMA the noise of a sample, counts per gain and sweep.
--plateaus adds an error of the temperature of each controllable body on each plateau. --prior gives
a parameter another prior sigma; 0 fixes it. --band is the frequencies (GHz) of the bins that determine
what all share: where the instrument sees light and the model of it is whole. --away starts so many
prior sigmas away from the published model, each parameter up or down by chance.

Prints as JSON the seconds of reading, preparing, fitting what all share, and finding the emissivities
of all bins, and what came out; neither Python's start nor the writing counts. How many threads BLAS
has is the caller's choice (OMP_NUM_THREADS and its like).

Formulation. theta are the shared parameters, theta_0 the published ones. Spectra D (MJy/sr), their
variance and the terms of harmonics and vibrations are computed once, with the bolometer at theta_0.

    r_jk = (D - rho sum_i E_ik P(nu_k, T_ij) - h2 H2 - h3 H3 - vp(t) VP - vs VS) / sqrt(V)
    rho  = S0/S0_0 (1 + i omega tau_0)/(1 + i omega tau)
    F    = sum_jk |r_jk|^2 + |x|^2/2,   x = (theta - theta_0)/prior sigma

F is minimised over theta, with the emissivities E of each bin at their best (variable projection)
and Kaufman's Jacobian. Multiplied by conj(rho)/|rho|, which changes no |r|, the design is real.

OUTPUT.npz, of P shared parameters that are free, B bodies (xcal, ical, refhorn, skyhorn), L plateaus:
    names [P], published [P], prior_sigma [P], start [P], values [P], sigma [P], covariance [P, P]
        in the units of the parameters: those of the FITS file, K for temperatures
    informed [P]              1 - (sigma/prior sigma)^2: 0 prior alone, 1 data alone
    plateau [record], plateau_bodies [B], plateau_values and plateau_sigma [L, B]   K; with --plateaus
    used [record of the set]  whether a record was used
    frequency_ghz [bin]
    band [bin]                whether the shared parameters were determined by it
    emissivity, emissivity_sigma [bin, emitter]     sigma = sqrt(E|dE|^2), everything included
    emissivity_sigma_fixed [bin, emitter]           the same, were the parameters known
    emissivity_covariance [bin, emitter, emitter]   E[dE dE^H]
    response, response_sigma [bin]                  S0/(1 + i omega tau), mission-average state
    product, product_sigma [bin]                    emissivity of xcal times response: free of the gauge
    chi2 (sum of |r|^2 in the band), degrees (of freedom, of complex residuals), chi2_per_degree
    objective (F), decrement (Newton's, of F, at the end), iterations, evaluations, seconds
Bin 0, which has no signal, is NaN.
"""

import argparse
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from time import perf_counter

import numpy as np
from scipy.linalg import cho_factor, cho_solve, solve_triangular

import llss

BAND_GHZ = (68.0, 640.0)
TOLERANCE = 1e-12  # Newton decrement of F at which the fit ends
MOST_ITERATIONS = 200
BINS_AT_ONCE = 34  # for emissivities outside of the fit: bounds the memory
APERTURE_OPENED = 9626073 * 2**32  # 100 ns since 1858-11-17
YEAR = 73426 * 2**32  # 100 ns
STEP_K = 0.01  # a body that moves by more begins another plateau; within one they move by 3 mK

BOLOMETER = ["R0", "T0", "G1", "beta", "rho", "C1", "C3", "J0", "Jg"]
XCAL, ICAL, DIHEDRAL, REFHORN, SKYHORN, COLLIMATOR, OWN = range(7)
OFFSETS = {"xcal_offset": XCAL, "dihedral_offset": DIHEDRAL, "refhorn_offset": REFHORN,
           "skyhorn_offset": SKYHORN, "collimator_offset": COLLIMATOR}
CONTROLLED = [XCAL, ICAL, REFHORN, SKYHORN]
VIBRATION = ["vp0", "vp1", "vp2", "vp3", "vp4"]
# Bins by which the vibrations of the mirror displace a spectrum.
PRIMARY, SECONDARY = round(26.373 * llss.SAMPLES / 720), round(182.486 * llss.SAMPLES / 720)
# Columns of the published model, and prior sigmas: of those of the bolometer as a part of the value.
COLUMNS = dict(zip(BOLOMETER, ["BOLPARM_", *(f"BOLPARM{n}" for n in range(2, 10))]))
COLUMNS |= {"xcal_offset": "XCAL_COR", "drift_amplitude": "DRIFT_AM", "drift_time": "DRIFT_TC",
            "drift_offset": "DRIFT_OF", "h2": "OPTPARM_", "h3": "OPTPARM2", "vs": "OPTPARM8"}
COLUMNS |= {name: f"OPTPARM{n}" for n, name in enumerate(VIBRATION, 3)}
BOLOMETER_PRIOR, PLATEAU_PRIOR_K = 0.01, 1e-3
PRIORS = {"xcal_offset": 10e-3, "drift_amplitude": 5e-3, "drift_time": 0, "drift_offset": 5e-3}
PRIORS |= {name: 5e-3 for name in OFFSETS if name != "xcal_offset"}
PRIORS |= {"h2": 1.5e-3, "h3": 1.5e-3} | dict.fromkeys(VIBRATION, 2e-5) | {"vs": 2e-5}


def fits_row(path: Path) -> dict[str, np.ndarray]:
    """The columns of single precision of the first row of the binary table of a FITS file."""
    content, cards, at = path.read_bytes(), {}, 0
    while cards.get("XTENSION") is None:  # the primary header has no data
        cards, done = {}, False
        while not done:
            block = content[at : at + 2880].decode("ascii")
            at += 2880
            for card in (block[i : i + 80] for i in range(0, 2880, 80)):
                name, value = card[:8].strip(), card[10:].split("/")[0].strip(" '")
                done |= name == "END"
                if card[8:10] == "= ":
                    cards[name] = value
    row = {}
    for n in range(1, int(cards["TFIELDS"]) + 1):
        count = int(cards[f"TFORM{n}"].removesuffix("E") or 1)
        row[cards[f"TTYPE{n}"]] = np.frombuffer(content, ">f4", count, at).astype(float)
        at += 4 * count
    return row


def bolometer(parameters: np.ndarray, bias_v: np.ndarray, volt_v: np.ndarray, bath: np.ndarray):
    """Operating temperature (K), responsivity (V per erg/s) and time constant (s).

    `parameters` are the nine and RL, [parameter, ...], and may be complex.
    """
    r0, t0, g1, beta, rho, c1, c3, j0, jg, rl = parameters
    v = (volt_v - j0) / jg
    resistance = rl * v / (bias_v - v)
    x, t = v * rho, bath
    ratio = resistance / r0 / x
    for _ in range(8):
        t = t0 / np.log(ratio * t * np.sinh(x / t)) ** 2
    h = t / x * np.tanh(x / t)
    conductance, capacity = g1 * t**beta, c3 * t**3 + c1 * t
    d = 1 / h - 1 - np.sqrt(t0 / t) / 2
    heat = conductance * t * resistance
    z = (heat + d * v**2) / (heat / h - d * v**2)
    responsivity = 1e-7 * resistance * (z - h) / (v * (z * resistance / rl + 1) * (h + 1))
    seconds = capacity / conductance * (z + 1) * (resistance * h + rl)
    return t, responsivity, seconds / ((z * resistance + rl) * (h + 1))


def bolometer_derivatives(parameters: np.ndarray, which: list[int], bias_v: np.ndarray,
                          volt_v: np.ndarray, bath: np.ndarray):
    """Of operating temperature, log responsivity and time constant, each [one of `which`, record].

    By a complex step: exact to rounding.
    """
    lengths = 1e-30 * parameters[which, None]
    moved = np.tile(parameters[:, None, None].astype(complex), (1, len(which), 1))
    moved[which, range(len(which))] += 1j * lengths
    t, responsivity, seconds = bolometer(moved, bias_v, volt_v, bath)
    return t.imag / lengths, responsivity.imag / responsivity.real / lengths, seconds.imag / lengths


@dataclass
class Parameters:
    """The shared parameters: published, and which are free. Unknown `x` are in prior sigmas."""

    published: dict[str, float]
    load_ohm: float
    free: list[str]
    sigma: np.ndarray

    @staticmethod
    def of(model: dict[str, np.ndarray], priors: dict[str, float]) -> "Parameters":
        published = dict.fromkeys(OFFSETS, 0.0)
        published |= {name: float(model[column][0]) for name, column in COLUMNS.items()}
        sigma = {name: BOLOMETER_PRIOR * abs(published[name]) for name in BOLOMETER}
        sigma |= PRIORS | priors
        free = [name for name in sigma if sigma[name] > 0]
        return Parameters(published, float(model["BOLPARM10"][0]), free, np.array([sigma[n] for n in free]))

    def center(self) -> np.ndarray:
        return np.array([self.published[name] for name in self.free])

    def at(self, x: np.ndarray) -> dict[str, float]:
        moved = self.center() + self.sigma * x[: len(self.free)]
        return self.published | dict(zip(self.free, moved.tolist()))

    def bolometer(self, theta: dict[str, float]) -> np.ndarray:
        return np.array([*(theta[name] for name in BOLOMETER), self.load_ohm])

    def free_of_bolometer(self) -> list[int]:
        """Places of the parameters of the bolometer that are free: they come first in both lists."""
        return [n for n, name in enumerate(BOLOMETER) if name in self.free]


class State:
    """What of the instrument depends on `x` but not on the bin."""

    def __init__(self, problem: "Problem", x: np.ndarray) -> None:
        records, shared = problem.records, problem.shared
        self.problem = problem
        self.theta = theta = shared.at(x)
        self.parameters = shared.bolometer(theta)
        self.operating, self.responsivity, self.seconds = bolometer(
            self.parameters, records.bias_v, records.volt_v, records.bath)
        self.drift = np.exp(-problem.years / theta["drift_time"])
        errors = np.zeros_like(problem.read_k)
        for name, body in OFFSETS.items():
            errors[body] = theta[name]
        errors[ICAL] = theta["drift_offset"] - theta["drift_amplitude"] * self.drift
        if problem.slices:
            plateaus = PLATEAU_PRIOR_K * x[len(shared.free) :].reshape(len(CONTROLLED), -1)
            errors[CONTROLLED] += plateaus[:, problem.plateau]
        self.temperatures = problem.read_k + errors
        self.temperatures[OWN] = self.operating

    @cached_property
    def derivatives(self):
        """Of the bolometer on each record, by its parameters that are free."""
        own, records = self.problem.shared.free_of_bolometer(), self.problem.records
        return bolometer_derivatives(self.parameters, own, records.bias_v, records.volt_v, records.bath)


class Bins:
    """Some bins: what is computed once, at the published parameters. Arrays are [bin, record]."""

    def __init__(self, problem: "Problem", numbers: np.ndarray) -> None:
        self.problem, self.numbers = problem, numbers
        self.frequency_hz = llss.FREQUENCY_HZ[numbers, None]
        self.omega = 2 * np.pi * llss.AUDIO_HZ[numbers, None]
        gain = problem.gain[numbers]
        self.weight = np.abs(gain) / np.sqrt(llss.SAMPLES * problem.records.variance)
        self.data = self.weight * problem.spectra[numbers]
        # v, the spectrum before the bolometer, is D S0/B; so S0 cancels in what follows.
        k, spectra, before = numbers, problem.spectra, problem.before
        lag = 1 + 1j * self.omega * problem.start.seconds
        self.h2 = self.weight * (1 + lag) / 4 * (before[k // 2] + before[(k + 1) // 2])
        thirds = before[k // 3] + before[(k + 1) // 3] + before[(k + 2) // 3]
        self.h3 = self.weight * (2 + lag) / 9 * thirds
        self.vp = self.weight * ((k - PRIMARY)[:, None] * spectra[abs(k - PRIMARY)])
        self.vs = self.weight * ((k - SECONDARY)[:, None] * spectra[abs(k - SECONDARY)])

    def fit(self, state: State) -> "Fit":
        return Fit(self, state)


class Fit:
    """The best emissivities of some bins at one state of the instrument, and what is left over."""

    def __init__(self, bins: Bins, state: State) -> None:
        self.bins, self.state, problem = bins, state, bins.problem
        start, theta = problem.start, state.theta
        ratio = state.responsivity / start.responsivity
        rho = ratio * (1 + 1j * bins.omega * start.seconds) / (1 + 1j * bins.omega * state.seconds)
        size = np.abs(rho)
        turn = rho.conj() / size
        self.turn = turn
        # Planck functions and their derivatives, [emitter, bin, record].
        x = llss.PLANCK * bins.frequency_hz / (llss.BOLTZMANN * state.temperatures[:, None, :])
        with np.errstate(over="ignore"):  # a cold body at a high frequency: 0 is right
            self.occupation = 1 / np.expm1(x)
        self.x_per_k = x / state.temperatures[:, None, :]
        weighted = bins.weight * size
        self.scale = weighted * (2e20 * llss.PLANCK * bins.frequency_hz**3 / llss.LIGHT**2)
        vibration = np.polyval([theta[name] for name in reversed(VIBRATION)], problem.years)
        corrected = bins.data - theta["h2"] * bins.h2 - theta["h3"] * bins.h3
        corrected -= vibration * bins.vp + theta["vs"] * bins.vs
        corrected *= turn
        columns = self.occupation
        if problem.kirchhoff:  # the bolometer is what the others leave to a sum of zero
            columns = columns[:-1] - columns[-1]
        design = (columns * self.scale).transpose(1, 2, 0)
        lengths = np.linalg.norm(design, axis=1, keepdims=True)
        self.q, r = np.linalg.qr(design / lengths)
        # Real and imaginary parts are two right-hand sides, [bin, part, record].
        parts = np.stack([corrected.real, corrected.imag], axis=1)
        onto = parts @ self.q
        left = parts - onto @ self.q.transpose(0, 2, 1)
        left -= (left @ self.q) @ self.q.transpose(0, 2, 1)  # orthogonal to rounding
        self.left = left
        self.fitted = (parts - left)[:, 0] + 1j * (parts - left)[:, 1]
        # From coordinates in Q to emissivities, [bin, emitter, coordinate].
        self.back = np.linalg.inv(r) / lengths.transpose(0, 2, 1)
        if problem.kirchhoff:
            self.back = np.concatenate([self.back, -self.back.sum(axis=1, keepdims=True)], axis=1)
        self.emissivity = (self.back @ (onto[:, 0] + 1j * onto[:, 1])[:, :, None])[:, :, 0]
        self.squares = float(np.vdot(left, left))

    def by_kelvin(self, emitter: int) -> np.ndarray:
        """The derivative of the residuals by the temperature of an emitter, [bin, record]."""
        n = self.occupation[emitter]
        planck = self.scale * n * (1 + n) * self.x_per_k[emitter]
        return -self.emissivity[:, emitter, None] * planck

    def jacobian(self) -> np.ndarray:
        """By `x`, without the part of the emissivities, [bin, part, shared parameter, record]."""
        bins, problem, state, shared = self.bins, self.bins.problem, self.state, self.bins.problem.shared
        free = shared.free
        jacobian = np.empty((len(bins.numbers), 2, len(free), len(problem.years)))

        def put(name: str, column: np.ndarray) -> None:
            index = free.index(name)
            jacobian[:, 0, index] = column.real * shared.sigma[index]
            jacobian[:, 1, index] = column.imag * shared.sigma[index]

        def put_all(columns: dict[str, np.ndarray]) -> None:
            for name in columns.keys() & set(free):
                put(name, columns[name])

        if own := shared.free_of_bolometer():
            by_own = self.by_kelvin(OWN)
            lagging = self.fitted * (1j * bins.omega / (1 + 1j * bins.omega * state.seconds))
            for n, t, s, tau in zip(own, *state.derivatives):
                put(BOLOMETER[n], by_own * t - self.fitted * s + lagging * tau)
        put_all({name: self.by_kelvin(body) for name, body in OFFSETS.items()})
        ical, vp = self.by_kelvin(ICAL), -self.turn * bins.vp
        drift, years, time = state.drift, problem.years, state.theta["drift_time"]
        by_time = -state.theta["drift_amplitude"] * drift * years / time**2
        put_all({"drift_offset": ical, "drift_amplitude": -drift * ical, "drift_time": by_time * ical})
        put_all({"h2": -self.turn * bins.h2, "h3": -self.turn * bins.h3, "vs": -self.turn * bins.vs})
        put_all({name: years**power * vp for power, name in enumerate(VIBRATION)})
        return jacobian

    def plateau_jacobian(self) -> np.ndarray:
        """By `x` of plateaus: what a body's column is on each record, [bin, part, body, record]."""
        columns = np.stack([self.by_kelvin(body) for body in CONTROLLED], axis=1) * PLATEAU_PRIOR_K
        return np.stack([columns.real, columns.imag], axis=1)

    def coordinates(self, shared: np.ndarray, bodies: np.ndarray | None) -> np.ndarray:
        """Those of the Jacobian in Q, [bin, part, x, coordinate]."""
        slices, count = self.bins.problem.slices, shared.shape[2]
        q = self.q[:, None]
        found = np.empty((len(self.q), 2, self.bins.problem.size, self.q.shape[2]))
        found[:, :, :count] = shared @ q
        for number, records in enumerate(slices):
            # A plateau's parameters touch its own records only.
            found[:, :, count + number :: len(slices)] = bodies[..., records] @ q[:, :, records]
        return found

    def jacobians(self) -> tuple[np.ndarray, np.ndarray | None]:
        return self.jacobian(), self.plateau_jacobian() if self.bins.problem.slices else None

    def normal(self) -> tuple[np.ndarray, np.ndarray]:
        """Gradient and matrix of the normal equations: halves of those of sum |r|^2 by `x`."""
        shared, bodies = self.jacobians()
        count, slices, size = shared.shape[2], self.bins.problem.slices, self.bins.problem.size
        coordinates = self.coordinates(shared, bodies)
        # Without what the emissivities take up.
        shared -= coordinates[:, :, :count] @ self.q.transpose(0, 2, 1)[:, None]
        matrix, gradient = np.zeros((size, size)), np.zeros(size)
        matrix[:count, :count] = (shared @ shared.transpose(0, 1, 3, 2)).sum(axis=(0, 1))
        gradient[:count] = (shared @ self.left[..., None])[..., 0].sum(axis=(0, 1))
        for number, records in enumerate(slices):
            here = np.arange(count + number, size, len(slices))
            columns = bodies[..., records]
            transposed = columns.transpose(0, 1, 3, 2)
            matrix[np.ix_(here, here)] = (columns @ transposed).sum(axis=(0, 1))
            across = (shared[..., records] @ transposed).sum(axis=(0, 1))
            matrix[:count, here], matrix[here, :count] = across, across.T
            gradient[here] = (columns @ self.left[..., records, None])[..., 0].sum(axis=(0, 1))
        if slices:  # their columns are short: a difference of squares is exact enough
            rows = coordinates[:, :, count:].transpose(2, 0, 1, 3).reshape(size - count, -1)
            matrix[count:, count:] -= rows @ rows.T
        return gradient, matrix

    def by_parameters(self) -> np.ndarray:
        """How the emissivities follow the parameters, [bin, emitter, x]."""
        found = self.coordinates(*self.jacobians())
        return self.back @ (found[:, 0] + 1j * found[:, 1]).transpose(0, 2, 1)


class Problem:
    """The data, prepared at the published parameters."""

    def __init__(self, records: llss.Records, midpoint_time: np.ndarray, model: dict[str, np.ndarray],
                 kirchhoff: bool, plateaus: bool, priors: dict[str, float],
                 band_ghz: tuple[float, float] = BAND_GHZ) -> None:
        self.records, self.kirchhoff = records, kirchhoff
        self.shared = Parameters.of(model, priors)
        self.mission = [model[name] for name in ("BOLOM_BI", "BOLOM_VO", "BOLOM_B2")]
        self.years = (midpoint_time - APERTURE_OPENED) / YEAR
        self.read_k = records.temperatures.copy()
        self.read_k[OWN] = records.bath
        self.slices, self.plateau = [], np.zeros(len(self.years), int)
        if plateaus:
            jumps = (np.abs(np.diff(self.read_k)) > STEP_K).any(axis=0) | (np.diff(records.bias_v) != 0)
            edges = [0, *(np.nonzero(jumps)[0] + 1).tolist(), len(self.years)]
            self.slices = [slice(a, b) for a, b in zip(edges, edges[1:])]
            self.plateau[1:] = np.cumsum(jumps)
        self.size = len(self.shared.free) + len(CONTROLLED) * len(self.slices)
        self.start = State(self, np.zeros(self.size))
        # Counts per gain and sweep for one MJy/sr, and spectra in MJy/sr, [bin, record].
        normalization = llss.NYQUIST_ICM * 1.5 * 204.75 / (1e8 / llss.GHZ_PER_ICM)
        omega = 2 * np.pi * llss.AUDIO_HZ[:, None]
        lag = 1 + 1j * omega * self.start.seconds
        self.gain = (llss.electronics() * normalization)[:, None] * self.start.responsivity / lag
        self.spectra = np.zeros_like(self.gain)  # bin 0 has no signal
        self.spectra[1:] = llss.transforms(records.ifg).T[1:] / self.gain[1:]
        self.before = self.spectra / lag
        frequency = llss.FREQUENCY_HZ / 1e9
        self.band = (frequency >= band_ghz[0]) & (frequency <= band_ghz[1])
        self.informative = Bins(self, np.nonzero(self.band)[0])


@dataclass
class Solution:
    """Where the search ended."""

    x: np.ndarray
    fit: Fit
    factor: tuple  # Cholesky's, of half the Hessian of F
    objective: float
    decrement: float
    iterations: int
    evaluations: int


def search(problem: Problem, x: np.ndarray) -> Solution:
    """Least F: steps of Gauss and Newton, damped as Levenberg and Marquardt do after a rejected one."""

    def evaluate(x: np.ndarray) -> tuple[Fit | None, float]:
        with np.errstate(all="ignore"):  # a step may lead to where there is no bolometer
            state = State(problem, x)
            if not (np.isfinite(state.responsivity + state.seconds).all() and (state.temperatures > 0).all()):
                return None, np.inf
            fit = problem.informative.fit(state)
        objective = fit.squares + x @ x / 2
        return fit, objective if np.isfinite(objective) else np.inf

    fit, objective = evaluate(x)
    if fit is None or not np.isfinite(objective):
        raise SystemExit("no bolometer has the starting parameters")
    damping, iterations, evaluations = 0.0, 0, 1
    while True:
        gradient, matrix = fit.normal()
        gradient += x / 2
        matrix[np.diag_indices_from(matrix)] += 0.5
        factor = cho_factor(matrix, lower=True)
        decrement = float(gradient @ cho_solve(factor, gradient))
        if decrement < TOLERANCE or iterations == MOST_ITERATIONS:
            return Solution(x, fit, factor, objective, decrement, iterations, evaluations)
        while True:
            damped = matrix + damping * np.diag(np.diag(matrix))
            step = cho_solve(cho_factor(damped, lower=True) if damping else factor, gradient)
            tried, value = evaluate(x - step)
            evaluations += 1
            # Near the end F no longer shows a difference.
            if value <= objective or decrement < 1e-6:
                break
            damping = max(10 * damping, 1e-3)
            if damping > 1e12:
                raise SystemExit("no step makes the objective smaller")
        x, fit, objective = x - step, tried, value
        damping = damping / 10 if damping > 1e-3 else 0.0
        iterations += 1


def emissivities(problem: Problem, solution: Solution) -> dict[str, np.ndarray]:
    """All bins at the parameters that were found, with the error bars of everything."""
    emitters = len(llss.EMITTERS)
    nothing = np.full((llss.BINS, emitters), np.nan)
    found = {
        "emissivity": nothing.astype(complex),
        "emissivity_sigma": nothing.copy(),
        "emissivity_sigma_fixed": nothing.copy(),
        "emissivity_covariance": np.full((llss.BINS, emitters, emitters), np.nan, complex),
    } | {name: np.full(llss.BINS, np.nan, complex) for name in ("response", "product")}
    found |= {name: np.full(llss.BINS, np.nan) for name in ("response_sigma", "product_sigma")}
    state, shared = solution.fit.state, problem.shared
    own = shared.free_of_bolometer()
    _, s0, tau = bolometer(state.parameters, *problem.mission)
    if own:
        _, by_log_s0, by_tau = bolometer_derivatives(state.parameters, own, *problem.mission)
    # cov(x) = 1/2 N^-1 = S S^T with S = L^-T/sqrt 2; what follows x is multiplied by S.
    lower = np.tril(solution.factor[0])

    def spread(by_x: np.ndarray) -> np.ndarray:
        rows = by_x.reshape(int(np.prod(by_x.shape[:-1])), problem.size).T
        both = solve_triangular(lower, np.hstack([rows.real, rows.imag]), lower=True) / np.sqrt(2)
        return (both[:, : rows.shape[1]] + 1j * both[:, rows.shape[1] :]).T.reshape(by_x.shape)

    for first in range(1, llss.BINS, BINS_AT_ONCE):
        numbers = np.arange(first, min(first + BINS_AT_ONCE, llss.BINS))
        fit = Bins(problem, numbers).fit(state)
        by_x = fit.by_parameters()
        shares = spread(by_x)
        known = fit.back @ fit.back.transpose(0, 2, 1)
        covariance = known + shares @ shares.conj().transpose(0, 2, 1)
        found["emissivity"][numbers] = fit.emissivity
        found["emissivity_covariance"][numbers] = covariance
        found["emissivity_sigma"][numbers] = np.sqrt(np.einsum("kii->ki", covariance).real)
        found["emissivity_sigma_fixed"][numbers] = np.sqrt(np.einsum("kii->ki", known))
        # The response by x, relative; and the product's.
        relative = np.zeros((len(numbers), problem.size), complex)
        omega = 2 * np.pi * llss.AUDIO_HZ[numbers]
        lag = 1 + 1j * omega * tau
        if own:
            by_own = by_log_s0.T - (1j * omega / lag)[:, None] * by_tau.T
            relative[:, : len(own)] = by_own * shared.sigma[: len(own)]
        response, otf = s0 / lag, fit.emissivity[:, XCAL]
        by_product = response[:, None] * (by_x[:, XCAL] + otf[:, None] * relative)
        found["response"][numbers] = response
        found["response_sigma"][numbers] = np.abs(response) * np.linalg.norm(spread(relative), axis=1)
        found["product"][numbers] = otf * response
        variance = np.linalg.norm(spread(by_product), axis=1) ** 2
        variance += np.abs(response) ** 2 * known[:, XCAL, XCAL]
        found["product_sigma"][numbers] = np.sqrt(variance)
    return found


def shared_results(problem: Problem, solution: Solution, start: np.ndarray) -> dict[str, np.ndarray]:
    """The parameters that all bins share, and how well the fit did."""
    shared, count = problem.shared, len(problem.shared.free)
    covariance = cho_solve(solution.factor, np.eye(problem.size)) / 2  # of x
    marginal = np.sqrt(np.diag(covariance))
    results = {
        "names": np.array(shared.free, dtype="U32"),
        "published": shared.center(),
        "prior_sigma": shared.sigma,
        "start": shared.center() + shared.sigma * start[:count],
        "values": shared.center() + shared.sigma * solution.x[:count],
        "sigma": shared.sigma * marginal[:count],
        "covariance": covariance[:count, :count] * np.outer(shared.sigma, shared.sigma),
        "informed": 1 - marginal[:count] ** 2,
    }
    if problem.slices:
        results |= {"plateau": problem.plateau, "plateau_bodies": np.array(CONTROLLED)}
        for name, values in (("plateau_values", solution.x), ("plateau_sigma", marginal)):
            results[name] = PLATEAU_PRIOR_K * values[count:].reshape(len(CONTROLLED), -1).T
    # A complex residual has two degrees; each real parameter takes as much of one as data determine it.
    bins, _, records = solution.fit.left.shape
    degrees = bins * (records - solution.fit.q.shape[2]) - float(np.sum(1 - marginal**2)) / 2
    chi2 = solution.fit.squares
    results |= {"chi2": chi2, "degrees": degrees, "chi2_per_degree": chi2 / degrees}
    names = "objective", "decrement", "iterations", "evaluations"
    return results | {name: getattr(solution, name) for name in names}


def away(problem: Problem, sigmas: float, seed: int) -> np.ndarray:
    """Every parameter so many prior sigmas from the published one, up or down by chance."""
    return sigmas * np.random.default_rng(seed).choice([-1.0, 1.0], problem.size)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("calibration_set", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("sigma", type=float)
    parser.add_argument("output", type=Path)
    parser.add_argument("--constraint", choices=["kirchhoff", "none"], default="kirchhoff")
    parser.add_argument("--plateaus", action="store_true")
    parser.add_argument("--prior", action="append", default=[], metavar="NAME=SIGMA")
    parser.add_argument("--band", nargs=2, type=float, default=BAND_GHZ, metavar=("LOW", "HIGH"))
    parser.add_argument("--away", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    asked.prior = {name: float(sigma) for name, _, sigma in (p.partition("=") for p in asked.prior)}
    known = [*BOLOMETER, *PRIORS]
    if unknown := asked.prior.keys() - set(known):
        parser.error(f"no parameter {', '.join(sorted(unknown))}: there are {', '.join(known)}")
    return asked


def main() -> None:
    asked = arguments()
    start = perf_counter()
    model = fits_row(asked.model)
    records = llss.read(asked.calibration_set, llss.KEYS, asked.sigma)
    with np.load(asked.calibration_set, allow_pickle=False) as file:
        midpoint_time = file["midpoint_time_ll"][records.used]
    read = perf_counter()
    kirchhoff = asked.constraint == "kirchhoff"
    problem = Problem(records, midpoint_time, model, kirchhoff, asked.plateaus, asked.prior, asked.band)
    prepared = perf_counter()
    x = away(problem, asked.away, asked.seed)
    solution = search(problem, x)
    searched = perf_counter()
    found = emissivities(problem, solution)
    end = perf_counter()
    found |= shared_results(problem, solution, x)
    found |= {"used": records.used, "frequency_ghz": llss.FREQUENCY_HZ / 1e9, "band": problem.band}
    np.savez(asked.output, **found, seconds=end - start)
    told = {
        "records": len(records.ifg),
        "seconds": end - start,
        "read": read - start,
        "prepare": prepared - read,
        "fit": searched - prepared,
        "emissivities": end - searched,
        "iterations": solution.iterations,
        "parameters": problem.size,
        "chi2_per_degree": found["chi2_per_degree"],
        "numpy": np.__version__,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
