"""Arrays by name in one safetensors file: no code in it, and every size checked on the way in."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from recae.errors import DamagedFileError, StorageError, reason
from recae.store.atomic import replacing_file, temporary_folder
from recae.store.regular import refuse_special

_KINDS = {"F": "f", "I": "i", "U": "u"}
"""Of the numbers in a safetensors file: the letter before the number of bits there, and in numpy before the bytes."""


def write_tensors(path: str | Path, tensors: Mapping[str, np.ndarray]) -> Path:
    """Write `tensors` to `path`, whole or not at all. Returns the path.

    Raises:
        StorageError: the file could not be written.
    """
    whole = {name: np.asarray(tensor, order="C") for name, tensor in tensors.items()}
    with replacing_file(path) as beside, temporary_folder(beside) as folder:
        try:
            beside.touch()
            mode = stat.S_IMODE(beside.stat().st_mode)
            # The library has temporary files of its own, of names that tell nobody whose they are.
            save_file(whole, folder / "tensors")
            os.replace(folder / "tensors", beside)
            beside.chmod(mode)  # the library writes files that only their owner can read, whatever the umask
        except SafetensorError as error:
            raise StorageError(f"{path} could not be written: {reason(error)}.") from error
    return Path(path)


def read_tensors(path: str | Path) -> dict[str, np.ndarray]:
    """The arrays in the safetensors file at `path`, by name, mapped and not read: only what is used enters memory.

    Writing to an array changes a private copy of its pages, never the file. A file that is replaced (not one that is
    written over) leaves them as they are.

    Raises:
        StorageError: the file could not be read.
        DamagedFileError: it is cut short or not a safetensors file.
    """
    path = Path(path)
    refuse_special(path)
    try:
        with safe_open(path, framework="numpy"):  # checks that the header is sound and fits the length of the file
            mapped = np.asarray(np.memmap(path, dtype=np.uint8, mode="c"))
        start = 8 + int.from_bytes(mapped[:8].tobytes(), "little")
        header = json.loads(mapped[8:start].tobytes())
        header.pop("__metadata__", None)
        return {name: _array(mapped[start:], entry) for name, entry in header.items()}
    except OSError as error:
        raise StorageError(f"{path} could not be read: {reason(error)}.") from error
    except (SafetensorError, KeyError, ValueError) as error:
        raise DamagedFileError(f"{path} is damaged or not a safetensors file: {error}.") from error


def _array(mapped: np.ndarray, entry: dict[str, Any]) -> np.ndarray:
    dtype, (first, end) = entry["dtype"], entry["data_offsets"]
    kind = np.dtype(bool) if dtype == "BOOL" else np.dtype(f"<{_KINDS[dtype[0]]}{int(dtype[1:]) // 8}")
    # A file of another writer may place numbers where the processor cannot read them at once: those are copied.
    return np.require(mapped[first:end].view(kind), requirements="A").reshape(entry["shape"])


def expect(
    tensors: Mapping[str, np.ndarray], name: str, shape: tuple[int | None, ...], dtype: type = np.float32
) -> np.ndarray:
    """The array `name`, provided that it has this dtype and shape (None where any length will do).

    Raises:
        KeyError: there is no such array.
        ValueError: it has another dtype or shape.
    """
    tensor = tensors[name]
    fits = len(tensor.shape) == len(shape) and all(
        want in (None, have) for want, have in zip(shape, tensor.shape, strict=True)
    )
    if not fits or tensor.dtype != np.dtype(dtype):
        wanted = " x ".join("any" if length is None else str(length) for length in shape)
        found = " x ".join(map(str, tensor.shape))
        raise ValueError(f"{name} should be {wanted} {np.dtype(dtype)} and is {found} {tensor.dtype}")
    return tensor
