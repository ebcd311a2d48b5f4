"""Compare the digests of tests/machines.py on an ARM64 processor that is emulated: ``python3 scripts/arm64.py``.

Needs the programs qemu-aarch64-static and mmdebstrap, and a Linux with apt; without them it says so in one line and
ends with 0. A system of Debian 12 with its Python is unpacked to a folder and never booted: one process of it runs.

The system, the packages and the compiled kernels stay in the user's cache folder (``cnndsd/arm64``, some 700 MB), as
compiling takes minutes in an emulator. Kernels are compiled anew when their code changes, and all else when its
versions do. The folder may be removed at any time.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import environment

# What Python and the packages load; the names of Debian's packages.
SYSTEM = "python3,libstdc++6,libgcc-s1,libgomp1"


def main() -> int:
    if missing := [name for name in ("qemu-aarch64-static", "mmdebstrap") if shutil.which(name) is None]:
        print(f"ARM64 is not tested: {' and '.join(missing)} cannot be found")
        return 0
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "cnndsd", "arm64")
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        # The folder serves one checkout at a time.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if fault := install(cache / "system"):
            print(f"ARM64 is not tested: {fault}")
            return 0
        code = compare(cache)
    print(f"ARM64: {'all digests are equal' if code == 0 else 'some digests differ'}")
    return code


def install(system: Path) -> str | None:
    """Make the folders ``root``, of the system, and ``site``, of the packages, unless they are there; what failed."""
    root, site, stamp = system / "root", system / "site", system / "made_of"
    make = ["mmdebstrap", "--variant=extract", "--architectures=arm64", f"--include={SYSTEM}", "bookworm", root]
    project = tomllib.loads((environment.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    constraints = environment.ROOT / "constraints.txt"
    pip = [environment.BIN / "python", "-m", "pip", "--disable-pip-version-check", "install", "-q", f"--target={site}"]
    platforms = [f"--platform=manylinux{glibc}_aarch64" for glibc in ("2014", "_2_17", "_2_27", "_2_28")]
    wheels = ["--python-version=3.11", "--only-binary=:all:", "-c", constraints, *project["dependencies"]]
    made_of = hashlib.sha256(
        "\n".join([*map(str, make), *platforms, *project["dependencies"]]).encode() + constraints.read_bytes()
    ).hexdigest()
    if stamp.exists() and stamp.read_text(encoding="utf-8") == made_of:
        return None
    shutil.rmtree(system, ignore_errors=True)
    system.mkdir(mode=0o700)
    for command in (make, [*pip, *platforms, *wheels]):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            return f"{command[0]} failed: {done.stderr.strip().splitlines()[-1]}"
    stamp.write_text(made_of, encoding="utf-8")
    return None


def compare(cache: Path) -> int:
    """Run tests/machines.py in the emulator; its exit code."""
    system, code = cache / "system", cache / "code"
    # Numba takes kernels for outdated when the file of their code lies elsewhere or is newer. Of other text they are
    # told apart by the name of their folder (``kernelcache.cache_folder``).
    shutil.rmtree(code, ignore_errors=True)
    without = shutil.ignore_patterns("__pycache__")
    shutil.copytree(environment.ROOT / "cnndsd", code / "cnndsd", ignore=without)
    shutil.copytree(environment.ROOT / "tests", code / "tests", ignore=without)
    for path in code.rglob("*.py"):
        os.utime(path, (1, 1))
    python = ["qemu-aarch64-static", "-L", system / "root", system / "root" / "usr/bin/python3.11"]
    variables = {
        "PYTHONPATH": os.pathsep.join([str(code), str(system / "site")]),
        "NUMBA_CACHE_DIR": str(system / "kernels"),
        "PATH": os.environ["PATH"],
        # More threads wait for work by running on, beside the tests.
        "OPENBLAS_NUM_THREADS": "1",
    }
    return subprocess.run([*python, code / "tests" / "machines.py", *sys.argv[1:]], env=variables).returncode


if __name__ == "__main__":
    sys.exit(main())
