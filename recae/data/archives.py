"""One member of an archive at a time, opened by its exact name: nothing is unpacked to where its name points."""

from __future__ import annotations

import io
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from recae.errors import DamagedFileError, StorageError, reason

_TAR = (".tar", ".tar.gz", ".tgz")


@contextmanager
def open_member(file: str | Path, member: str) -> Iterator[IO[bytes]]:
    """The bytes of `member` of a .zip or .tar(.gz) file; of the file itself where it is no archive.

    In a tar file a member is found by the end of its path, since tar files differ in what they put before.

    Raises:
        StorageError: the file cannot be read or has no such member.
        DamagedFileError: it is not a whole archive.
    """
    file = Path(file)
    try:
        if file.name.lower().endswith(".zip"):
            with zipfile.ZipFile(file) as zipped, zipped.open(member) as stream:
                yield stream
        elif file.name.lower().endswith(_TAR):
            with tarfile.open(file) as archive:
                yield _of_tar(archive, member)
        else:
            with file.open("rb") as stream:
                yield stream
    except KeyError as error:
        raise StorageError(f"{file} has no {member} inside: the publisher may have changed it.") from error
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError) as error:
        raise DamagedFileError(f"{file} is not a whole archive ({error}). Remove it and fetch it again.") from error
    except OSError as error:
        raise StorageError(f"{file} could not be unpacked: {reason(error)}.") from error


def text_lines(stream: IO[bytes], encoding: str) -> Iterator[str]:
    """The lines of a text, without their ends; a byte order mark at the start is left out.

    Raises:
        DamagedFileError: the bytes are no text in this encoding.
    """
    with io.TextIOWrapper(stream, encoding="utf-8-sig" if encoding == "utf-8" else encoding, newline=None) as text:
        try:
            for line in text:
                yield line.rstrip("\n")
        except UnicodeDecodeError as error:
            raise DamagedFileError(f"The file is no text in {encoding}: {error}.") from error


def _of_tar(archive: tarfile.TarFile, member: str) -> IO[bytes]:
    for info in archive:
        if info.isfile() and (info.name == member or info.name.endswith(f"/{member}")):
            stream = archive.extractfile(info)
            if stream is not None:
                return stream
    raise KeyError(member)
