"""What the numbers on the page mean, in plain words."""

from typing import NamedTuple


class Term(NamedTuple):
    """The name of a descriptor on the page, without its unit, and what it means."""

    label: str
    meaning: str


# By descriptor. In this order the page lists them: first what most users sort by.
TERMS: dict[str, Term] = {
    "brightness_hz": Term("brightness", "where the middle of the energy lies: low is dark, high is bright"),
    "loudness_lufs": Term("loudness before mastering", "the loudest 0.4 s of the network's own output"),
    "pulse": Term("regular pulse", "how exactly the sound repeats, 0 to 1"),
    "pulse_s": Term("time of the pulse", "after how long the sound repeats; 0: never"),
    "pitch_hz": Term("pitch", "the fundamental frequency; 0: none was found"),
    "clarity": Term("clear pitch", "0: noise, 1: a clear tone"),
    "flatness": Term("noise", "0: a tone, 1: white noise"),
    "onsets": Term("onsets", "how often the level jumps up, as at the start of a note"),
    "attack_s": Term("attack", "how long the sound takes to become loud"),
    "sounding_s": Term("sounding time", "how long it is within 20 dB of its loudest"),
    "loud_s": Term("loud time", "how long it is within 6 dB of its loudest"),
    "activity": Term("activity", "the share of its time in which something changes, 0 to 1"),
    "change_db": Term("change of colour", "how much the spectrum changes over time"),
    "swing_db": Term("change of level", "how much the level goes up and down"),
    "sweep_octaves": Term("change of brightness", "how far the brightness moves"),
    "rise_db": Term("rise of level", "the level at the end compared with that at the start"),
    "rise_octaves": Term("rise of brightness", "the brightness at the end compared with that at the start"),
    "glide_octaves": Term("glide", "how far the pitch moves"),
    "bandwidth_octaves": Term("width", "how far the energy spreads over low and high frequencies"),
    "late_db": Term("late change", "how much still changes after the first third"),
    "texture_db": Term("fast change", "change within 50 ms: rough or buzzing"),
    "rhythm_db": Term("rhythmic change", "change within half a second"),
    "phrase_db": Term("slow change", "change over the whole sound"),
    "movement_db": Term("movement", "how much the level in each band of frequencies moves"),
    "complexity": Term("complexity", "how hard the samples are to predict: 0 is steady, 1 is noise"),
    "center": Term("centre in time", "where the middle of the energy lies: 0 is the start, 1 the end"),
    "whine_db": Term("whine", "the level of the strongest high tone that stays"),
    "hole_s": Term("longest gap", "the longest time of near silence in between"),
    "head_s": Term("quiet start", "how long the start stays nearly silent"),
    "tail_s": Term("quiet end", "how long the end stays nearly silent"),
    "onset_db": Term("click at the start", "the peak of the first 10 ms compared with the rest"),
    "still_s": Term("longest standstill", "the longest time in which little changes"),
    "last_still_s": Term("standstill at the end", "how long little changes before the quiet end"),
    "one_cut_db": Term("change apart from one step", "what is left within two parts when the sound is cut once"),
    "two_cuts_db": Term("change apart from two steps", "what is left within three parts when it is cut twice"),
    "sameness": Term("sameness", "how much of the sound is alike, 0 to 1; 1: it stays the same"),
    "peak_dbfs": Term("peak before mastering", "the highest sample of the network's own output"),
    "rms_dbfs": Term("average level before mastering", "the mean power of the network's own output"),
    "crest_db": Term("peak over average", "high: short peaks; low: dense"),
    "audible_share": Term("audible share", "the share of the energy from 30 Hz to 16 kHz, 0 to 1"),
    "heard_from_s": Term("silence before", "how long the network's own output is silent at first"),
    "dc": Term("offset", "the mean of the network's own output"),
}
