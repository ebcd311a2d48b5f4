"""Turns a spec into chosen recipes, and those into a pack.

``drawing`` makes candidates, ``units`` judges some of them, ``searching`` hands units to the workers of ``executors``
and adds up what they find. ``shelf`` keeps the best of each cell, ``generations`` makes parents of these, ``choosing``
takes the most different, and ``runs`` remembers all of it on disk. ``factory`` has the calls for users,
and ``verification`` makes all of a pack again from its recipes.
"""
