"""The pack or the run that a user means by a path; where it is none, those that are near are named."""

from pathlib import Path

from cnndsd.desk import shell
from cnndsd.schema import Invalid, did_you_mean

_ALLOWED = "allowed: the folder of a run, which cnndsd pack makes beside the zip (NAME.run)"


def pack_file(path: Path) -> Path:
    """Return the file of a pack. ``Invalid`` when ``path`` is a folder or missing: it names packs that are near."""
    if path.is_file():
        return path
    folder = path if path.is_dir() else path.parent
    inside = sorted(folder.glob("*.zip"))
    if path.suffix == ".run" and path.with_suffix(".zip").is_file():
        inside = [path.with_suffix(".zip")]
    if path.is_dir():
        meant = f" (did you mean {' or '.join(map(str, inside[:3]))}?)" if inside else ""
        raise Invalid(f"{path}: is a folder{meant}; allowed: a pack (.zip)")
    if path.exists():
        raise Invalid(f"{path}: is not a file; allowed: a pack (.zip)")
    meant = did_you_mean(str(path), map(str, inside))
    raise Invalid(f"{path}: there is no such file{meant}; allowed: a pack (.zip)")


def run_folder(path: Path) -> Path:
    """Return the folder of a run. ``Invalid`` when ``path`` is none: it names those that are near."""
    if (path / "ledger.sqlite").is_file():
        return path
    if path.suffix.lower() in (".zip", ".toml") and (path.with_suffix(".run") / "ledger.sqlite").is_file():
        meant = shell.short_path(path.with_suffix(".run"))
        raise Invalid(f"{path}: is no run; did you mean {meant}?")
    if path.is_dir():
        inside = sorted(file.parent for file in path.glob("*.run/ledger.sqlite"))
        if inside:
            raise Invalid(f"{path}: is no run; did you mean {' or '.join(map(str, inside[:3]))}?")
        raise Invalid(f"{path}: holds no run; {_ALLOWED}")
    if path.exists():
        raise Invalid(f"{path}: is no run; {_ALLOWED}")
    near = [str(file) for file in path.parent.glob("*.run")] if path.parent.is_dir() else []
    meant = f' (did you mean "{near[0]}"?)' if len(near) == 1 else did_you_mean(str(path), near)
    raise Invalid(f"{path}: there is no such folder{meant}; {_ALLOWED}")
