"""The specs that come with the program, by their names: those in packs/ of the repository."""

from pathlib import Path

# In an installed package they are inside it; in a clone, the folder packs lies beside it.
_INSIDE = Path(__file__).parent / "packs"
FOLDER = _INSIDE if _INSIDE.is_dir() else Path(__file__).parent.parent / "packs"
DEFAULT = "sample_pack"


def shipped_specs() -> list[str]:
    """Return the names of the specs, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def spec_path(name: str) -> Path:
    """Return the file of the spec of this name."""
    return FOLDER / f"{name}.toml"
