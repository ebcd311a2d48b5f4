"""Opens the studio of a folder: its lock, its history, and the kernels that it needs."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from cnndsd.desk import shell
from cnndsd.desk.studio.actions import Roll
from cnndsd.desk.studio.history import History
from cnndsd.desk.studio.opening import of_run, opened_with
from cnndsd.desk.studio.openrun import OpenRun
from cnndsd.desk.studio.session import Session
from cnndsd.desk.terminal import DONE, say
from cnndsd.farm import production, runs, units
from cnndsd.schema import Failed
from cnndsd.sound.compiler import COMPILING, is_compiled
from cnndsd.spec import Spec

# In the folder of the kept sounds, where what plays sounds does not show them.
_FOLDER = ".studio"
# So many sounds of a run are listed.
_LISTED = 1000


@contextmanager
def opened(folder: Path, named: str | None = None, run: OpenRun | None = None) -> Iterator[Session]:
    """Open the studio of a folder, which is made if it is not there.

    ``named``: see ``opening.opened_with``. ``run``: opened in its place; its sounds are listed. If the folder was last
    opened with the same thing, the studio goes on where it was. ``Failed`` when it is open already.
    """
    begin = opened_with(named) if run is None else of_run(run.name, run.spec, run.findings)
    place = folder / _FOLDER
    place.mkdir(parents=True, exist_ok=True)
    lock = FileLock(place / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise Failed(f"{folder}: a studio is open here; end that first, or use another --folder") from None
    try:
        history = History(place / "history.sqlite")
        is_same = (named is None and run is None) or history.fact("opening") == begin.digest
        session = Session(folder, history, begin, again=not is_same, run=run)
        try:
            # Meanwhile the browser opens the page.
            session.in_turn(lambda: _prepare(begin.spec))
            if not session.view().sheet:
                session.do(Roll())
            session.in_turn(lambda: _prepare_to_finish(begin.spec))
            yield session
        finally:
            session.close()
    finally:
        lock.release()


@contextmanager
def opened_run(folder: Path, count: int = _LISTED) -> Iterator[OpenRun]:
    """Lock a run to keep and drop its sounds, of which ``count`` are listed; see ``runs.opened_for_picks``."""
    with runs.opened_for_picks(folder) as (spec, findings, remember):
        command = shell.pack_again(runs.command_of(folder), folder, spec.seed, findings.reach)
        yield OpenRun(folder.name, command, spec, findings, count, remember)


def _prepare(spec: Spec) -> None:
    """Load the kernels that judge a sound."""
    if not is_compiled(*units.KERNELS):
        say(COMPILING, DONE)
    units.warm(spec)


def _prepare_to_finish(spec: Spec) -> None:
    """Load the kernels that finish a sound, while the first sheet is looked at."""
    threading.Thread(target=production.warm, args=(spec,), daemon=True).start()
