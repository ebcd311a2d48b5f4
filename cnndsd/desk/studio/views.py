"""What a studio tells whoever shows it: all that is on the page, and what happens during an action."""

from collections.abc import Callable

import msgspec

from cnndsd.desk.studio.history import Pick, Tile
from cnndsd.desk.studio.knobs import Knobs


class View(msgspec.Struct, frozen=True):
    """What the page shows, besides the sounds themselves.

    ``picks``: by sound. ``stars``: the favourites. ``words``, ``files``: of the kept sounds. ``count``: sounds in the
    history. ``ending``: of the names of files, such as ``wav``.
    """

    state: int | None
    what: str
    can_undo: bool
    can_redo: bool
    sheet: list[int]
    at: int | None
    knobs: Knobs
    picks: dict[int, Pick]
    stars: list[int]
    words: dict[int, str]
    files: dict[int, str]
    count: int
    folder: str
    ending: str


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """One of the things that happen during an action.

    ``tile``: a sound was added. ``said``: a line for the user. ``path``: of a file that was written. ``done``, ``of``:
    progress. ``error``: why it could not be done. ``stale``: the page shows an earlier state.
    """

    view: View | None = None
    tile: Tile | None = None
    said: str | None = None
    path: str | None = None
    done: int | None = None
    of: int | None = None
    error: str | None = None
    stale: bool = False


Send = Callable[[Message], None]
