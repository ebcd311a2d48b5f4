"""Reports about a sound, a pack or a run: as data for programs, and as text."""

import time
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from cnndsd.desk.shell import as_text
from cnndsd.ear.analysis import describe_raw
from cnndsd.ear.description import Description
from cnndsd.ear.distances import nearest_others
from cnndsd.ear.judging import judge
from cnndsd.ear.kinds import kind
from cnndsd.ear.scoring import reasons, score
from cnndsd.ear.sureness import sure_pitch
from cnndsd.ear.wording import settles, summary
from cnndsd.farm import runs
from cnndsd.farm.findings import Findings, refusals_in_words
from cnndsd.finishing import audiofile, manifest
from cnndsd.recipe import Recipe
from cnndsd.sound.audio import Audio
from cnndsd.sound.rendering import raw_sha256, render
from cnndsd.spec import Spec


def show(path: Path | str) -> dict[str, Any]:
    """Return a report about a sound file, a recipe as JSON, a pack (``.zip``) or the folder of a run, ready for JSON.

    ``Invalid`` when ``path`` is none of these.

    >>> show("cnndsd_sample_pack.zip")["sounds"][0]["reasons"]
    """
    if Path(path).is_dir():
        return _run(Path(path))
    if str(path).lower().endswith(".zip"):
        return _pack(path)
    return _sound(path)


def report_text(report: dict[str, Any]) -> str:
    """Return the text of a report by ``show``, in lines."""
    if "run" in report:
        return _run_text(report)
    if "sounds" in report:
        return _pack_text(report)
    rows = {**report["recipe"], **report["measures"], **report}
    first = [text for name in ("summary", "warning") if (text := report[name])]
    for name in ("recipe", "measures", "summary", "warning"):
        del rows[name]
    return "\n".join([*first, "", *(f"{name:18} {_short(value)}" for name, value in rows.items())])


def _sound(path: Path | str) -> dict[str, Any]:
    recipe = audiofile.read_recipe(path)
    audio = render(recipe)
    sound = describe_raw(audio, recipe)
    return {
        "summary": _summary(path, recipe, audio, sound),
        "warning": settles(sound),
        "recipe": msgspec.to_builtins(recipe),
        "measures": msgspec.to_builtins(sound),
        "raw_sha256": raw_sha256(audio),
        "kind": kind(sound),
        "score": score(sound),
        "reasons": reasons(sound),
        "refused": judge(sound),
    }


def _summary(path: Path | str, recipe: Recipe, audio: Audio, sound: Description) -> str:
    """Return a line about a sound: length, note and loudness are those of its file, if it is one."""
    if str(path).lower().endswith(".json"):
        channels, rate, lufs = np.asarray(audio, dtype=np.float64)[None], recipe.sample_rate, None
    else:
        from cnndsd.finishing.metering import loudness

        channels, rate = audiofile.read_sound(path)
        lufs = loudness(channels, rate)[0]
    samples = channels[0]
    pitch = sure_pitch(samples - samples.mean(), rate)
    return summary(sound, samples.size / rate, pitch, lufs)


def _pack(path: Path | str) -> dict[str, Any]:
    report: dict[str, Any] = msgspec.to_builtins(manifest.read_manifest(path), enc_hook=list)
    report["sounds"] = [{**sound, **why} for sound, why in zip(report["sounds"], _why(report), strict=True)]
    return report


def _why(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Return for each sound of a pack the reasons why it is there, and which other sound is nearest."""
    sounds = [msgspec.convert(listed["measures"], Description) for listed in report["sounds"]]
    return [
        {
            "kind": kind(sound),
            "score": score(sound),
            "reasons": reasons(sound),
            "nearest": None if near is None else report["sounds"][near[1]]["file"],
            "distance": None if near is None else round(near[0], 4),
        }
        for sound, near in zip(sounds, nearest_others(sounds), strict=True)
    ]


def _run(folder: Path) -> dict[str, Any]:
    """Return the state of a run."""
    identity, spec, findings, watch = runs.read(folder)
    return {
        "run": as_text(str(folder)),
        "state": watch.state,
        "seen_s_ago": round(max(0.0, time.time() - watch.seen_s), 1),
        "version": identity["version"],
        "seed": identity["seed"],
        "candidates": findings.candidates,
        "wanted": watch.wanted,
        "per_second": round(watch.per_second, 1),
        "seconds_left": runs.seconds_left(findings, watch),
        "passed": findings.passed,
        "refused": dict(sorted(findings.refused.items())),
        "kept": findings.kept,
        "picked": {pick: len(findings.picked(pick)) for pick in ("keep", "drop")},
        "kinds": dict(Counter(kind(entry.sound) for entry in findings.stored).most_common()),
        **_searched(spec, findings),
        "set_aside": [
            {"candidate": i, "how": a.how, "recipe": msgspec.to_builtins(a.recipe)}
            for i, a in sorted(findings.aside.items())
        ],
    }


def _searched(spec: Spec, findings: Findings) -> dict[str, Any]:
    """Return how much of the shelf is filled, how well, and what search found there beside luck."""
    best = findings.shelf.best_entries
    # In a family all are variations, and none is a child.
    children = [bool(entry.recipe.variations) and spec.family is None for entry in best]

    def tally(of_children: bool) -> dict[str, Any]:
        scores = [entry.score for entry, child in zip(best, children, strict=True) if child == of_children]
        return {"cells": len(scores), "mean_score": round(sum(scores) / len(scores), 4) if scores else None}

    return {
        "luck": spec.luck,
        "generations": None if findings.generations is None else findings.generations.complete,
        "cells": len(best),
        "qd_score": round(sum(entry.score for entry in best), 4),
        "best_of_cells": {"drawn_afresh": tally(of_children=False), "children": tally(of_children=True)},
    }


def _in_words(tally: dict[str, Any]) -> str:
    return f"{tally['cells']}" + (f" (mean score {tally['mean_score']:.2f})" if tally["cells"] else "")


def _run_text(report: dict[str, Any]) -> str:
    stale = " (it may have been killed; run the same command again to continue)" if report["seen_s_ago"] > 60 else ""
    rows = {
        "state": f"{report['state']}, seen {runs.clock(report['seen_s_ago'])} ago"
        + (stale if report["state"] in ("running", "finishing") else ""),
        "made by": f"{report['version']}, seed {report['seed']}",
        "candidates": f"{report['candidates']}" + (f" of {report['wanted']}" if report["wanted"] is not None else ""),
        "a second": f"{report['per_second']:.0f}",
        "left": "unknown" if report["seconds_left"] is None else runs.clock(report["seconds_left"]),
        "passed": report["passed"],
        "refused": refusals_in_words(report["refused"]),
        "on shelf": f"{report['kept']}: {', '.join(f'{name} {n}' for name, n in report['kinds'].items()) or 'none'}",
        "generations": "none, all are drawn afresh" if report["generations"] is None else report["generations"],
        "cells": f"{report['cells']}, sum of their best scores {report['qd_score']:.1f}; their best were drawn afresh "
        f"{_in_words(report['best_of_cells']['drawn_afresh'])}, children "
        f"{_in_words(report['best_of_cells']['children'])}",
        "picked": f"{report['picked']['keep']} kept, {report['picked']['drop']} dropped by ear",
        "set aside": len(report["set_aside"]),
    }
    lines = [
        f"{name:12}{value}" for name, value in rows.items() if not (name == "left" and report["state"] != "running")
    ]
    lines += [
        f"  {one['candidate']}: {one['how']}; {msgspec.json.encode(one['recipe']).decode()}"
        for one in report["set_aside"]
    ]
    return "\n".join(lines)


def _pack_text(report: dict[str, Any]) -> str:
    sounds = report["sounds"]
    kinds = Counter(sound["kind"] for sound in sounds)
    widths = [max(4, *(len(sound[key] or "") for sound in sounds)) for key in ("file", "nearest")] if sounds else [4, 7]
    lines = [
        f"{report['name']}: {len(sounds)} sounds of {report['candidates']} candidates, "
        f"seed {report['seed']}, cnndsd {report['cnndsd']}, definition {report['definition']}",
        f"refused: {refusals_in_words(report['refused'])}",
        f"kinds: {', '.join(f'{kind} {count}' for kind, count in kinds.items()) or 'none'}",
        "",
        f"{'file':{widths[0]}}  {'kind':9}{'score':>5}{'secs':>6}  {'nearest':{widths[1]}} {'away':>5}  why",
    ]
    for sound in sounds:
        away = "" if sound["distance"] is None else f"{sound['distance']:.2f}"
        lines.append(
            f"{sound['file']:{widths[0]}}  {sound['kind']:9}{sound['score']:5.2f}{sound['measures']['heard_s']:6.2f}  "
            f"{sound['nearest'] or '':{widths[1]}} {away:>5}  {', '.join([*sound['reasons'], *_finish(sound)])}"
        )
    return "\n".join(lines)


def _finish(sound: dict[str, Any]) -> list[str]:
    """Return how a sound of a pack is finished, where that is not as usual."""
    is_wide = sound["width"] is not None and sound["width"]["channels"] == 2
    smooth = ["smooth"] if sound["recipe"].get("interpolation") == "bandlimited" else []
    return [*smooth, *([f"wide (correlation {sound['width']['correlation']:.2f})"] if is_wide else [])]


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_short, value)) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{k} {_short(v)}" for k, v in value.items())
    return "none" if value is None else str(value)
