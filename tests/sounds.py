"""Descriptions for tests: one that is known, and made-up ones that differ in every way that a choice looks at."""

import functools
import random

import msgspec

from cnndsd.ear.description import Description
from cnndsd.farm.shelf import Entry
from cnndsd.recipe import Recipe
from cnndsd.spec import Spec

# A sound that packs/loops.toml finds: a loop at 120 BPM.
REAL_LOOP = Recipe(
    length=10,
    hidden=(2,),
    gap=7,
    seed=608798648082723,
    seconds=5.68,
    variations=({"seed": 2028298026825560, "amount": 0.099},),
)
# A search that is short and finds sounds of every kind.
SPEC = Spec(name="x", candidates=4000, count=24)

PLAIN = Description(
    finite=True,
    heard_from_s=0.0,
    heard_s=2.0,
    dc=0.5,
    peak_dbfs=-3.0,
    rms_dbfs=-12.0,
    crest_db=9.0,
    audible_share=0.9,
    brightness_hz=1500.0,
    flatness=0.1,
    movement_db=5.0,
    loudness_lufs=-12.0,
    bandwidth_octaves=1.2,
    complexity=0.6,
    attack_s=0.01,
    sounding_s=1.8,
    loud_s=0.9,
    center=0.5,
    onset_db=0.0,
    head_s=0.0,
    tail_s=0.0,
    hole_s=0.0,
    swing_db=2.0,
    sweep_octaves=0.3,
    texture_db=1.0,
    rhythm_db=2.0,
    phrase_db=2.0,
    activity=0.5,
    still_s=0.3,
    last_still_s=0.1,
    rise_db=0.0,
    rise_octaves=0.0,
    pulse_s=0.0,
    pulse=0.0,
    onsets=2.0,
    late_db=4.0,
    change_db=5.0,
    one_cut_db=4.0,
    two_cuts_db=3.5,
    sameness=0.2,
    pitch_hz=220.0,
    clarity=0.95,
    glide_octaves=0.02,
    whine_db=-20.0,
    bands_db=(-30.0, -12.0, -6.0, -6.0, -9.0, -15.0, -20.0, -30.0),
    timbre=(0.0,) * 40,
)


def like(**changes):
    """The plain sound with some changes."""
    return msgspec.structs.replace(PLAIN, **changes)


@functools.cache
def made_up(seed):
    """A sound that no one has heard."""
    rng = random.Random(seed)
    heard_s = rng.choice([rng.uniform(0.1, 0.8), rng.uniform(0.8, 4.0)])
    return like(
        heard_s=heard_s,
        dc=rng.random(),
        rms_dbfs=rng.uniform(-40.0, -6.0),
        crest_db=rng.uniform(2.0, 20.0),
        brightness_hz=rng.uniform(60.0, 9000.0),
        flatness=rng.random(),
        movement_db=rng.uniform(0.0, 20.0),
        bandwidth_octaves=rng.uniform(0.1, 2.5),
        attack_s=rng.choice([0.0, 0.01, 0.5]),
        sounding_s=heard_s * rng.uniform(0.02, 1.0),
        center=rng.random(),
        swing_db=rng.uniform(0.0, 10.0),
        rise_db=rng.uniform(-20.0, 20.0),
        pulse_s=0.3,
        pulse=rng.choice([0.0, 0.1, 0.4]),
        onsets=float(rng.randrange(6)),
        activity=rng.random(),
        late_db=rng.uniform(0.0, 12.0),
        texture_db=rng.uniform(0.0, 3.0),
        rhythm_db=rng.uniform(0.0, 8.0),
        phrase_db=rng.uniform(0.0, 8.0),
        pitch_hz=rng.uniform(40.0, 2000.0),
        clarity=rng.random(),
        bands_db=tuple(rng.uniform(-40.0, 0.0) for _ in range(8)),
        timbre=tuple(rng.gauss(0.0, 1.0) for _ in range(40)),
    )


def entry(index, seed=None, score=None):
    """A candidate with a made-up sound; few different scores, some too low for a pack, so that ties come about."""
    seed = index if seed is None else seed
    score = random.Random(seed).choice([0.4, 0.6, 0.9]) if score is None else score
    return Entry(index, score, made_up(seed), Recipe(seed=index))
