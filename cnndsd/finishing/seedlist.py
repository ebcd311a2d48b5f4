"""The seed list: a page of recipes without sound files. It renders what it plays, and packs are made of it."""

import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from cnndsd.ear.description import Description
from cnndsd.ear.kinds import kind
from cnndsd.finishing.naming import Names
from cnndsd.finishing.page import Card, page_data, page_html, seeds_as
from cnndsd.recipe import Recipe
from cnndsd.schema import Invalid, decode
from cnndsd.spec import MAX_PACK_MACS, MAX_PACK_SAMPLES, Spec

# A list of 10,000 recipes has about 10 million, and 0.9 million values.
_MAX_BYTES, _MAX_VALUES = 60_000_000, 3_000_000
_ALLOWED = "a page made by cnndsd pack --seeds"


class SeedList(NamedTuple):
    """What a seed list holds: how many candidates were judged, and the recipes by their candidate numbers.

    ``spec``: with which they were found.
    """

    spec: Spec
    candidates: int
    recipes: dict[int, Recipe]


class _Page(msgspec.Struct):
    spec: dict[str, Any]
    candidates: int
    sounds: list[dict[str, Any]]


def seed_list(spec: Spec, candidates: int, sounds: Iterable[tuple[int, Recipe, Description]]) -> str:
    """Return the page, as HTML. ``sounds``: candidate number, recipe and description of each."""
    names = Names(spec)
    cards = [Card(index, names.name(recipe, kind(sound), None, None), sound, recipe) for index, recipe, sound in sounds]
    about = f"{len(cards)} recipes out of {candidates} candidates; this page renders their sounds"
    command = f"cnndsd pack {spec.name}_seeds.html --keep "
    facts = {"spec": msgspec.to_builtins(spec), "candidates": candidates}
    return page_html(spec.title or spec.name, about, cards, command, seed_list=facts)


def read_seed_list(path: Path | str) -> SeedList:
    """Read a seed list; ``Invalid`` when the file is none."""
    try:
        # What is no file, such as a pipe, may never end.
        if not stat.S_ISREG(Path(path).stat().st_mode):
            raise Invalid(f"{path}: is not a file; allowed: {_ALLOWED}")
        with open(path, "rb") as file:
            page = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise Invalid(f"{path}: cannot be read ({error.strerror}); allowed: {_ALLOWED}") from None
    if len(page) > _MAX_BYTES:
        raise Invalid(f"{path}: is too large for a seed list; allowed: up to {_MAX_BYTES} bytes")
    data = bytes(page_data(page))
    if sum(map(data.count, (b",", b"{", b"["))) > _MAX_VALUES:
        raise Invalid(f"{path}: holds too much for a seed list; allowed: up to {_MAX_VALUES} values")
    try:
        found = msgspec.json.decode(data, type=_Page)
        listed = {int(sound["candidate"]): sound["recipe"] for sound in found.sounds}
        for recipe in listed.values():
            seeds_as(int, recipe)
    except (msgspec.DecodeError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Invalid(f"{path}: is no seed list; allowed: {_ALLOWED}") from None
    recipes = {index: decode(one, Recipe, f"{path}: candidate {index}: recipe") for index, one in listed.items()}
    for index, recipe in recipes.items():
        if recipe.macs > 2 * MAX_PACK_MACS or recipe.samples > MAX_PACK_SAMPLES:
            raise Invalid(f"{path}: candidate {index}: recipe: is too much work for a sound of a pack")
    return SeedList(decode(found.spec, Spec, f"{path}: spec"), found.candidates, recipes)
