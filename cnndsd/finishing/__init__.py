"""Turns chosen recipes into a zip of sound files, and back.

``finished`` masters a raw sound, finds its note and loop, and encodes it. ``packing`` puts the files, their manifest,
page, cover and instruments into one zip. ``verification`` reads such a zip and proves every part of it.
"""
