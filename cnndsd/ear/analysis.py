"""From a sound to its measures and its description, by way of frame statistics, amplitude and spectra."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnndsd.ear.complexity import permutation_entropy
from cnndsd.ear.describing import describe_all
from cnndsd.ear.description import Description
from cnndsd.ear.judging import Reason, judge_amplitude, judge_spectrum
from cnndsd.ear.measuring import (
    Analysis,
    Clock,
    Measures,
    heard_steps,
    measure_amplitude,
    measure_spectrum,
    take_spectra,
    take_statistics,
    unhold,
)
from cnndsd.sound.audio import checked_audio
from cnndsd.spec import Limits


def measure(audio: ArrayLike, sample_rate: int = 44_100) -> Measures:
    """Measure the amplitude, the spectrum and the movement of a sound.

    ``audio``: shape ``(samples,)``, floats of which 1 is full scale, or PCM integers; ``sample_rate`` in Hz.
    ``Invalid`` (a ``ValueError``) when the sound is empty, not finite or not one channel.

    >>> measure(render(Recipe(seed=35))).rms_dbfs
    """
    steps, clock = _steps_of(audio, sample_rate)
    return _analysis(steps, clock).measures


def describe(audio: ArrayLike, sample_rate: int = 44_100) -> Description:
    """Describe a sound: its measures, and its envelope, pulse, pitch and timbre.

    ``audio``: shape ``(samples,)``, floats of which 1 is full scale, or PCM integers; ``sample_rate`` in Hz.
    ``Invalid`` (a ``ValueError``) when the sound is empty, not finite or not one channel.

    >>> describe(render(Recipe(seed=35))).pitch_hz
    """
    steps, clock = _steps_of(audio, sample_rate)
    return describe_all([_analysis(steps, clock)], steps.size, clock)[0]


def analyse(
    steps: NDArray[Any], statistics: NDArray[np.float64], clock: Clock, limits: Limits | None = None
) -> Analysis | Reason:
    """Measure a sound from its network steps, shape ``(steps,)``, and their ``take_statistics``.

    With ``limits``, a sound that is refused gives the reason instead, as early as possible. Without ``limits``, all
    steps must be finite.
    """
    amplitude = measure_amplitude(statistics, steps.size, clock)
    if limits is not None and (reason := judge_amplitude(amplitude, limits)) is not None:
        return reason
    power = take_spectra(amplitude, steps, clock)
    measures = measure_spectrum(amplitude, power, clock)
    if limits is not None and (reason := judge_spectrum(measures, limits)) is not None:
        return reason
    heard = heard_steps(amplitude, steps.size, clock.step_rate_hz)
    return Analysis(measures, power, statistics, permutation_entropy(steps[heard]))


def _steps_of(audio: ArrayLike, sample_rate: int) -> tuple[NDArray[Any], Clock]:
    steps, hold = unhold(checked_audio(audio, sample_rate))
    return steps, Clock(int(sample_rate), hold)


def _analysis(steps: NDArray[Any], clock: Clock) -> Analysis:
    analysis = analyse(steps, take_statistics(steps, clock), clock)
    assert isinstance(analysis, Analysis)
    return analysis
