"""Turns samples into numbers and a verdict.

``analysis`` measures and describes a sound; ``judging`` decides from the measures whether it is refused. From a
description, ``kinds``, ``scoring`` and ``distances`` compute the kind of the sound, its score, and its distance to
another sound. ``tuning`` finds pitch, exact cycle and tempo, and ``sureness`` whether all ears tell that pitch.
"""
