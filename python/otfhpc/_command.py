"""The program that the package carries."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sysconfig
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path


class OtfhpcError(RuntimeError):
    """What goes wrong with a run."""


class CommandError(OtfhpcError):
    """The program ended with an error.

    Attributes
    ----------
    code : int
        Its exit code: 2 could not run, 3 incomplete or damaged, 75 stopped.
    arguments : tuple of str
        How it was called.
    """

    def __init__(self, message: str, code: int, arguments: Sequence[str]) -> None:
        super().__init__(message)
        self.code = code
        self.arguments = tuple(arguments)


class IncompleteError(CommandError):
    """Results are missing or damaged (exit code 3): the message has the commands that mend it."""


class StoppedError(CommandError):
    """A signal stopped the program (exit code 75): the same call again goes on."""


class FailedUnits(UserWarning):
    """The run is done, but some units failed or did not converge (exit code 1)."""


_ERRORS: dict[int, type[CommandError]] = {3: IncompleteError, 75: StoppedError}
_NAME = "otfhpc"


def executable() -> Path:
    """Return the path of the program: that of this package, unless ``OTFHPC_EXECUTABLE`` names one."""
    named = os.environ.get("OTFHPC_EXECUTABLE")
    if named:
        return Path(named)
    try:
        files = metadata.files(_NAME) or []
    except metadata.PackageNotFoundError:
        files = []
    carried = (Path(str(file.locate())) for file in files if file.name == _NAME)
    beside = Path(sysconfig.get_path("scripts")) / _NAME
    for path in (*carried, beside):
        if path.is_file():
            return path.resolve()
    found = shutil.which(_NAME)
    if found is None:
        raise OtfhpcError(
            f"there is no program {_NAME} at {beside}, nor on the PATH: install the wheel again, or "
            "set OTFHPC_EXECUTABLE to its path"
        )
    return Path(found)


def command(
    *arguments: str | Path, cwd: Path | None = None, show: bool = False
) -> subprocess.CompletedProcess[str]:
    r"""Run the program, and return what it printed.

    An interrupt (Ctrl-C) is handed on: the program keeps what is done and ends, and the same command
    goes on from there. A second one ends it at once.

    Parameters
    ----------
    *arguments : str or Path
        What would be typed behind ``otfhpc``.
    cwd : Path, optional
        The folder to run it in.
    show : bool
        Let its progress through to this process's standard error, not only into error messages.

    Returns
    -------
    subprocess.CompletedProcess
        With exit code 0 or 1 (some units failed or did not converge).

    Raises
    ------
    CommandError
        With its message and its exit code, if it is another one.

    Examples
    --------
    >>> import otfhpc
    >>> otfhpc.command("methods", "wls").stdout.startswith("wls: weighted least squares")
    True
    """
    line = [str(executable()), *map(str, arguments)]
    process = subprocess.Popen(
        line,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=None if show else subprocess.PIPE,
        text=True,
        errors="replace",
        # Of Ctrl-C in a terminal it hears from us, once.
        start_new_session=True,
    )
    output, errors = _to_the_end(process)
    done = subprocess.CompletedProcess(line, process.returncode, output, errors or "")
    if done.returncode not in (0, 1):
        raise _error(done)
    return done


def _to_the_end(process: subprocess.Popen[str]) -> tuple[str, str | None]:
    """Wait for a process, and hand on what interrupts the wait."""
    try:
        return process.communicate()
    except BaseException:
        process.send_signal(signal.SIGINT)
        try:
            process.communicate()
        except BaseException:
            process.send_signal(signal.SIGINT)
            process.wait()
            raise
        raise


def _error(done: subprocess.CompletedProcess[str]) -> CommandError:
    """Make an error of the message of a command."""
    said = done.stderr.strip() or done.stdout.strip()
    code, arguments = done.returncode, done.args[1:]
    if code < 0:
        said = f"{said}\n{shlex.join(arguments)} was ended by {signal.Signals(-code).name}".strip()
    message = said.removeprefix(f"{_NAME}: ") or f"{shlex.join(arguments)} ended with {code}"
    return _ERRORS.get(code, CommandError)(message, code, arguments)
