"""Turns commands and clicks into library calls, and their results into text and pictures.

``cli`` and ``commands`` are the command line. ``showing`` reports what is in a file, ``studio`` plays and keeps sounds
in a browser, and ``notebook`` has the ``Sound`` that notebooks display.
"""
