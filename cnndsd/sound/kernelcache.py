"""Where compiled kernels are kept: a folder for each module, by what it is made of, which nobody else can write to."""

import atexit
import functools
import hashlib
import os
import re
import shutil
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import IndexDataCacheFile

_PACKAGE = __name__.partition(".")[0]
_ROOT = Path(__file__).parent.parent
_IMPORT = re.compile(rf"^\s*from ({_PACKAGE}[\w.]*) import (\([^)]*\)|.*)", re.MULTILINE)
_KERNELS = re.compile(r"kernels-(?:([\w.]+)-)?[0-9a-f]{16}")
# A folder that a process made for its kernels and those of its workers, where it can write nowhere else.
_HANDED_DOWN = "CNNDSD_KERNEL_CACHE"


@functools.cache
def cache_folder(module: str) -> Path:
    """The folder for the kernels of a module, named after what they are made of.

    Numba looks only at the file that a function stands in; here all of the package that it imports counts. Folders of
    the same module with another name, and of modules that are gone, hold kernels of older code, and are removed.
    """
    place = module.removeprefix(f"{_PACKAGE}.")
    name = f"kernels-{place}-{source_digest(module)[:16]}"
    parent = _writable_folder()
    with suppress(OSError):
        for folder in parent.iterdir():
            if (its := _KERNELS.fullmatch(folder.name)) and folder.name != name:
                of = its[1] or ""
                is_gone = "." in of and not _file(f"{_PACKAGE}.{of}").exists()
                if is_gone or of in ("", place, place.rpartition(".")[2]):
                    shutil.rmtree(folder, ignore_errors=True)
    if not _is_private(parent / name):
        # Others could write to it: whatever is in it may be theirs.
        shutil.rmtree(parent / name, ignore_errors=True)
        (parent / name).mkdir(mode=0o700, exist_ok=True)
    return parent / name


def separate_files(function: Any) -> None:
    """Keep what numba compiles of a function in a file for each combination of types, named after it.

    Numba numbers these files, and two processes that compile for different types at the same time may take the same
    number. Later processes would then run code for other types, and crash.
    """
    # It has none where the user's setting of numba is not to compile.
    if hasattr(function, "_cache"):
        function._cache._cache_file.__class__ = _SeparateFiles


class _SeparateFiles(IndexDataCacheFile):  # type: ignore[misc]
    def save(self, key: Any, data: Any) -> None:
        """Keep the code for the types and the processor that ``key`` says."""
        name = self._data_name(int.from_bytes(hashlib.sha256(self._dump(key)).digest()[:8]))
        self._save_index(self._load_index() | {key: name})
        self._save_data(name, data)


def source_digest(module: str) -> str:
    """SHA-256 of the text of a module of this package and of all its modules that it imports, directly or not."""
    found: dict[str, bytes] = {}
    rest = [module]
    while rest:
        name = rest.pop()
        if name not in found:
            found[name], imported = _source(name)
            rest += imported
    digest = hashlib.sha256()
    for name, text in sorted(found.items()):
        digest.update(b"%s\0%s\0" % (name.encode(), text))
    return digest.hexdigest()


@functools.cache
def _source(module: str) -> tuple[bytes, list[str]]:
    """The text of a module, and the modules of this package that it imports."""
    # A checkout on Windows may end its lines otherwise.
    text = _file(module).read_bytes().replace(b"\r\n", b"\n")
    imported: list[str] = []
    for origin, names in _IMPORT.findall(text.decode()):
        # What is imported from a package may be a module of it.
        candidates = (origin, *(f"{origin}.{name}" for name in re.findall(r"\w+", names)))
        imported += [name for name in candidates if name != _PACKAGE and _is_module(name)]
    return text, imported


def _file(module: str) -> Path:
    path = _ROOT.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@functools.cache
def _is_module(name: str) -> bool:
    return _file(name).exists()


@functools.cache
def _writable_folder() -> Path:
    """Where kernels are kept: the user's setting for numba, beside the code, or in the user's own cache folder.

    Where others can write to all of these, or nobody can, in a new folder that only this process and its workers know.
    """
    beside = Path(__file__).parent / "__pycache__"
    personal = Path(os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or Path.home() / ".cache")
    # Each installation has its own, or they would remove one another's.
    named = [personal / "cnndsd" / hashlib.sha256(str(beside).encode()).hexdigest()[:16]]
    for folder in (numba.config.CACHE_DIR, os.environ.get(_HANDED_DOWN), beside, *named):
        if folder and _is_private(Path(folder)):
            return Path(folder)
    own = tempfile.mkdtemp(prefix="cnndsd-")
    os.environ[_HANDED_DOWN] = own
    atexit.register(shutil.rmtree, own, ignore_errors=True)
    return Path(own)


def _is_private(folder: Path) -> bool:
    """Whether this user can write to a folder, made where it is missing, and no other user can: it is to hold code.

    Nor may others be able to replace it or a folder above it. Root and the owner of this package are trusted.
    Windows is asked only whether the folder can be written: there, users share no folders unless they mean to.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Not os.access, which on Windows does not know who may write to a folder.
        with tempfile.TemporaryFile(dir=folder):
            pass
        if os.name == "nt":
            return True
        owners = {0, os.geteuid(), Path(__file__).stat().st_uid}
        for part in (folder.resolve(), *folder.resolve().parents):
            found = part.stat()
            others = stat.S_IWOTH if _is_own_group(found.st_gid) else stat.S_IWOTH | stat.S_IWGRP
            # In a sticky folder, such as /tmp, users can replace only what is theirs.
            is_open = found.st_mode & others and (part == folder.resolve() or not found.st_mode & stat.S_ISVTX)
            if found.st_uid not in owners or is_open:
                return False
    except OSError:
        return False
    return True


def _is_own_group(number: int) -> bool:
    """Whether a group is that of one user alone, as many systems make one for each: its name is the user's."""
    import grp
    import pwd

    try:
        group, user = grp.getgrgid(number), pwd.getpwuid(os.geteuid())
    except KeyError:
        return False
    return group.gr_name == user.pw_name and number == user.pw_gid and not {*group.gr_mem} - {user.pw_name}
