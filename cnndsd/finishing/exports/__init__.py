"""Turns the sounds of a pack into what other programs read: a module for each format, and ``table``, which names them.

Each is a pure function from ``Material`` to the names and bytes of files.
"""
