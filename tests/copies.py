"""A copy of the package, to be changed."""

import hashlib
import shutil
from pathlib import Path

import pytest

import cnndsd
from cnndsd import Spec
from cnndsd.farm import units
from cnndsd.sound import kernelcache

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


def keep_kernels(copy):
    """Let a copy whose text was changed, but no kernel, use the kernels that it has: their folders are renamed."""
    known = kernelcache._source, kernelcache._is_module
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernelcache, "_ROOT", copy)
        for answers in known:
            answers.cache_clear()
        for folder in copy.glob("sound/__pycache__/kernels-*"):
            place = folder.name.split("-")[1]
            # Others are of benchmarks, which are no part of the package.
            if kernelcache._is_module(f"cnndsd.{place}"):
                digest = kernelcache.source_digest(f"cnndsd.{place}")
                folder.rename(folder.with_name(f"kernels-{place}-{digest[:16]}"))
    for answers in known:
        answers.cache_clear()
