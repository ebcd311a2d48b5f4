"""Turns words and clicks into library calls, and what they return into words and pictures.

``cli`` and ``commands`` are the command line. ``showing`` says what is in a file, ``audition`` serves a run to a
browser, and ``notebook`` has the ``Sound`` that notebooks display.
"""
