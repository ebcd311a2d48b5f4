"""What is told of a sound, a pack or a run: as data for machines, and in words."""

import time
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from cnndsd.ear.analysis import describe
from cnndsd.ear.describing import Description
from cnndsd.ear.distances import distance
from cnndsd.ear.judging import judge
from cnndsd.ear.kinds import kind
from cnndsd.ear.scoring import reasons, score
from cnndsd.farm import runs
from cnndsd.farm.findings import refusals_in_words
from cnndsd.finishing import audiofile, manifest
from cnndsd.sound.rendering import raw_sha256, render


def show(path: Path | str) -> dict[str, Any]:
    """All that is known of a sound file, a recipe as JSON, a pack (``.zip``) or a run's folder, fit for JSON.

    ``Invalid`` when it is none of these.

    >>> show("cnndsd_sample_pack.zip")["sounds"][0]["reasons"]
    """
    if Path(path).is_dir():
        return _run(Path(path))
    if str(path).lower().endswith(".zip"):
        return _pack(path)
    return _sound(path)


def in_words(shown: dict[str, Any]) -> str:
    """The same for people, in lines."""
    if "run" in shown:
        return _run_in_words(shown)
    if "sounds" in shown:
        return _pack_in_words(shown)
    rows = {**shown["recipe"], **shown["measures"], **shown}
    del rows["recipe"], rows["measures"]
    return "\n".join(f"{name:18} {_short(value)}" for name, value in rows.items())


def _sound(path: Path | str) -> dict[str, Any]:
    recipe = audiofile.read_recipe(path)
    audio = render(recipe)
    sound = describe(audio, recipe.sample_rate)
    return {
        "recipe": msgspec.to_builtins(recipe),
        "measures": msgspec.to_builtins(sound),
        "raw_sha256": raw_sha256(audio),
        "kind": kind(sound),
        "score": score(sound),
        "reasons": reasons(sound),
        "refused": judge(sound),
    }


def _pack(path: Path | str) -> dict[str, Any]:
    shown: dict[str, Any] = msgspec.to_builtins(manifest.read_manifest(path))
    shown["sounds"] = [{**sound, **why} for sound, why in zip(shown["sounds"], _why(shown), strict=True)]
    return shown


def _why(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """Why each sound of a pack is in it, and which other is nearest."""
    sounds = [msgspec.convert(listed["measures"], Description) for listed in manifest["sounds"]]
    found = []
    for i, sound in enumerate(sounds):
        others = ((distance(sound, other), k) for k, other in enumerate(sounds) if k != i)
        away, nearest = min(others, default=(None, None))
        found.append(
            {
                "kind": kind(sound),
                "score": score(sound),
                "reasons": reasons(sound),
                "nearest": None if nearest is None else manifest["sounds"][nearest]["file"],
                "distance": None if away is None else round(away, 4),
            }
        )
    return found


def _run(folder: Path) -> dict[str, Any]:
    """How a run stands."""
    identity, _, found, watch = runs.read(folder)
    return {
        "run": str(folder),
        "state": watch.state,
        "seen_s_ago": round(max(0.0, time.time() - watch.seen_s), 1),
        "version": identity["version"],
        "seed": identity["seed"],
        "candidates": found.candidates,
        "wanted": watch.wanted,
        "per_second": round(watch.per_second, 1),
        "seconds_left": runs.seconds_left(found, watch),
        "passed": found.passed,
        "refused": dict(sorted(found.refused.items())),
        "kept": found.kept,
        "picked": {pick: len(found.picked(pick)) for pick in ("keep", "drop")},
        "kinds": dict(Counter(kind(entry.sound) for entry in found.entries).most_common()),
        "set_aside": [{"candidate": i, "how": a.how, "recipe": a.recipe} for i, a in sorted(found.aside.items())],
    }


def _run_in_words(shown: dict[str, Any]) -> str:
    stale = " (no sign of it since; the same command goes on)" if shown["seen_s_ago"] > 60 else ""
    rows = {
        "state": f"{shown['state']}, seen {runs.clock(shown['seen_s_ago'])} ago"
        + (stale if shown["state"] in ("running", "finishing") else ""),
        "made by": f"{shown['version']}, seed {shown['seed']}",
        "candidates": f"{shown['candidates']}" + (f" of {shown['wanted']}" if shown["wanted"] is not None else ""),
        "a second": f"{shown['per_second']:.0f}",
        "left": "unknown" if shown["seconds_left"] is None else runs.clock(shown["seconds_left"]),
        "passed": shown["passed"],
        "refused": refusals_in_words(shown["refused"]),
        "kept": f"{shown['kept']}: {', '.join(f'{kind} {count}' for kind, count in shown['kinds'].items()) or 'none'}",
        "picked": f"{shown['picked']['keep']} kept, {shown['picked']['drop']} dropped by ear",
        "set aside": len(shown["set_aside"]),
    }
    lines = [
        f"{name:12}{value}" for name, value in rows.items() if not (name == "left" and shown["state"] != "running")
    ]
    lines += [f"  {one['candidate']}: {one['how']}; {one['recipe'].to_json()}" for one in shown["set_aside"]]
    return "\n".join(lines)


def _pack_in_words(manifest: dict[str, Any]) -> str:
    sounds = manifest["sounds"]
    kinds = Counter(sound["kind"] for sound in sounds)
    widths = [max(4, *(len(sound[key] or "") for sound in sounds)) for key in ("file", "nearest")] if sounds else [4, 7]
    lines = [
        f"{manifest['name']}: {len(sounds)} sounds of {manifest['candidates']} candidates, "
        f"seed {manifest['seed']}, cnndsd {manifest['cnndsd']}, definition {manifest['definition']}",
        f"refused: {refusals_in_words(manifest['refused'])}",
        f"kinds: {', '.join(f'{kind} {count}' for kind, count in kinds.items()) or 'none'}",
        "",
        f"{'file':{widths[0]}}  {'kind':9}{'score':>5}{'secs':>6}  {'nearest':{widths[1]}} {'away':>5}  why",
    ]
    for sound in sounds:
        away = "" if sound["distance"] is None else f"{sound['distance']:.2f}"
        lines.append(
            f"{sound['file']:{widths[0]}}  {sound['kind']:9}{sound['score']:5.2f}{sound['measures']['heard_s']:6.2f}  "
            f"{sound['nearest'] or '':{widths[1]}} {away:>5}  {', '.join(sound['reasons'])}"
        )
    return "\n".join(lines)


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_short, value)) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{k} {_short(v)}" for k, v in value.items())
    return "none" if value is None else str(value)
