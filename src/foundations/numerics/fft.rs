//! Discrete Fourier transforms of real signals, several side by side in the lanes of vector registers.
//!
//! A signal of an even length is transformed as half as many complex numbers, in place: by radix 4 and 5,
//! decimating in frequency, so that no number moves until it is read (Cooley & Tukey 1965, Math. Comput.
//! 19, 297; Cooley, Lewis & Welch 1970, J. Sound Vib. 12, 315 for real signals). No lane knows of
//! another, and every operation is written, so the bits of a transform depend neither on what is beside
//! it nor on how many lanes there are.

use std::f64::consts::TAU;

use pulp::{Arch, Simd, WithSimd};

use super::math::cis;

/// How many signals this processor transforms side by side: the numbers in its widest registers.
#[must_use]
pub fn lanes() -> usize {
    struct Lanes;
    impl WithSimd for Lanes {
        type Output = usize;
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            S::F64_LANES
        }
    }
    Arch::new().dispatch(Lanes)
}

/// A factor that all signals share.
#[derive(Debug, Clone, Copy)]
struct Twiddle {
    re: f64,
    im: f64,
}

impl Twiddle {
    /// `e^(-2 pi i k / n)`.
    fn new(k: usize, n: usize) -> Self {
        let turn = cis(-TAU * (k % n) as f64 / n as f64);
        Self { re: turn.re, im: turn.im }
    }
}

/// The transform of real signals of one length: `X_k = sum_n x_n e^(-2 pi i k n / N)`.
#[derive(Debug, Clone)]
pub struct LaneFft {
    /// Complex numbers that a signal is taken as: half of its length.
    half: usize,
    stages: Vec<Stage>,
    /// Where the k-th number of the complex transform stands.
    places: Vec<usize>,
    /// `-i/2 e^(-2 pi i k / N)`, for each k up to half of the length.
    unpacking: Vec<Twiddle>,
}

/// One pass over the numbers: they stand in blocks, each of which becomes as many as the radix.
#[derive(Debug, Clone)]
struct Stage {
    radix: Radix,
    /// Length of a block afterwards.
    length: usize,
    /// Of each place in such a block but the first: the powers of its twiddle from one on.
    twiddles: Vec<[Twiddle; 4]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Radix {
    Four,
    Five,
}

impl Radix {
    fn number(self) -> usize {
        match self {
            Self::Four => 4,
            Self::Five => 5,
        }
    }
}

impl LaneFft {
    /// For signals of `length`, which is twice a product of fours and at most one five: 512, 640, ...; none
    /// for any other.
    #[must_use]
    pub fn new(length: usize) -> Option<Self> {
        let half = length / 2;
        let radices = radices(half).filter(|_| length.is_multiple_of(2))?;
        let mut stages = Vec::with_capacity(radices.len());
        let mut before = half;
        for &radix in &radices {
            let after = before / radix.number();
            let of_place =
                |place: usize| [1, 2, 3, 4].map(|power| Twiddle::new(place * power, before));
            let twiddles = (1..after).map(of_place).collect();
            stages.push(Stage { radix, length: after, twiddles });
            before = after;
        }
        let unpack = |k: usize| {
            let Twiddle { re, im } = Twiddle::new(k, length);
            Twiddle { re: 0.5 * im, im: -0.5 * re }
        };
        Some(Self {
            half,
            stages,
            places: (0..half).map(|k| place(k, half, &radices)).collect(),
            unpacking: (0..=half).map(unpack).collect(),
        })
    }

    /// Complex numbers that a signal is taken as: sample `2n` and sample `2n + 1` are the real and the
    /// imaginary part of the n-th.
    #[must_use]
    pub fn half(&self) -> usize {
        self.half
    }

    /// Transforms [`lanes`] signals in place, `[n][part][lane]`, to be read by [`Self::bins`]. Of another
    /// length, nothing is done.
    pub fn forward(&self, signals: &mut [f64]) {
        Arch::new().dispatch(Forward { fft: self, signals });
    }

    /// The numbers of the transforms at some `bins`, up to [`Self::half`], of what [`Self::forward`] left:
    /// to `out`, `[bin][part][lane]`.
    pub fn bins(&self, transformed: &[f64], bins: &[usize], out: &mut [f64]) {
        Arch::new().dispatch(Unpack { fft: self, transformed, bins, out });
    }
}

/// The radices of a length, the five first; none if it has other factors.
fn radices(mut length: usize) -> Option<Vec<Radix>> {
    let mut radices = Vec::new();
    if length > 0 && length.is_multiple_of(5) {
        radices.push(Radix::Five);
        length /= 5;
    }
    while length > 1 && length.is_multiple_of(4) {
        radices.push(Radix::Four);
        length /= 4;
    }
    (length == 1).then_some(radices)
}

/// Where the k-th number stands: the first stage puts it into the block of its remainder, and so on.
fn place(mut k: usize, mut length: usize, radices: &[Radix]) -> usize {
    let mut place = 0;
    for radix in radices {
        length /= radix.number();
        place += k % radix.number() * length;
        k /= radix.number();
    }
    place
}

/// A complex number of each lane: real part, imaginary part.
type Number<S> = [<S as Simd>::f64s; 2];

struct Forward<'a> {
    fft: &'a LaneFft,
    signals: &'a mut [f64],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Ok(numbers) = bytemuck::try_cast_slice_mut::<f64, Number<S>>(self.signals) else {
            return;
        };
        if numbers.len() != self.fft.half {
            return;
        }
        let lanes = OnLanes { simd };
        for Stage { radix, length, twiddles } in &self.fft.stages {
            match radix {
                Radix::Four => lanes.by_four(numbers, *length, twiddles),
                Radix::Five => lanes.by_five(numbers, *length, twiddles),
            }
        }
    }
}

struct Unpack<'a> {
    fft: &'a LaneFft,
    transformed: &'a [f64],
    bins: &'a [usize],
    out: &'a mut [f64],
}

impl WithSimd for Unpack<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { fft, transformed, bins, out } = self;
        let numbers = bytemuck::try_cast_slice::<f64, Number<S>>(transformed);
        let out = bytemuck::try_cast_slice_mut::<f64, Number<S>>(out);
        let (Ok(numbers), Ok(out)) = (numbers, out) else { return };
        let lanes = OnLanes { simd };
        let half = fft.half;
        for (&k, out) in bins.iter().zip(out) {
            let there = numbers[fft.places[if k == half { 0 } else { k }]];
            let back = numbers[fft.places[if k == 0 { 0 } else { half - k }]];
            *out = lanes.unpacked(there, back, fft.unpacking[k]);
        }
    }
}

/// Arithmetic on lanes.
#[derive(Clone, Copy)]
struct OnLanes<S> {
    simd: S,
}

impl<S: Simd> OnLanes<S> {
    /// One stage of radix 4.
    #[inline(always)]
    fn by_four(self, numbers: &mut [Number<S>], length: usize, twiddles: &[[Twiddle; 4]]) {
        for block in numbers.chunks_exact_mut(4 * length) {
            let (a, rest) = block.split_at_mut(length);
            let (b, rest) = rest.split_at_mut(length);
            let (c, d) = rest.split_at_mut(length);
            [a[0], b[0], c[0], d[0]] = self.four([a[0], b[0], c[0], d[0]]);
            let numbers = a[1..].iter_mut().zip(&mut b[1..]).zip(&mut c[1..]).zip(&mut d[1..]);
            for ((((a, b), c), d), [w, w2, w3, _]) in numbers.zip(twiddles) {
                let [sum, first, second, third] = self.four([*a, *b, *c, *d]);
                *a = sum;
                *b = self.turned(first, w);
                *c = self.turned(second, w2);
                *d = self.turned(third, w3);
            }
        }
    }

    /// One stage of radix 5.
    #[inline(always)]
    fn by_five(self, numbers: &mut [Number<S>], length: usize, twiddles: &[[Twiddle; 4]]) {
        for block in numbers.chunks_exact_mut(5 * length) {
            let (a, rest) = block.split_at_mut(length);
            let (b, rest) = rest.split_at_mut(length);
            let (c, rest) = rest.split_at_mut(length);
            let (d, e) = rest.split_at_mut(length);
            [a[0], b[0], c[0], d[0], e[0]] = self.five([a[0], b[0], c[0], d[0], e[0]]);
            let numbers = a[1..].iter_mut().zip(&mut b[1..]).zip(&mut c[1..]).zip(&mut d[1..]);
            for (((((a, b), c), d), e), [w, w2, w3, w4]) in numbers.zip(&mut e[1..]).zip(twiddles) {
                let [sum, first, second, third, fourth] = self.five([*a, *b, *c, *d, *e]);
                *a = sum;
                *b = self.turned(first, w);
                *c = self.turned(second, w2);
                *d = self.turned(third, w3);
                *e = self.turned(fourth, w4);
            }
        }
    }

    /// The transform of four numbers.
    #[inline(always)]
    fn four(self, [a, b, c, d]: [Number<S>; 4]) -> [Number<S>; 4] {
        let (even, odd) = (self.plus(a, c), self.plus(b, d));
        let (skew, turn) = (self.minus(a, c), self.minus(b, d));
        [
            self.plus(even, odd),
            self.plus_minus_i(skew, turn),
            self.minus(even, odd),
            self.plus_i(skew, turn),
        ]
    }

    /// The transform of five numbers: sums and differences of those that lie opposite.
    #[inline(always)]
    fn five(self, [a, b, c, d, e]: [Number<S>; 5]) -> [Number<S>; 5] {
        // Cosine and sine of 72 and of 144 degrees.
        const C1: f64 = 0.309_016_994_374_947_45;
        const C2: f64 = -0.809_016_994_374_947_5;
        const S1: f64 = 0.951_056_516_295_153_5;
        const S2: f64 = 0.587_785_252_292_473_1;
        let (be, cd) = (self.plus(b, e), self.plus(c, d));
        let (b_e, c_d) = (self.minus(b, e), self.minus(c, d));
        let near = self.plus_times(self.plus_times(a, C1, be), C2, cd);
        let far = self.plus_times(self.plus_times(a, C2, be), C1, cd);
        let near_turn = self.plus_times(self.times(S1, b_e), S2, c_d);
        let far_turn = self.plus_times(self.times(S2, b_e), -S1, c_d);
        [
            self.plus(a, self.plus(be, cd)),
            self.plus_minus_i(near, near_turn),
            self.plus_minus_i(far, far_turn),
            self.plus_i(far, far_turn),
            self.plus_i(near, near_turn),
        ]
    }

    /// With Z the transform of the complex numbers, `X_k = (Z_k + conj Z_-k)/2 - i/2 e^(-2 pi i k / N)
    /// (Z_k - conj Z_-k)`.
    #[inline(always)]
    fn unpacked(self, there: Number<S>, back: Number<S>, turn: Twiddle) -> Number<S> {
        let Self { simd } = self;
        let (half, re, im) =
            (simd.splat_f64s(0.5), simd.splat_f64s(turn.re), simd.splat_f64s(turn.im));
        let even = [simd.add_f64s(there[0], back[0]), simd.sub_f64s(there[1], back[1])];
        let odd = [simd.sub_f64s(there[0], back[0]), simd.add_f64s(there[1], back[1])];
        let [even_re, even_im] = even.map(|part| simd.mul_f64s(half, part));
        [
            simd.mul_add_f64s(re, odd[0], simd.negate_mul_add_f64s(im, odd[1], even_re)),
            simd.mul_add_f64s(re, odd[1], simd.mul_add_f64s(im, odd[0], even_im)),
        ]
    }

    #[inline(always)]
    fn plus(self, a: Number<S>, b: Number<S>) -> Number<S> {
        [self.simd.add_f64s(a[0], b[0]), self.simd.add_f64s(a[1], b[1])]
    }

    #[inline(always)]
    fn minus(self, a: Number<S>, b: Number<S>) -> Number<S> {
        [self.simd.sub_f64s(a[0], b[0]), self.simd.sub_f64s(a[1], b[1])]
    }

    /// `a + i b`.
    #[inline(always)]
    fn plus_i(self, a: Number<S>, b: Number<S>) -> Number<S> {
        [self.simd.sub_f64s(a[0], b[1]), self.simd.add_f64s(a[1], b[0])]
    }

    /// `a - i b`.
    #[inline(always)]
    fn plus_minus_i(self, a: Number<S>, b: Number<S>) -> Number<S> {
        [self.simd.add_f64s(a[0], b[1]), self.simd.sub_f64s(a[1], b[0])]
    }

    #[inline(always)]
    fn times(self, factor: f64, a: Number<S>) -> Number<S> {
        let factor = self.simd.splat_f64s(factor);
        a.map(|part| self.simd.mul_f64s(factor, part))
    }

    /// `a + factor b`.
    #[inline(always)]
    fn plus_times(self, a: Number<S>, factor: f64, b: Number<S>) -> Number<S> {
        let factor = self.simd.splat_f64s(factor);
        [self.simd.mul_add_f64s(factor, b[0], a[0]), self.simd.mul_add_f64s(factor, b[1], a[1])]
    }

    #[inline(always)]
    fn turned(self, a: Number<S>, by: &Twiddle) -> Number<S> {
        let Self { simd } = self;
        let (re, im) = (simd.splat_f64s(by.re), simd.splat_f64s(by.im));
        [
            simd.negate_mul_add_f64s(a[1], im, simd.mul_f64s(a[0], re)),
            simd.mul_add_f64s(a[0], im, simd.mul_f64s(a[1], re)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::super::math::cos;
    use super::*;

    /// Signals that have nothing in common, `[lane][sample]`.
    fn signals(length: usize) -> Vec<Vec<f64>> {
        let value = |n: usize, lane: usize| cos(0.37 * ((n + 1) * (n % 7 + lane + 2)) as f64);
        (0..lanes()).map(|lane| (0..length).map(|n| value(n, lane)).collect()).collect()
    }

    /// All bins up to the middle, `[bin][part][lane]`.
    fn transform(fft: &LaneFft, signals: &[Vec<f64>]) -> Vec<f64> {
        let mut work = Vec::new();
        for n in 0..2 * fft.half() {
            work.extend(signals.iter().map(|signal| signal[n]));
        }
        fft.forward(&mut work);
        let bins: Vec<usize> = (0..=fft.half()).collect();
        let mut out = vec![f64::NAN; bins.len() * 2 * lanes()];
        fft.bins(&work, &bins, &mut out);
        out
    }

    #[test]
    fn every_bin_is_the_sum_written_out() {
        for length in [8, 10, 32, 40, 128, 160, 512, 640] {
            let signals = signals(length);
            let found = transform(&LaneFft::new(length).unwrap(), &signals);
            for (k, bin) in found.chunks_exact(2 * lanes()).enumerate() {
                for (lane, signal) in signals.iter().enumerate() {
                    let sum = |part: fn(Twiddle) -> f64| -> f64 {
                        let term = |(n, x): (usize, &f64)| x * part(Twiddle::new(k * n, length));
                        signal.iter().enumerate().map(term).sum()
                    };
                    let off = [bin[lane] - sum(|w| w.re), bin[lanes() + lane] - sum(|w| w.im)];
                    let least = 1e-14 * length as f64;
                    assert!(off.iter().all(|off| off.abs() < least), "{length} {k}: {off:?}");
                }
            }
        }
    }

    #[test]
    fn a_signal_does_not_know_what_is_beside_it() {
        let fft = LaneFft::new(640).unwrap();
        let signals = signals(640);
        let alone = transform(&fft, &signals);
        for (lane, signal) in signals.iter().enumerate() {
            // The same signal in another lane, beside others.
            let mut beside = vec![vec![f64::NAN; 640]; lanes()];
            let other = (lane + 1) % lanes();
            beside[other].clone_from(signal);
            let found = transform(&fft, &beside);
            let lane_of = |of: &[f64], lane: usize| -> Vec<f64> {
                of.iter().skip(lane).step_by(lanes()).copied().collect()
            };
            assert_eq!(lane_of(&alone, lane), lane_of(&found, other));
        }
    }

    #[test]
    fn other_lengths_are_refused() {
        for length in [0, 6, 12, 50, 511, 1000] {
            assert!(LaneFft::new(length).is_none(), "{length}");
        }
    }
}
