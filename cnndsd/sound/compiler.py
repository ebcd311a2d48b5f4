"""How every kernel of this project is compiled, and where the result is kept."""

import atexit
import functools
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import llvmlite.binding as binding
import numba
from numba.core.codegen import get_host_cpu_features

from cnndsd.sound.target import ROW_BYTES, Target

# fastmath stays off: it lets the compiler reorder and contract, and one rounding makes another sound.
# error_model "numpy" drops the test for division by zero from the loops.
# nogil lets threads render side by side; cache spares every later process the compile.
_OPTIONS = {"fastmath": False, "error_model": "numpy", "nogil": True, "cache": True}
_PACKAGE = __name__.partition(".")[0]
_ROOT = Path(__file__).parent.parent
_IMPORT = re.compile(rf"^\s*from ({_PACKAGE}[\w.]*) import (\([^)]*\)|.*)", re.MULTILINE)
# A folder that a process made for its kernels and those of its workers, where it can write nowhere else.
_HANDED_DOWN = "CNNDSD_KERNEL_CACHE"
_ROW = f"<{ROW_BYTES // 4} x float>"
_SUM_OF_ROWS = f"define {_ROW} @sum({_ROW} %a, {_ROW} %b) {{ %c = fadd {_ROW} %a, %b ret {_ROW} %c }}"


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function of arrays, on its first call, with the project's settings, and keep the result on disk."""
    # Numba asks for the folder while it decorates; afterwards it is the user's own setting again.
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(_cache_folder(function.__module__))
    try:
        return numba.njit(**_OPTIONS)(function)  # type: ignore[no-any-return]
    finally:
        numba.config.CACHE_DIR = before


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a small function that kernels call; it is cached as a part of them."""
    return numba.njit(fastmath=False, error_model="numpy", forceinline=True)(function)  # type: ignore[no-any-return]


@functools.cache
def current_target() -> Target:
    """The vector registers of the processor that is compiled for.

    It need not be the one that runs: numba takes another from ``NUMBA_CPU_NAME`` and ``NUMBA_CPU_FEATURES``.
    """
    name, features = numba.config.CPU_NAME, numba.config.CPU_FEATURES
    return target_of(
        binding.get_process_triple(),
        binding.get_host_cpu_name() if name is None else name,
        get_host_cpu_features() if features is None else features,
    )


def target_of(triple: str, name: str, features: str) -> Target:
    """The vector registers of any processor that LLVM has a name for: those that it uses for a sum of two rows.

    ``name`` alone may stand for many features, and ``features`` may take some away, so LLVM has to say.
    """
    if not re.match(r"x86|i\d86", triple):
        return Target(registers=32, register_bytes=16, memory_operands=False)
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    machine = binding.Target.from_triple(triple).create_target_machine(cpu=name, features=features)
    code = machine.emit_assembly(binding.parse_assembly(_SUM_OF_ROWS))
    if "%zmm" in code:
        return Target(registers=32, register_bytes=64, memory_operands=True)
    return Target(registers=16, register_bytes=32 if "%ymm" in code else 16, memory_operands=True)


@functools.cache
def _cache_folder(module: str) -> Path:
    """The folder for the kernels of a module, named after what they are made of.

    Numba looks only at the file that a function stands in; here all of the package that it imports counts. Folders of
    the same module with another name hold kernels of older code, and are removed.
    """
    name = f"kernels-{module.rpartition('.')[2]}-{source_digest(module)[:16]}"
    parent = _writable_folder()
    stale = re.compile(rf"kernels-({re.escape(module.rpartition('.')[2])}-)?[0-9a-f]{{16}}")
    with suppress(OSError):
        for folder in parent.iterdir():
            if stale.fullmatch(folder.name) and folder.name != name:
                shutil.rmtree(folder, ignore_errors=True)
    return parent / name


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

    Where none can be written, in a new folder that only this process and its workers know: what is read from it is
    code, and others can write to the folder for temporary files.
    """
    if numba.config.CACHE_DIR:
        return Path(numba.config.CACHE_DIR)
    if _HANDED_DOWN in os.environ:
        return Path(os.environ[_HANDED_DOWN])
    beside = Path(__file__).parent / "__pycache__"
    if os.access(beside if beside.exists() else beside.parent, os.W_OK):
        return beside
    personal = Path(os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or Path.home() / ".cache")
    if os.access(personal if personal.exists() else personal.parent, os.W_OK):
        # Each installation has its own, or they would remove one another's.
        return personal / "cnndsd" / hashlib.sha256(str(beside).encode()).hexdigest()[:16]
    own = tempfile.mkdtemp(prefix="cnndsd-")
    os.environ[_HANDED_DOWN] = own
    atexit.register(shutil.rmtree, own, ignore_errors=True)
    return Path(own)
