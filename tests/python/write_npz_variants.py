"""Writes the same small arrays in every form that NumPy has, for tests/equipped/python_files.rs.

Usage: python write_npz_variants.py DIRECTORY
"""

import gzip
import shutil
import sys
import zipfile
from pathlib import Path

import numpy as np

TYPES = ["b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8"]

# Other spellings of types, as a hand-made header may have them; all of this machine's byte order.
SPELLINGS = {
    "=f8": "f8",
    "f8": "f8",
    "float64": "f8",
    "float32": "f4",
    "=i2": "i2",
    "i2": "i2",
    "int16": "i2",
    "int64": "i8",
    "uint16": "u2",
    "bool": "b1",
    "?": "b1",
}


def npy(array: np.ndarray, descr: str) -> bytes:
    """An array in C order as an .npy file, with this text as its type."""
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {array.shape}, }}"
    text = text.ljust(117) + "\n"
    length = len(text).to_bytes(2, "little")
    return b"\x93NUMPY\x01\x00" + length + text.encode() + array.tobytes()


def zipped(path: Path, members: dict[str, bytes], compression: int) -> None:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def write_other_programs(directory: Path) -> None:
    """Archives that other programs than NumPy may write, and that numpy.load reads too."""
    matrix = np.arange(12).reshape(3, 4)
    spelt = {d: npy(matrix.astype(t), d) for d, t in SPELLINGS.items()}
    zipped(directory / "spelt.npz", spelt, zipfile.ZIP_DEFLATED)
    with np.load(directory / "spelt.npz") as read:
        for name in SPELLINGS:
            assert read[name].shape == (3, 4), name

    float64 = npy(matrix.astype("f8"), "<f8")
    # Folders are no keys, and nor is a second member of the same key.
    bare = {"a": float64, "b.npy": float64, "folder/": b"", "folder/c": float64}
    zipped(directory / "bare.npz", bare, zipfile.ZIP_STORED)
    for name in ("bzip2", "lzma"):
        method = {"bzip2": zipfile.ZIP_BZIP2, "lzma": zipfile.ZIP_LZMA}[name]
        zipped(directory / f"{name}.npz", {"a.npy": float64}, method)


def compress(path: Path) -> None:
    with path.open("rb") as plain, gzip.open(f"{path}.gz", "wb") as compressed:
        shutil.copyfileobj(plain, compressed)


def main() -> None:
    directory = Path(sys.argv[1])
    write_other_programs(directory)
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
    # What is not asked for does not matter.
    np.savez_compressed(
        directory / "beside.npz",
        good=matrix,
        object=np.array([[1, 2], None], dtype=object),
        text=np.array(["a", "bc"]),
        date=np.zeros(2, dtype="M8[s]"),
        table=np.zeros(2, dtype=[("x", "f8"), ("y", "i4")]),
        nested=np.zeros(2, dtype=[("p", [("q", "f8")]), ("r", "i4", (2,))]),
        longdouble=np.zeros(2, dtype="g"),
    )
    np.savez_compressed(
        directory / "mendable.npz",
        table=np.zeros(2, dtype=[("x", "f8"), ("y", "i4")]),
        text=np.array(["1", "2.5"]),
        date=np.zeros(2, dtype="M8[s]"),
    )
    np.savez(directory / "object.npz", object=np.array([1, 2.5], dtype=object))
    compress(directory / "deflated.npz")
    np.save(directory / "single.npy", matrix)
    (directory / "text.npz").write_text("record,gain\n1,2\n")


if __name__ == "__main__":
    main()
