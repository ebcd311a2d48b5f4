"""What may be asked of a studio, as checked structures; the page sends them as JSON."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from cnndsd.desk.studio.history import Pick
from cnndsd.desk.studio.knobs import Lock
from cnndsd.recipe import Adjusting, Recipe
from cnndsd.schema import Gap, Invalid, SampleRate
from cnndsd.spec import MAX_PACK_MACS, PackSeconds, Ranges

Number = Annotated[int, Meta(ge=0, le=2**53)]


class Action(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag=str.lower):
    """Something to do."""


class Roll(Action, frozen=True):
    """Show new networks; unless ``far``, half of them vary what was kept."""

    far: bool = False


class Vary(Action, frozen=True):
    """Show sounds like this one: near, or ``far``."""

    tile: Number
    far: bool = False


class Breed(Action, frozen=True):
    """Show children of two sounds."""

    one: Number
    other: Number


class Partners(Action, frozen=True):
    """Show new networks that this sound may breed with."""

    tile: Number


class Change(Action, frozen=True):
    """Show the same network set otherwise, in the place of this sound; ``adjusting``: None turns it off."""

    tile: Number
    gap: Gap | None = None
    seconds: PackSeconds | None = None
    clock: SampleRate | None = None
    adjusting: Adjusting | msgspec.UnsetType | None = msgspec.UNSET

    def applied_to(self, recipe: Recipe) -> tuple[Recipe, str]:
        """Return a recipe that is set otherwise, and what was done, in words. ``Invalid`` for too much work."""
        said: list[str] = []
        changes: dict[str, Any] = {}
        if self.gap is not None:
            changes["gap"] = self.gap
            said.append(f"gap {recipe.gap} → {self.gap}")
        if self.seconds is not None:
            changes["seconds"] = self.seconds
            said.append(f"seconds {recipe.seconds:g} → {self.seconds:g}")
        if self.clock is not None:
            changes["sample_rate"] = self.clock
            # The same steps at another clock; a length that is asked for is one in seconds.
            seconds = changes.get("seconds", recipe.samples / self.clock)
            changes["seconds"] = min(max(seconds, 0.001), 60.0)
            said.append(f"clock {recipe.sample_rate} → {self.clock} Hz")
        if self.adjusting is not msgspec.UNSET:
            changes["adjusting"] = self.adjusting
            said.append(f"adjusting {'off' if self.adjusting is None else 'changed'}")
        changed = msgspec.structs.replace(recipe, **changes)
        if changed.macs > MAX_PACK_MACS:
            raise Invalid("this would be too much work for one sound; allowed: a shorter sound, or a larger gap")
        return changed, ", ".join(said) or "the same"


class Turn(Action, frozen=True):
    """Set the ranges of new networks, and roll."""

    sound: Ranges


class Hold(Action, frozen=True):
    """Lock what a sound has, or unlock it where ``tile`` is None."""

    lock: Lock
    tile: Number | None = None


class Choose(Action, frozen=True):
    """Keep a sound, which writes its file, or drop it, or take that back."""

    tile: Number
    pick: Pick | None = None


class Star(Action, frozen=True):
    """Make a sound a favourite, or none."""

    tile: Number
    is_star: bool = True


class Undo(Action, frozen=True):
    """Go back to the state before ``state``, which must be the present one."""

    state: Number


class Redo(Action, frozen=True):
    """Go on from ``state``, which must be the present one, to the state that was undone last."""

    state: Number


class Recall(Action, frozen=True):
    """Bring a sound of the history back to the sheet, in the place of the one that is selected."""

    tile: Number


class Select(Action, frozen=True):
    """Remember which sound is selected."""

    tile: Number


class Pack(Action, frozen=True):
    """Make a pack of the kept sounds."""


class Save(Action, frozen=True):
    """Save the ranges as a spec."""


class Reveal(Action, frozen=True):
    """Show the file of a kept sound, or the folder, in the system's file manager."""

    tile: Number | None = None


_Sounds = Roll | Vary | Breed | Partners | Change | Turn
_States = Hold | Choose | Star | Undo | Redo | Recall | Select
Actions = _Sounds | _States | Pack | Save | Reveal
