"""The studio's page: one HTML text, joined from its parts. It needs no network but its own server."""

import base64
import functools
import hashlib
import re
from importlib import resources

# The script's parts, in the order in which they are joined.
_SCRIPTS = ("state", "sounds", "pictures", "run", "sheet", "knobs", "panels", "doing", "keys", "start")


@functools.cache
def studio_html() -> str:
    """Return the page as HTML."""
    style, script = _part("studio.css"), "\n".join(_part(f"{name}.js") for name in _SCRIPTS)
    policy = (
        "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; connect-src 'self'; "
        f"style-src '{_hash(style)}'; script-src '{_hash(script)}'"
    )
    parts = {"POLICY": policy, "STYLE": style, "SCRIPT": script}
    return re.sub(r"\{\{([A-Z]+)\}\}", lambda place: parts[place[1]], _part("studio.html"))


def _part(name: str) -> str:
    return resources.files("cnndsd.desk.studio").joinpath("page_parts", name).read_text(encoding="utf-8")


def _hash(code: str) -> str:
    """Return the name by which a Content Security Policy allows a script or style."""
    return f"sha256-{base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()}"
