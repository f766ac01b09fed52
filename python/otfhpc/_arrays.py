"""What callers hand in, as arrays that the extension can view."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

Reals = NDArray[np.float64]
Complex = NDArray[np.complex128]


def array_of(name: str, value: ArrayLike, dtype: DTypeLike) -> NDArray[Any]:
    """Return `value` as an array of a type, the caller's own memory where it can be viewed.

    A copy is made only of what has another type or byte order, or is not aligned.
    """
    try:
        given = np.asarray(value)
        has_too_much = np.iscomplexobj(given) and not np.issubdtype(dtype, np.complexfloating)
        found = given if has_too_much else np.asarray(given, dtype=dtype)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} cannot be made an array of {np.dtype(dtype)}: {error}") from error
    if has_too_much:
        raise TypeError(f"{name} is complex: expected real numbers")
    in_steps = all(stride % found.itemsize == 0 for stride in found.strides)
    return found if found.flags.aligned and in_steps else found.copy()


def check_shape(name: str, found: NDArray[Any], expected: Sequence[int], axes: Sequence[str]) -> None:
    """Raise an error that names the argument unless its shape is the expected one."""
    if found.shape != tuple(expected):
        named = ", ".join(f"{axis} {length}" for axis, length in zip(axes, expected, strict=True))
        raise ValueError(f"{name} has the shape {found.shape}: expected {tuple(expected)} [{named}]")


def check_axes(name: str, found: NDArray[Any], axes: Sequence[str]) -> None:
    """Raise an error that names the argument unless it has that many axes."""
    if found.ndim != len(axes):
        raise ValueError(f"{name} has the shape {found.shape}: expected {len(axes)} axes [{', '.join(axes)}]")
