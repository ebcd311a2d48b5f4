"""Profiles: the keys of a spec that make files for a sampler or player. The table is ``profiles.toml``."""

import functools
import tomllib
from importlib import resources
from typing import Any

from cnndsd.schema import Invalid, did_you_mean

# Keys of the table that describe the machine; they are not keys of a spec.
_ABOUT = ("machine", "source")


@functools.cache
def profile_table() -> dict[str, dict[str, Any]]:
    """Return the keys of all profiles, by the names of the profiles."""
    return tomllib.loads(resources.files("cnndsd").joinpath("profiles.toml").read_text(encoding="utf-8"))


def profile_keys(name: Any) -> dict[str, Any]:
    """Return the keys of a spec that a profile sets; ``Invalid`` when no profile has this name."""
    if not isinstance(name, str) or name not in profile_table():
        meant = did_you_mean(str(name), profile_table())
        raise Invalid(f'profile: "{name}" is unknown{meant}; allowed: {", ".join(profile_table())}')
    return {key: value for key, value in profile_table()[name].items() if key not in _ABOUT}
