"""Runs: on this machine, or on a Slurm cluster."""

from __future__ import annotations

import json
import shutil
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from otfhpc._command import FailedUnits, command
from otfhpc._results import Results, load
from otfhpc._settings import assignments, config_name


@dataclass(frozen=True)
class Run:
    """A run in a folder: submitted, running, or done.

    Attributes
    ----------
    path : pathlib.Path
        Its folder. ``otfhpc.Run("results")`` takes up a run that somebody else began.
    """

    path: Path

    def __init__(self, path: str | Path = "results") -> None:
        object.__setattr__(self, "path", Path(path))

    def status(self) -> dict[str, Any]:
        """Return what became of every shard, as ``otfhpc status --json`` says it.

        Returns
        -------
        dict
            ``units``, ``units_done``; ``counts`` of the shards by state; ``outcomes`` of the units;
            ``merge``; and of each of the ``shards``: ``state``, ``cause``, ``message``, ``node`` and
            more.
        """
        said: dict[str, Any] = json.loads(command("status", self.path, "--json").stdout)
        return said

    @property
    def is_over(self) -> bool:
        """Whether nothing waits or runs any more."""
        status = self.status()
        if status["merge"] == "merged":
            return True
        moving = status["counts"]["waiting"] + status["counts"]["running"]
        # While a Slurm does not answer nobody knows.
        silent = status["slurm"] == "silent" and shutil.which("squeue") is not None
        return not (moving or status["merge"] in ("waits", "runs") or silent)

    def wait(self, timeout: float | None = None, every: float = 5.0) -> Run:
        """Wait until nothing waits or runs any more.

        Parameters
        ----------
        timeout : float, optional
            Seconds after which a `TimeoutError` is raised; the run goes on.
        every : float
            Seconds between two looks.

        Returns
        -------
        Run
            Itself: ``run.wait().result()``.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while not self.is_over:
            left = every if end is None else end - time.monotonic()
            if left <= 0:
                counts = {state: n for state, n in self.status()["counts"].items() if n}
                raise TimeoutError(f"{self.path}: not over after {timeout} s; shards: {counts}")
            time.sleep(min(every, left))
        return self

    def result(self) -> Results:
        """Return the results of a run that is over; the merge says what is missing, if anything is.

        Raises
        ------
        IncompleteError
            If shards are missing or damaged: the message has the commands that mend it.
        """
        if self.status()["merge"] != "merged":
            _warn(command("merge", self.path))
        return load(self.path)

    def resume(self, *, local: bool = False, failed: bool = False) -> Run:
        """Do again what is missing, each shard as its cause asks for.

        Parameters
        ----------
        local : bool
            On this machine, without Slurm, and merge.
        failed : bool
            Units that failed too, for instance after a program was mended.
        """
        flags = [flag for flag, wanted in (("--local", local), ("--failed", failed)) if wanted]
        _warn(command("resume", self.path, *flags))
        return self

    def merge(self) -> Results:
        """Combine what all shards left, and prove that nothing is missing."""
        _warn(command("merge", self.path))
        return load(self.path)


def local(
    config: str | Path | None = None,
    *,
    out: str | Path = "results",
    replace: bool = False,
    extend: bool = False,
    threads: int | None = None,
    show: bool = False,
    **settings: object,
) -> Results:
    """Plan, fit and merge on this machine.

    A run that was interrupted (Ctrl-C) goes on where it was when it is called again.

    Parameters
    ----------
    config : path or str, optional
        Settings in TOML, or one of ``"default"``, ``"quickstart"``, ``"comprehensive"``,
        ``"measured"``, ``"joint"``, ``"joint_measured"``.
    out : path
        The results folder.
    replace : bool
        Move the results of another plan out of the way.
    extend : bool
        Take over the results of a smaller study that is in the folder.
    threads : int, optional
        Worker threads.
    show : bool
        Show the program's progress.
    **settings
        Settings by table, ``fit={"methods": ["wls"]}``, or with dots, ``**{"study.trials": 3}``.

    Returns
    -------
    Results

    Warns
    -----
    FailedUnits
        If some units failed or did not converge: ``results.table("failures")`` says why.

    Raises
    ------
    CommandError
        With the message of the program.

    Examples
    --------
    >>> import otfhpc, tempfile
    >>> results = otfhpc.local(
    ...     "quickstart", out=tempfile.mkdtemp(), simulate={"records": 120}, **{"study.trials": 1}
    ... )
    >>> len(results.configurations)
    12
    """
    flags = _flags(replace=replace, extend=extend)
    if threads is not None:
        flags += ["--threads", str(threads)]
    _warn(command("local", *_study(config, out, settings), *flags, show=show))
    return load(out)


def submit(
    config: str | Path | None = None,
    *,
    out: str | Path = "results",
    shards: int | None = None,
    replace: bool = False,
    extend: bool = False,
    at_most: int | None = None,
    sbatch: tuple[str, ...] = (),
    **settings: object,
) -> Run:
    """Plan a run and submit it to Slurm: an array of tasks, and the merge after them.

    Called again, it submits nothing twice.

    Parameters
    ----------
    config : path or str, optional
        As of `local`.
    out : path
        The results folder, where all nodes see it.
    shards : int, optional
        Number of tasks; by default 32, or as many as there are pieces if these are fewer.
    replace, extend : bool
        As of `local`.
    at_most : int, optional
        So many jobs at once; the merge submits the next.
    sbatch : tuple of str
        Further options for ``sbatch``, each in one word, as in ``"--qos=high"``.
    **settings
        As of `local`; what Slurm is asked for is ``slurm={"partition": "short", "memory": "4G"}``.

    Returns
    -------
    Run
        ``run.status()``, ``run.wait()``, ``run.result()``.
    """
    flags = _flags(replace=replace, extend=extend)
    if shards is not None:
        flags += ["--shards", str(shards)]
    command("plan", *_study(config, out, settings), *flags)
    asked = [f"--sbatch-arg={option}" for option in sbatch]
    if at_most is not None:
        asked += ["--at-most", str(at_most)]
    command("submit", out, *asked)
    return Run(out)


def simulate(
    out: str | Path = "cal.npz",
    *,
    config: str | Path | None = None,
    trial: int = 1,
    replace: bool = False,
    **settings: object,
) -> Path:
    """Write a simulated campaign as a calibration set, for any program to fit.

    Parameters
    ----------
    out : path
        The file. Beside the arrays of docs/DATA.md it has ``truth_llss``, ``frequency_ghz_llss`` and
        ``sigma_llss``, the noise of a sample.
    config, **settings
        As of `local`.
    trial : int
        The noise draw, from 1.
    replace : bool
        Overwrite the file.

    Returns
    -------
    pathlib.Path
        The file.
    """
    flags = _flags(replace=replace, extend=False)
    command("simulate", *_study(config, out, settings), "--trial", str(trial), *flags)
    return Path(out)


def _study(config: str | Path | None, out: str | Path, settings: dict[str, Any]) -> list[str]:
    name = config_name(config)
    chosen = [] if name is None else ["--config", name]
    words = [f"--set={assignment}" for assignment in assignments(settings)]
    return ["--out", str(out), *chosen, *words]


def _flags(*, replace: bool, extend: bool) -> list[str]:
    return [flag for flag, wanted in (("--replace", replace), ("--extend", extend)) if wanted]


def _warn(done: Any) -> None:  # noqa: ANN401
    """Warn of units without a value: all others are there."""
    if done.returncode == 1:
        text = "some units failed or did not converge: see table('failures')"
        warnings.warn(text, FailedUnits, stacklevel=3)
