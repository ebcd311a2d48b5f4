"""Drawing: its random numbers are numpy's Philox, whoever else draws beside it; its number says what it draws.

``drawing.json`` holds digests of the candidates of some runs, by the number ``DRAWING``. When a change alters one of
them, raise ``DRAWING`` in ``cnndsd/farm/drawing.py`` and add the new digest: ``python tests/farm/test_drawing.py``.
"""

import hashlib
import itertools
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cnndsd import Recipe, Spec
from cnndsd.ear.description import ROW
from cnndsd.farm.drawing import BLOCK, DRAWING, SIBLINGS, draw_blocks, draw_rivals, draw_wide, uniform
from cnndsd.farm.generations import first_block, is_afresh
from cnndsd.farm.parents import choose_parents
from cnndsd.farm.shelf import CELLS, Shelf, make_heads
from cnndsd.recipe import pack_recipe

GOLDEN = Path(__file__).with_name("drawing.json")
SPECS = [
    Spec(name="double", sound={"adjusting": {"share": 0.4}, "bandlimited": 0.3, "wide": 0.5}),
    Spec(name="single", sound={"precision": "single", "gap": (0, 9)}, choose={"shares": {"bass": 0.5, "riser": 0.25}}),
    Spec(name="family", family={"recipe": Recipe(length=9, hidden=(2, 2), gap=5, seed=276), "amount": (0.001, 0.1)}),
]


def candidates(spec):
    """As JSON, those of some blocks that are drawn afresh, and of two generations of children of made-up cells."""
    found = [drawn.template.reseeded(seed) for drawn in draw_blocks(spec, 1, 0, 8 * BLOCK) for seed in drawn.seeds]
    if spec.family is None:
        for generation in (2, 3):
            heads = make_heads(
                np.random.default_rng(generation).choice(CELLS, 512, replace=False),
                range(512),
                [n % 100 / 100 for n in range(512)],
                range(512),
                [recipe.last_seed for recipe in found[:512]],
            )
            shelf = Shelf()
            shelf.put(heads, np.zeros((512, ROW)), [pack_recipe(recipe.reseeded(0)) for recipe in found[:512]])
            first = first_block(generation) * BLOCK
            groups = range(first // SIBLINGS, first // SIBLINGS + 32)
            parents = choose_parents(shelf, spec.sought, draw_rivals(spec, 1, generation, len(groups)))
            children = draw_blocks(spec, 1, first, len(groups) * SIBLINGS, dict(zip(groups, parents, strict=True)))
            found = [drawn.template.reseeded(seed) for drawn in children for seed in drawn.seeds] + found
    return [recipe.to_json() for recipe in found]


def digest():
    """Of the candidates of some runs, of which of them are asked to be wide, and of the plan of generations."""
    parts = [text for spec in SPECS for text in candidates(spec)]
    parts += [str(draw_wide(SPECS[0], 1, index)) for index in range(100)]
    parts += [str([first_block(generation) for generation in range(80)])]
    parts += [str([is_afresh(luck, block) for block in range(1000)]) for luck in (0.1, 0.25, 1.0)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def test_the_number_of_the_drawing_is_that_of_what_it_draws():
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert list(golden) == [str(number) for number in range(1, DRAWING + 1)], "add the digest of the new number"
    assert len({*golden.values()}) == len(golden)
    assert digest() == golden[str(DRAWING)], f"raise DRAWING in cnndsd/farm/drawing.py; see {GOLDEN.name}"


words = st.integers(0, 2**64 - 1)


def plain(key, counter, stream, count):
    """The same numbers from a generator of their own."""
    bits = np.random.Philox(key=np.array(key, np.uint64), counter=np.array([0, counter, stream, 0], np.uint64))
    return [(int(bits.random_raw()) >> 11) * 2.0**-53 for _ in range(count)]


@given(st.tuples(words, words), st.lists(words, min_size=1, max_size=5), st.integers(0, 9))
def test_numbers_drawn_in_turns_are_those_of_philox(key, counters, stream):
    drawn = [uniform(key, counter, stream) for counter in counters]
    in_turns = [[next(numbers) for numbers in drawn] for _ in range(11)]
    assert list(map(list, zip(*in_turns, strict=True))) == [plain(key, counter, stream, 11) for counter in counters]


def test_threads_draw_beside_each_other():
    def some(counter):
        return list(itertools.islice(uniform((1, 2), counter, 3), 2000))

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(some, range(8))) == [plain((1, 2), counter, 3, 2000) for counter in range(8)]


def add():
    """Add the digest of a new number."""
    golden = json.loads(GOLDEN.read_text(encoding="utf-8")) if GOLDEN.exists() else {}
    if str(DRAWING) in golden:
        raise SystemExit(f"{GOLDEN} has the digest of {DRAWING}; raise DRAWING first")
    GOLDEN.write_text(json.dumps({**golden, str(DRAWING): digest()}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    add()
