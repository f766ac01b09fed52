"""Packages that are used where they are installed."""

from __future__ import annotations

import importlib
from types import ModuleType


def optional(name: str, what_for: str) -> ModuleType:
    """Import a package, or say how to install it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.split(".")[0]
        raise ImportError(f"{what_for} needs {package}: pip install {package}") from error
