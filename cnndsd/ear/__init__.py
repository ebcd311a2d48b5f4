"""Turns samples into numbers and a verdict.

``analysis`` goes from a sound to its measures and its description; ``judging`` refuses what nobody wants to hear.
``kinds``, ``scoring`` and ``distances`` say what a sound is good for, how good it is, and how far two are apart.
``tuning`` tells pitch, exact cycle and tempo.
"""
