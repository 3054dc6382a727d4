"""Arrays and columns on disk that are opened without being read: .npy and Arrow IPC files, mapped into memory.

Both formats hold data and never code, and both are other libraries' own: `numpy.load` and `pyarrow.ipc.open_file`
read them as well. What is opened is read-only, and the operating system brings in only what is touched.
"""

from __future__ import annotations

import tokenize
import warnings
from pathlib import Path

import numpy as np
import pyarrow as pa

from recae.errors import DamagedFileError, StorageError, reason
from recae.store.regular import refuse_special

_COLUMN = "id"


def write_array(path: Path, array: np.ndarray) -> None:
    """Write `array` as an .npy file."""
    whole = np.ascontiguousarray(array)
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(whole))
        file.write(whole.reshape(-1).view(np.uint8).data)  # NumPy's own writing forgets why it failed


def map_array(path: Path, length: int, dtype: type[np.generic]) -> np.ndarray:
    """The (length,) array in the .npy file at `path`, read-only and mapped into memory.

    Raises:
        StorageError: the file could not be read.
        DamagedFileError: it is no .npy file, cut short, or holds an array of another length or type.
    """
    refuse_special(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # NumPy's about headers that it did not write itself
            mapped = np.lib.format.open_memmap(path, mode="r")
    except OSError as error:
        raise StorageError(f"{path} could not be read: {reason(error)}.") from error
    except (
        ValueError,
        TypeError,
        SyntaxError,
        EOFError,
        ArithmeticError,
        RecursionError,
        MemoryError,
        UserWarning,
    ) as error:
        raise DamagedFileError(f"{path} is damaged or not an .npy file.") from error
    except tokenize.TokenError as error:
        raise DamagedFileError(f"{path} is damaged or not an .npy file.") from error
    if mapped.shape != (length,) or mapped.dtype != np.dtype(dtype):
        raise DamagedFileError(
            f"{path} should hold {length:,} numbers of type {np.dtype(dtype)} and holds an array of shape "
            f"{mapped.shape} and type {mapped.dtype}."
        )
    return np.asarray(mapped)


def write_column(path: Path, values: pa.Array) -> None:
    """Write one column as an uncompressed Arrow IPC file of one block."""
    batch = pa.record_batch([values], names=[_COLUMN])
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, batch.schema) as writer:
        writer.write_batch(batch)


def map_column(path: Path, length: int) -> pa.Array:
    """The column of `length` values without nulls in the Arrow IPC file at `path`, mapped into memory.

    Raises:
        StorageError: the file could not be read.
        DamagedFileError: it is no Arrow file, cut short, or holds something else.
    """
    refuse_special(path)
    try:
        with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as reader:
            names, found = reader.schema.names, [reader.get_batch(at) for at in range(reader.num_record_batches)]
        for batch in found:
            batch.validate(full=True)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowSerializationError, UnicodeDecodeError) as error:
        raise DamagedFileError(f"{path} is damaged or not an Arrow file.") from error
    except OSError as error:
        if error.errno is None:
            raise DamagedFileError(f"{path} is damaged or cut off.") from error
        raise StorageError(f"{path} could not be read: {reason(error)}.") from error
    if len(found) != 1 or names != [_COLUMN]:
        raise DamagedFileError(f'{path} should hold the column "{_COLUMN}" in one block.')
    values = found[0].column(0)
    if pa.types.is_nested(values.type) or pa.types.is_dictionary(values.type) or pa.types.is_null(values.type):
        raise DamagedFileError(f"{path} should hold plain values and holds some of type {values.type}.")
    if len(values) != length or values.null_count:
        raise DamagedFileError(
            f"{path} should hold {length:,} values and holds {len(values):,}, {values.null_count:,} of them missing."
        )
    return values
