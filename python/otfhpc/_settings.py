"""Settings as Python has them, in the words of the command."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from otfhpc import _otfhpc

CONFIGS: list[str] = _otfhpc.configs()


def assignments(settings: Mapping[str, Any]) -> list[str]:
    """Return ``key=value`` for each setting.

    Nested dictionaries and names with dots say the same.

    Examples
    --------
    >>> assignments({"fit": {"methods": ["wls", "huber"], "covariance": True}, "study.trials": 3})
    ['fit.methods=["wls", "huber"]', 'fit.covariance=true', 'study.trials=3']
    """
    return [f"{name}={_toml(name, value)}" for name, value in _flat("", settings)]


def _flat(prefix: str, settings: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in settings.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _flat(f"{name}.", value)
        else:
            yield name, value


def _toml(name: str, value: object) -> str:
    """Return a value as TOML has it."""
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return json.dumps(value, ensure_ascii=False)
        case Path():
            return json.dumps(str(value), ensure_ascii=False)
        case list() | tuple():
            return f"[{', '.join(_toml(name, item) for item in value)}]"
        case dict():
            pairs = (f"{json.dumps(str(key))} = {_toml(name, item)}" for key, item in value.items())
            return f"{{ {', '.join(pairs)} }}"
    raise TypeError(
        f"setting {name} is a {type(value).__name__}: expected a number, a text, a path, True, False, "
        "a list or a dictionary of these"
    )


def config_name(config: str | Path | None) -> str | None:
    """Return what ``--config`` takes: a path, or the name of a study that the program comes with."""
    if config is None:
        return None
    if not Path(config).exists() and str(config) not in CONFIGS:
        raise FileNotFoundError(
            f"config is {str(config)!r}, which is no file: expected a path, or one of {', '.join(CONFIGS)}"
        )
    return str(config)
