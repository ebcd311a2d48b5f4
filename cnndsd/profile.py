"""Profiles: what samplers and players want of the files in a pack, from one table, ``profiles.toml``."""

import functools
import tomllib
from importlib import resources
from typing import Any

from cnndsd.schema import Invalid

# What is told of a machine, and does not go into a spec.
_TOLD = ("machine", "source")


@functools.cache
def profiles() -> dict[str, dict[str, Any]]:
    """All of the table, by name."""
    return tomllib.loads(resources.files("cnndsd").joinpath("profiles.toml").read_text(encoding="utf-8"))


def wanted(name: Any) -> dict[str, Any]:
    """The keys of a spec that a profile sets; ``Invalid`` when there is none of that name."""
    if not isinstance(name, str) or name not in profiles():
        raise Invalid(f"profile: {name!r} is unknown; allowed: {', '.join(profiles())}")
    return {key: value for key, value in profiles()[name].items() if key not in _TOLD}
