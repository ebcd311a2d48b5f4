"""Turns chosen recipes into a zip of sound files.

``finished`` masters a raw sound, finds its pitch and its loop, and encodes it. ``packing`` writes the files, with a
manifest, a page, a cover and instruments, into one zip.
"""
