"""A sound in one line of words: what it may be used as, how long, which note, how loud, how good and why."""

from cnndsd.ear.description import Description
from cnndsd.ear.judging import judge
from cnndsd.ear.kinds import kind
from cnndsd.ear.scoring import reasons, score
from cnndsd.ear.tuning import Pitch

# A sound settles when it is static for longer than this at its end, in seconds.
_SETTLED_S = 0.6


def summary(sound: Description, seconds: float, pitch: Pitch | None = None, lufs: float | None = None) -> str:
    """Return a sound in words. ``seconds``, ``pitch`` and ``lufs``: those of its file, where they are known."""
    parts = [kind(sound), f"{seconds:.2f} s"]
    if pitch is not None:
        parts.append(f"{pitch.name} ({pitch.cents:+.0f} cents)" if round(pitch.cents) else pitch.name)
    if lufs is not None:
        parts.append(f"{lufs:.1f} LUFS")
    refused = judge(sound)
    if refused is not None:
        parts.append(f"refused for a pack: {refused}")
    return f"{', '.join(parts)}; score {score(sound):.2f}: {', '.join(reasons(sound)) or 'nothing stands out'}"


def settles(sound: Description) -> str | None:
    """Return a warning with the time in seconds from which nothing changes any more, or None when something does."""
    if sound.last_still_s <= _SETTLED_S:
        return None
    # The tail is the quiet end.
    from_s = max(0.0, sound.heard_s - sound.tail_s - sound.last_still_s)
    if from_s < sound.head_s + 0.05:
        return "hardly changes from its start to its end"
    return f"settles after {from_s:.1f} s: from there on it hardly changes"
