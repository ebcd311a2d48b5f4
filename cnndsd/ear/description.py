"""What is known of a sound after it was heard: its ``Description``."""

from collections import namedtuple
from typing import Annotated, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from cnndsd.ear.measuring import Measures, NonNegative, Number

# Bands from 30 Hz to 16 kHz: few of equal ratio for the user, more of equal width in mel for the timbre.
BANDS = 8
TIMBRE_BANDS = 24
# Of each coefficient of the timbre: mean and deviation over time; of the first few also the course over time.
COEFFICIENTS = 16
COURSES = 4
TIMBRE = 2 * COEFFICIENTS + 2 * COURSES
Bands = Annotated[tuple[Number, ...], msgspec.Meta(min_length=BANDS, max_length=BANDS)]
Timbre = Annotated[tuple[Number, ...], msgspec.Meta(min_length=TIMBRE, max_length=TIMBRE)]


class Description(Measures, frozen=True, forbid_unknown_fields=True):
    """What the heard part of a sound is like; every number is rounded to 4 decimals.

    The envelope is the energy over 30 ms, "loudest" its maximum; brightness over time is Hjorth's mobility (1970). In
    sums of both, an octave of brightness counts as 4 dB. The changes that steady noise has by itself are subtracted.

    ``loudness_lufs``: loudness of the loudest 0.4 s of the raw sound, K-weighted after ITU-R BS.1770-4.
    ``bandwidth_octaves``: standard deviation of the audible energy along an axis of octaves.
    ``complexity``: permutation entropy of the network steps, 0 (monotone) to 1 (noise) (Bandt and Pompe 2002).
    ``attack_s``: time from 20 dB to 3 dB below the loudest. ``sounding_s``, ``loud_s``: total time within 20 dB, and
    within 6 dB, of the loudest.
    ``center``: mean time of the energy, as a share of the heard part, 0..1.
    ``onset_db``: peak of the first 10 ms relative to the peak after 20 ms, both about the mean of the sound.
    ``head_s``, ``tail_s``: how long the start and the end of the sound stay more than 34 dB below the loudest.
    ``hole_s``: how long at most it is 30 dB below the loudest in between.
    ``swing_db``, ``sweep_octaves``: standard deviation over time of envelope and brightness.
    ``texture_db``, ``rhythm_db``, ``phrase_db``: change of envelope and brightness on three scales: of 10 ms within
    50 ms, of 50 ms within 0.5 s, and of 0.5 s within the whole sound.
    ``activity``: share of the time between head and tail in which something audible changes within 0.6 s, 0..1.
    ``still_s``, ``last_still_s``: how long less than half of that changes at a time: at most, and before the tail.
    ``rise_db``, ``rise_octaves``: envelope and brightness of the last quarter minus those of the first quarter.
    ``pulse_s``, ``pulse``: period at which envelope and brightness repeat, and how similar the repetitions are, 0..1
    (normalised square difference, McLeod and Wyvill 2005); 0 when nothing repeats.
    ``onsets``: how often the envelope rises by 5 dB within 50 ms to more than 24 dB below the loudest.
    ``late_db``: change of timbre, envelope and brightness in the last two thirds.
    ``change_db``: change of the timbre: standard deviation over time of the level in 24 mel bands, weighted by the
    roots of their energies. ``one_cut_db``, ``two_cuts_db``: the least that is left of it within the parts when it is
    cut into two or three parts. A sound that changes by one step has much of the first and little of the others.
    ``sameness``: how much of the sound is alike: of segments of 0.1 s, the mean likeness of the others to the one to
    which they are the most alike, 0..1; of a sound of one segment 0. Likeness is 1 / (1 + (d / 4 dB)^4), where d is the
    difference of the levels in the same bands, with the same weights.
    ``pitch_hz``, ``clarity``: fundamental frequency, and the autocorrelation at its period relative to lag 0, corrected
    for the window, 0..1 (Boersma 1993); 0 when there is none.
    ``glide_octaves``: standard deviation of the pitch between three parts of the sound.
    ``whine_db``: the most level of a band above 1.4 kHz that is there four fifths of the time, relative to all energy.
    ``bands_db``: energy in 8 bands of equal ratio from 30 Hz to 16 kHz, relative to all audible energy; floor -40.
    ``timbre``: 40 coefficients of the spectrum and its course (``ear.timbre``), from which distances are taken.
    """

    loudness_lufs: Number
    bandwidth_octaves: NonNegative
    complexity: NonNegative
    attack_s: NonNegative
    sounding_s: NonNegative
    loud_s: NonNegative
    center: NonNegative
    onset_db: Number
    head_s: NonNegative
    tail_s: NonNegative
    hole_s: NonNegative
    swing_db: NonNegative
    sweep_octaves: NonNegative
    texture_db: NonNegative
    rhythm_db: NonNegative
    phrase_db: NonNegative
    activity: NonNegative
    still_s: NonNegative
    last_still_s: NonNegative
    rise_db: Number
    rise_octaves: Number
    pulse_s: NonNegative
    pulse: NonNegative
    onsets: NonNegative
    late_db: NonNegative
    change_db: NonNegative
    one_cut_db: NonNegative
    two_cuts_db: NonNegative
    sameness: NonNegative
    pitch_hz: NonNegative
    clarity: NonNegative
    glide_octaves: NonNegative
    whine_db: Number
    bands_db: Bands
    timbre: Timbre


# A description as a row of numbers: all fields but ``finite``. ``AT.pitch_hz`` is the place of a field in the row;
# ``AT.bands_db`` and ``AT.timbre`` are the places of the first of their numbers.
_NAMES = Description.__struct_fields__[1:]
_SIZES = [{"bands_db": BANDS, "timbre": TIMBRE}.get(name, 1) for name in _NAMES]
AT: Any = namedtuple("AT", _NAMES)(*(sum(_SIZES[:i]) for i in range(len(_SIZES))))  # type: ignore[misc, arg-type]
ROW = sum(_SIZES)


def to_row(sound: Description) -> NDArray[np.float64]:
    """Return a description as a row of numbers, shape ``(ROW,)``."""
    values = msgspec.structs.astuple(sound)
    return np.array((*values[1:-2], *sound.bands_db, *sound.timbre), np.float64)


def from_row(row: list[float]) -> Description:
    """Return the description that a row of numbers stands for."""
    bands, timbre = row[AT.bands_db : AT.bands_db + BANDS], row[AT.timbre :]
    return Description(True, *row[: AT.bands_db], tuple(bands), tuple(timbre))  # type: ignore[arg-type, call-arg]
