"""What more than one file of tests of the farm needs made once."""

import msgspec
import pytest
from small_runs import small_generations, write_spec

from cnndsd.farm import runs
from cnndsd.farm.executors import InProcess
from cnndsd.spec import Spec


@pytest.fixture(scope="session")
def half(once, tmp_path_factory):
    """The spec of a run, its ledger when it was ended half way, and the whole pack."""
    return once("half", lambda: _half(tmp_path_factory.mktemp("half")))


def _half(folder):
    write_spec(folder, 1200)
    spec = Spec(name="s", count=6, candidates=1200, sound={"seconds": (0.3, 0.6)})
    with small_generations(), runs.begin(folder / "s.run", spec) as run:
        run.search(InProcess())
        whole = folder / "s.zip"
        run.finish(whole, InProcess())
    part = msgspec.structs.replace(spec, candidates=600)
    with small_generations(), runs.begin(folder / "s.run", part, restart=True) as run:
        run.search(InProcess())
    return spec, (folder / "s.run" / "ledger.sqlite").read_bytes(), whole.read_bytes()
