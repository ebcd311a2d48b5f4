"""What more than one file of tests needs made once."""

import pytest
from nights import write_spec

from cnndsd import cli, executors
from cnndsd.executors import InProcess


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """A small pack's bytes."""
    folder = tmp_path_factory.mktemp("pack")
    write_spec(folder, 200)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(executors, "Processes", lambda jobs: InProcess())
        assert cli.main(["pack", str(folder / "s.toml")]) == 0
    return (folder / "s.zip").read_bytes()
