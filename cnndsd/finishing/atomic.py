"""Atomic writes: a file is written beside its place, made durable, and renamed, so that one that exists is whole."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


@contextmanager
def atomic_write(path: Path, beside: Path | None = None) -> Iterator[BinaryIO]:
    """A file that takes the place of ``path`` when the block ends well, and vanishes when it does not.

    Until then it has the name ``beside``, on the same file system, which its owner must have alone; without it, a name
    of its own in the same folder.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    try:
        if beside is None:
            handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
            opened = os.fdopen(handle, "wb")
        else:
            opened, temporary = beside.open("wb"), str(beside)
    except OSError as error:
        # The user knows the file by its own name, not by the temporary one.
        raise OSError(error.errno, error.strerror, str(path)) from None
    try:
        with opened as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        # mkstemp lets nobody else read; a pack is made to be shared.
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
        sync_folder(path.parent)
    except BaseException as error:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        if isinstance(error, OSError) and error.filename in (None, temporary):
            # A failed write (disk full, I/O error) does not know its file.
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise


def sync_folder(folder: Path) -> None:
    """Make the folder's names durable, where the system can: a rename alone may be undone by a power cut."""
    if os.name != "nt":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(folder)) from None
        finally:
            os.close(handle)
