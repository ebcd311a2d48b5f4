"""Sounds made by random, untrained, tiny neural networks that listen to themselves."""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = [
    "Limits",
    "Mastering",
    "Recipe",
    "Sound",
    "Spec",
    "describe",
    "judge",
    "master",
    "measure",
    "render",
    "render_many",
]

if TYPE_CHECKING:
    from cnndsd.describe import describe as describe
    from cnndsd.judge import judge as judge
    from cnndsd.master import master as master
    from cnndsd.measure import measure as measure
    from cnndsd.recipe import Recipe as Recipe
    from cnndsd.render import render as render
    from cnndsd.render import render_many as render_many
    from cnndsd.sound import Sound as Sound
    from cnndsd.spec import Limits as Limits
    from cnndsd.spec import Mastering as Mastering
    from cnndsd.spec import Spec as Spec

_ROOMS = {
    "Limits": "spec",
    "Mastering": "spec",
    "Recipe": "recipe",
    "Sound": "sound",
    "Spec": "spec",
    "describe": "describe",
    "judge": "judge",
    "master": "master",
    "measure": "measure",
    "render": "render",
    "render_many": "render",
}


def __getattr__(name: str) -> Any:
    # numba and scipy take most of a second to import; the command line must answer before that.
    if name in _ROOMS:
        return getattr(import_module(f"cnndsd.{_ROOMS[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class _Package(ModuleType):
    def __setattr__(self, name: str, value: Any) -> None:
        # Importing the room `render` would put the module in the place of the verb `render`.
        if not (name in _ROOMS and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
