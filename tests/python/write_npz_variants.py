"""Writes the same small arrays in every form that NumPy has, for tests/python_files.rs.

Usage: python write_npz_variants.py DIRECTORY
"""

import sys
from pathlib import Path

import numpy as np

TYPES = ["b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8"]


def main() -> None:
    directory = Path(sys.argv[1])
    # 0 to 11, in rows of four: each element differs, so a wrong order shows.
    matrix = np.arange(12).reshape(3, 4)
    good = {}
    for kind in TYPES:
        for order, name in (("<", "little"), (">", "big")):
            array = matrix.astype(order + kind)
            good[f"{kind}_{name}"] = array
            good[f"{kind}_{name}_fortran"] = np.asfortranarray(array)
    np.savez(directory / "stored.npz", **good)
    np.savez_compressed(directory / "deflated.npz", **good)

    np.savez(
        directory / "shapes.npz",
        scalar=np.float64(1.5),
        vector=np.arange(3.0),
        empty=np.zeros((0, 512)),
        cube=np.arange(24.0).reshape(2, 3, 4),
        cube_fortran=np.asfortranarray(np.arange(24.0).reshape(2, 3, 4)),
    )
    np.savez(
        directory / "refused.npz",
        object=np.array([[1, 2], None], dtype=object),
        text=np.array(["a", "bc"]),
        complex=np.array([1 + 2j]),
        table=np.zeros(2, dtype=[("x", "f8"), ("y", "i4")]),
        half=np.zeros(2, dtype="f2"),
        date=np.zeros(2, dtype="M8[s]"),
    )
    np.save(directory / "single.npy", matrix)
    (directory / "text.npz").write_text("record,gain\n1,2\n")


if __name__ == "__main__":
    main()
