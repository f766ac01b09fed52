"""What the fits of docs/BENCHMARKS.md should reach, what they do, and what limits them.

Everything is counted from the size of the problem, or comes from what was measured: nothing here
knows beforehand what is reached.
"""

from collections.abc import Callable
from dataclasses import dataclass

# Of the fits that are compared: bins with signal, unknowns, samples of a record.
BINS, EMITTERS, SAMPLES = 256, 7, 512
SIZES = (1200, 12_000)

# Operations of one exponential (src/foundations/numerics/exponential.rs): each fused operation,
# product, sum, choice and division counts as one, though a division takes several times as long. The
# argument and its rounding are 3, what is left of it 2, the series 9, putting it together 6.
EXPONENTIAL = 20
# From one bin whose exponentials serve others to the next (src/science/instrument/planck_steps.rs), and the
# operations of a Planck function that follows from two of them: a sum, a fused operation and a division.
STEP, FROM_TWO = 16, 3


@dataclass
class Aim:
    """A ratio that should be reached; `limit` says what keeps it from that."""

    what: str
    wanted: float
    reached: float
    limit: Callable[[], str]

    def row(self) -> str:
        answer = "yes" if self.reached >= self.wanted else "no"
        return f"| {self.what} | {self.wanted:g} | {short(self.reached)} | {answer} |"

    def miss(self) -> str:
        return f"- **{self.what[0].upper()}{self.what[1:]}**: {self.limit()}."


def short(number: float) -> str:
    """Two or three digits, without an exponent."""
    return f"{number:.3g}" if number < 100 else f"{number:.0f}"


def milliseconds(seconds: float) -> str:
    return f"{short(1e3 * seconds)} ms"


def percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.0f} %"


def telemetry(records: int) -> int:
    """Bytes that are read: samples of two bytes."""
    return records * SAMPLES * 2


def transforms(records: int) -> int:
    """Bytes that are written and read again: complex numbers of two doubles."""
    return 2 * records * (BINS + 1) * 16


def designs(records: int) -> int:
    """Bytes that are written and read again."""
    return 2 * records * BINS * EMITTERS * 8


def planck(records: int) -> int:
    """Operations of all Planck functions: those at the first bins and at the multiples of a step have an
    exponential of their own, all others follow from two of as many exponentials, but the last."""
    direct = STEP - 1 + BINS // STEP
    exponentials = direct + (direct - 1)
    return records * EMITTERS * (exponentials * EXPONENTIAL + (BINS - direct) * FROM_TWO)


def factorisations(records: int) -> int:
    """Fused operations of reducing all designs by reflections, with two columns of data.

    Reflection k takes the length of a column, and of each one behind it a product and a change.
    """
    columns = EMITTERS + 2
    return records * BINS * sum(1 + 2 * (columns - k - 1) for k in range(EMITTERS))


def fourier(records: int) -> int:
    """Fused operations of all transforms: at least half of 5/2 N log2 N, which a real one has."""
    return records * SAMPLES * 5 * (SAMPLES.bit_length() - 1) // 4


BYTES = {
    "telemetry, read": telemetry,
    "transforms, written and read": transforms,
    "designs, written and read": designs,
}
OPERATIONS = {
    "operations of Planck functions": planck,
    "operations of factorisations": factorisations,
    "operations of Fourier transforms": fourier,
}
# Phases of a fit that have a limit of their own.
WORK = {"design": planck, "factor": factorisations, "transform": fourier}


@dataclass
class Roofline:
    """The least time that a fit could take, from two kernels."""

    bytes_per_second: float
    operations_per_second: float

    def memory(self, records: int) -> float:
        return sum(count(records) for count in BYTES.values()) / self.bytes_per_second

    def processor(self, records: int) -> float:
        return sum(count(records) for count in OPERATIONS.values()) / self.operations_per_second

    def share(self, phase: str, records: int, seconds: float) -> str:
        """How much of the time of a phase its operations would take at the processor's limit."""
        return percent(WORK[phase](records) / self.operations_per_second, seconds)

    def rows(self, phases: dict[int, dict[str, float]]) -> list[str]:
        """Of a table with a column for each size."""
        solutions = {size: sum(phases[size].values()) for size in SIZES}

        def row(name: str, cell: Callable[[int], str]) -> str:
            return f"| {name} | {' | '.join(cell(size) for size in SIZES)} |"

        rows = []
        for name, count in BYTES.items():
            rows.append(row(name, lambda n, count=count: f"{short(count(n) / 1e6)} MB"))
        rows.append(row("time of these bytes at that pace", lambda n: milliseconds(self.memory(n))))
        for name, count in OPERATIONS.items():
            rows.append(row(name, lambda n, count=count: f"{short(count(n) / 1e6)} million"))
        pace, processor = "time of these operations at that pace", "share of the limit of the processor"
        rows += [
            row(pace, lambda n: milliseconds(self.processor(n))),
            row("file to solution", lambda n: milliseconds(solutions[n])),
            row("share of the limit of memory", lambda n: percent(self.memory(n), solutions[n])),
            row(processor, lambda n: percent(self.processor(n), solutions[n])),
        ]
        for phase in WORK:
            cells = [self.share(phase, size, phases[size][phase]) for size in SIZES]
            rows.append(f"| {processor}, {phase} alone | {' | '.join(cells)} |")
        return rows


def part(phases: dict[str, float]) -> tuple[str, str]:
    """The phase that takes longest, and words for how much of all that is."""
    phase, seconds = max(phases.items(), key=lambda item: item[1])
    total = sum(phases.values())
    share = f"{milliseconds(seconds)}, {percent(seconds, total)}"
    return phase, f"of the {milliseconds(total)}, {phase} takes {share}"


def limit_of_fit(phases: dict[str, float], roofline: Roofline, records: int) -> str:
    phase, told = part(phases)
    if phase in WORK:
        share = roofline.share(phase, records, phases[phase])
        told += f", with {share} of the operations that the processor could do meanwhile"
    least = max(roofline.memory(records), roofline.processor(records))
    return f"{told}; at the limits of processor and memory, all would take {milliseconds(least)}"


def limit_of_process(whole: float, phases: dict[str, float]) -> str:
    rest = whole - sum(phases.values())
    return (
        f"of the {milliseconds(whole)}, {milliseconds(rest)} ({percent(rest, whole)}) pass outside of "
        "the fit: start of the process, plan, journal, partial, merge, and products"
    )


# How many times as fast as every other peer, and as NumPy's joint fit.
TIMES_A_PEER, TIMES_JOINT = 3, 10


@dataclass
class Times:
    """What was measured of one calibration set."""

    name: str  # as in "1,200 records"
    records: int
    phases: dict[str, float]
    whole: float
    theirs: dict[str, float]  # seconds of those peers that ran, by what they are called

    def aims(self, roofline: Roofline, wanted: float, wanted_whole: float) -> list[Aim]:
        ours = sum(self.phases.values())

        def fit() -> str:
            return limit_of_fit(self.phases, roofline, self.records)

        found = []
        for peer, seconds in self.theirs.items():
            times = wanted if peer == "NumPy" else TIMES_A_PEER
            what = f"file to solution, {self.name}, over {peer}"
            found.append(Aim(what, times, seconds / ours, fit))
        process = Aim(
            f"the whole process, {self.name}, over NumPy",
            wanted_whole,
            self.theirs["NumPy"] / self.whole,
            lambda: limit_of_process(self.whole, self.phases),
        )
        return [found[0], process, *found[1:]]


def joint_aim(phases: dict[str, float], ratio: float) -> Aim:
    return Aim("joint fit, 1,200 records, over NumPy", TIMES_JOINT, ratio, lambda: part(phases)[1])
