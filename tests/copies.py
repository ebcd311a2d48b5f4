"""A copy of the package, to be changed."""

import hashlib
import shutil
from pathlib import Path

import cnndsd
from cnndsd import Spec
from cnndsd.farm import units

PACKAGE = Path(cnndsd.__file__).parent


def with_kernels(folder):
    """The package in another folder, with the kernels that it has compiled.

    Numba keeps them in folders that are named after where the code lies, which are renamed. Else the copy would compile
    its own, for half a minute.
    """
    units.warm(Spec(name="x"))
    copy = folder / "cnndsd"
    shutil.copytree(PACKAGE, copy)
    for kernels in copy.glob("sound/__pycache__/kernels-*/*_*"):
        package = kernels.name.rpartition("_")[0]
        kernels.rename(kernels.with_name(f"{package}_{hashlib.sha1(str(copy / package).encode()).hexdigest()}"))
    return copy
