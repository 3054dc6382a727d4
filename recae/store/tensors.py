"""Arrays by name in one safetensors file: no code in it, and every size checked on the way in."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from recae.errors import DamagedFileError, StorageError
from recae.store.atomic import replacing_file


def write_tensors(path: str | Path, tensors: Mapping[str, np.ndarray]) -> Path:
    """Write `tensors` to `path`, whole or not at all. Returns the path.

    Raises:
        StorageError: the file could not be written.
    """
    whole = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    with replacing_file(path) as beside:
        try:
            beside.touch()
            mode = stat.S_IMODE(beside.stat().st_mode)
            save_file(whole, beside)
            beside.chmod(mode)  # the library writes files that only their owner can read, whatever the umask
        except SafetensorError as error:
            raise StorageError(f"{path} could not be written: {error}.") from error
    return Path(path)


def read_tensors(path: str | Path) -> dict[str, np.ndarray]:
    """The arrays in the safetensors file at `path`, by name.

    Raises:
        StorageError: the file could not be read.
        DamagedFileError: it is cut short or not a safetensors file.
    """
    try:
        return load_file(path)
    except OSError as error:
        raise StorageError(f"{path} could not be read: {error.strerror or error}.") from error
    except (SafetensorError, KeyError, ValueError) as error:
        raise DamagedFileError(f"{path} is damaged or not a safetensors file: {error}.") from error


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
