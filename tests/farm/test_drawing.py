"""Drawing: its random numbers are numpy's Philox, whoever else draws at the same time."""

import itertools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cnndsd.farm.drawing import uniform

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
