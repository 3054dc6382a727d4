"""Download one file over HTTP: goes on where it was interrupted, and is not believed before it was checked."""

from __future__ import annotations

import hashlib
import http
import http.client
import os
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from recae.errors import ConfigError, StorageError
from recae.progress import SILENT, Progress

_CHUNK = 1 << 20
_SECONDS = 60


def download(
    address: str,
    path: str | Path,
    *,
    size: int | None = None,
    checksum: str | None = None,
    progress: Progress = SILENT,
) -> bool:
    """Have the file at `address` at `path`; whether anything had to be downloaded.

    A file that is there and right is kept. What arrives is collected in `path`.part; after an interruption the
    next call asks the server for the rest only. `checksum` is "md5:..." or "sha256:..."; without one only the
    size is compared, where it is known.

    Raises:
        StorageError: the server cannot be reached or refuses, the connection broke off, what arrived is not what was
            published (it is removed), or it could not be written.
        ConfigError: the address is not http or https.
    """  # fmt: skip
    if urlsplit(address).scheme not in ("http", "https"):
        raise ConfigError(f"{address} cannot be fetched: only http and https addresses can.")
    path = Path(path)
    if path.is_file() and _wrong(path, size, checksum) is None:
        return False
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _receive(address, part, size, checksum is not None, progress)
        wrong = _wrong(part, size, checksum)
        if wrong is not None:
            part.unlink()
            raise StorageError(
                f"What {address} sent is not the published file: {wrong}. It was removed; try again, or look whether "
                "the publisher has replaced the file."
            )
        os.replace(part, path)
        _validator(part).unlink(missing_ok=True)
    except urllib.error.HTTPError as error:
        error.close()
        raise StorageError(f"{address} could not be downloaded: {error.code} {error.reason}.") from error
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", None) or str(error) or type(error).__name__
        raise StorageError(
            f"{address} could not be downloaded: {reason}. Run the same command again to go on."
        ) from error
    except OSError as error:
        raise StorageError(f"{path} could not be written: {error.strerror or error}.") from error
    return True


def _receive(address: str, part: Path, size: int | None, provable: bool, progress: Progress) -> None:
    """Append to `part` what is missing of it, or write it anew."""
    have = _resumable(part, provable)
    headers = {"User-Agent": "recae", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
        if _validator(part).is_file():
            headers["If-Range"] = _validator(part).read_text(encoding="ascii")
    try:
        response = urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=_SECONDS)
    except urllib.error.HTTPError as error:
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and have:
            error.close()
            if have != size:
                part.unlink()
                _receive(address, part, size, provable, progress)
            return  # or all of it had arrived and only the check was missing
        raise
    with response:
        partial = response.status == http.HTTPStatus.PARTIAL_CONTENT
        if partial and not (response.headers.get("Content-Range") or "").startswith(f"bytes {have}-"):
            raise StorageError(f"{address} sent another part than was asked for; remove {part} and try again.")
        _remember(part, response)
        _copy(response, part, have if partial else 0, progress)


def _copy(response: http.client.HTTPResponse, part: Path, have: int, progress: Progress) -> None:
    announced = response.headers.get("Content-Length")
    total = have + int(announced) if announced is not None else None
    received = have
    with part.open("ab" if have else "wb") as file, progress.task(f"downloading {part.stem}", total, "B") as task:
        task.advance(have)
        while chunk := response.read(_CHUNK):
            file.write(chunk)
            received += len(chunk)
            task.advance(len(chunk))
        file.flush()
        os.fsync(file.fileno())
    if total is not None and received < total:
        raise ConnectionError(f"the connection broke off after {received:,} of {total:,} bytes")


def _resumable(part: Path, provable: bool) -> int:
    """How many bytes are there to go on from: none if nothing could tell whether the pieces belong together."""
    if not part.is_file() or not (provable or _validator(part).is_file()):
        return 0
    return part.stat().st_size


def _remember(part: Path, response: http.client.HTTPResponse) -> None:
    """Keep what identifies this version of the file, so that a rest of another version is never appended."""
    tag = response.headers.get("ETag") or ""
    tag = tag if tag.startswith('"') and tag.isascii() else response.headers.get("Last-Modified") or ""
    if tag and tag.isascii():
        _validator(part).write_text(tag, encoding="ascii")
    else:
        _validator(part).unlink(missing_ok=True)


def _validator(part: Path) -> Path:
    return part.with_name(part.name + ".version")


def _wrong(path: Path, size: int | None, checksum: str | None) -> str | None:
    """In words, why a file is not the one that was published; None if it may be."""
    found = path.stat().st_size
    if size is not None and found != size:
        return f"it has {found:,} bytes instead of {size:,}"
    if checksum is None:
        return None
    kind, _, expected = checksum.partition(":")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.new(kind, usedforsecurity=False)).hexdigest()
    return None if digest == expected else f"its {kind} is {digest} instead of {expected}"
