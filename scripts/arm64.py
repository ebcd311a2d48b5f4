"""Compare the digests of tests/machines.py on an ARM64 processor that is emulated: ``python3 scripts/arm64.py``.

Needs the programs qemu-aarch64-static and mmdebstrap, and a Linux with apt; without them it says so in one line and
ends with 0. A system of Debian 12 with its Python is unpacked to a folder and never booted: one process of it runs.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import environment

# What Python and the packages load; the names of Debian's packages.
SYSTEM = "python3,libstdc++6,libgcc-s1,libgomp1"


def main() -> int:
    if missing := [name for name in ("qemu-aarch64-static", "mmdebstrap") if shutil.which(name) is None]:
        print(f"ARM64 is not tested: {' and '.join(missing)} cannot be found")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        root, site = Path(folder, "root"), Path(folder, "site")
        system = ["mmdebstrap", "--variant=extract", "--architectures=arm64", f"--include={SYSTEM}", "bookworm", root]
        pip = [environment.BIN / "python", "-m", "pip", "--disable-pip-version-check", "install", "-q"]
        packages = tomllib.loads((environment.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
            "dependencies"
        ]
        platforms = [f"--platform=manylinux{glibc}_aarch64" for glibc in ("2014", "_2_17", "_2_27", "_2_28")]
        wheels = [
            *platforms,
            "--python-version=3.11",
            "--only-binary=:all:",
            "-c",
            environment.ROOT / "constraints.txt",
        ]
        for command in (system, [*pip, f"--target={site}", *wheels, *packages]):
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                print(f"ARM64 is not tested: {command[0]} failed: {done.stderr.strip().splitlines()[-1]}")
                return 0
        python = ["qemu-aarch64-static", "-L", root, root / "usr/bin/python3.11"]
        paths = os.pathsep.join([str(environment.ROOT), str(site)])
        variables = {"PYTHONPATH": paths, "NUMBA_CACHE_DIR": str(Path(folder, "kernels")), "PATH": os.environ["PATH"]}
        code = subprocess.run(
            [*python, environment.ROOT / "tests" / "machines.py", *sys.argv[1:]], env=variables
        ).returncode
    print(f"ARM64: {'all digests are equal' if code == 0 else 'some digests differ'}")
    return code


if __name__ == "__main__":
    sys.exit(main())
