"""Compares each part of a pack with what its recipes make; ``verification`` brings all together.

``contents``: which files there are, and the numbers about them. ``sounds``: a sound, made again from its recipe.
``soundfiles``: two sound files. ``containers``: what such files hold beside audio. ``companions``: the files that are
made of the sounds.
"""
