"""The text of a spec, as ``cnndsd pack`` reads it."""

import json
from typing import Any

import msgspec

from cnndsd.spec import Spec


def toml_text(spec: Spec, about: str) -> str:
    """Return a spec as TOML, without what has its default value. ``about``: one line for its head."""
    values, usual = msgspec.to_builtins(spec), msgspec.to_builtins(Spec(name="x"))
    lines = [f"# {about}", ""]
    tables: list[str] = []
    for key, value in values.items():
        if key != "name" and (value == usual[key] or value is None):
            continue
        if key == "recipes":
            lines += ["recipes = [", *(f"  {_inline(recipe)}," for recipe in value), "]"]
        elif isinstance(value, dict):
            same = usual[key] or {}
            changed = [f"{k} = {_inline(v)}" for k, v in value.items() if v is not None and v != same.get(k)]
            tables += ["", f"[{key}]", *changed]
        else:
            lines.append(f"{key} = {_inline(value)}")
    return "\n".join([*lines, *tables, ""])


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_inline(part)}" for key, part in value.items() if part is not None) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_inline, value)) + "]"
    if isinstance(value, float):
        return repr(value)
    # Texts and whole numbers of JSON are those of TOML, and so are true and false.
    return json.dumps(value, ensure_ascii=False)
