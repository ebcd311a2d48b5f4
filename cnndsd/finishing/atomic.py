"""Atomic writes: a file is written under a temporary name, flushed to disk, and renamed: if it exists, it is whole."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


@contextmanager
def atomic_write(path: Path, temporary_path: Path | None = None) -> Iterator[BinaryIO]:
    """Open a temporary file. It replaces ``path`` when the block ends without an error; otherwise it is deleted.

    ``temporary_path``: its name until then, on the same file system, which nobody else may use; without it, a new name
    in the folder of ``path``. ``OSError`` with the name ``path`` when the file cannot be written.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    try:
        if temporary_path is None:
            handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
            opened = os.fdopen(handle, "wb")
        else:
            opened, temporary = temporary_path.open("wb"), str(temporary_path)
    except OSError as error:
        # The user knows the file by its own name, not by the temporary one.
        raise OSError(error.errno, error.strerror, str(path)) from None
    try:
        with opened as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes the file readable for its owner only; a pack is to be shared.
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
        sync_folder(path.parent)
    except BaseException as error:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        if isinstance(error, OSError) and error.filename in (None, temporary):
            # The error of a failed write (disk full, I/O error) does not name the file.
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise


def sync_folder(folder: Path) -> None:
    """Flush a folder to disk, on systems that can: a power cut may undo a rename that was not flushed."""
    if os.name != "nt":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(folder)) from None
        finally:
            os.close(handle)
