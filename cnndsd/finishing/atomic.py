"""Atomic writes: a file is written under a temporary name, flushed to disk, and renamed: if it exists, it is whole."""

import errno
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

# A virus scanner or a reader may hold a file for some seconds, during which Windows lets nobody replace it.
_WAITING_HELPS = os.name == "nt"
_PATIENCE_S, _PAUSE_S = 10.0, 0.1
# What file systems say that cannot flush a folder, such as some on a network.
_CANNOT = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EBADF)


@contextmanager
def atomic_write(path: Path, temporary_path: Path | None = None) -> Iterator[BinaryIO]:
    """Open a temporary file. It replaces ``path`` when the block ends without an error; otherwise it is deleted.

    What was written to it can be read back.
    A whole file that cannot replace ``path``, because another program holds one of them, stays, and the error names it.
    ``temporary_path``: its name until then, on the same file system, which nobody else may use; without it, a
    new name in the folder of ``path``. ``OSError`` with the name ``path`` when the file cannot be written.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    try:
        if temporary_path is None:
            handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
            opened = os.fdopen(handle, "w+b")
        else:
            opened, temporary = temporary_path.open("w+b"), str(temporary_path)
    except OSError as error:
        # The user knows the file by its own name, not by the temporary one.
        raise OSError(error.errno, error.strerror, str(path)) from None
    is_kept = False
    try:
        with opened as file:
            yield file
            file.flush()
            sync(file.fileno())
        # mkstemp makes the file readable for its owner only; a pack is to be shared.
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        try:
            replace(Path(temporary), path)
        except PermissionError as error:
            is_kept = True
            kept = _set_aside(Path(temporary), path)
            raise OSError(error.errno, f"{error.strerror}; the new file is {kept}", str(path)) from None
        sync_folder(path.parent)
    except BaseException as error:
        if not is_kept:
            with suppress(FileNotFoundError):
                os.unlink(temporary)
        if isinstance(error, OSError) and error.filename in (None, temporary):
            # The error of a failed write (disk full, I/O error) does not name the file.
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise


def replace(source: Path, target: Path) -> None:
    """Rename a file to the name of another, which it replaces; for some seconds, while another program holds that."""
    end = time.monotonic() + _PATIENCE_S
    while True:
        try:
            os.replace(source, target)
        except PermissionError:
            if not _WAITING_HELPS or time.monotonic() > end:
                raise
            time.sleep(_PAUSE_S)
        else:
            return


def _set_aside(whole: Path, path: Path) -> str:
    """Give a whole file a name beside ``path``, and return in words where it is then; it may have to stay."""
    beside = path.with_name(f"{path.stem}.finished{path.suffix}")
    try:
        replace(whole, beside)
    except OSError:
        return str(whole)
    return f"beside it: {beside.name}"


def sync(descriptor: int) -> None:
    """Flush a file to disk. On Apple's systems ``fsync`` leaves it in the disk's memory, and another call does not."""
    try:
        import fcntl

        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)  # type: ignore[attr-defined, unused-ignore]
    except (ImportError, AttributeError, OSError):
        # Windows; others than Apple; a file system that has no such call.
        os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Flush a folder to disk, on systems that can: a power cut may undo a rename that was not flushed."""
    if os.name != "nt":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        except OSError as error:
            if error.errno not in _CANNOT:
                raise OSError(error.errno, error.strerror, str(folder)) from None
        finally:
            os.close(handle)
