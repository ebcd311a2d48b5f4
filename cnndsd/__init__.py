"""Sounds made by random, untrained, tiny neural networks that listen to themselves.

``__init__.pyi`` lists the public names. Each is imported when it is first used: numba takes half a second to import,
and the command line must answer sooner.
"""

import lazy_loader

__version__ = "0.2.0.dev0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
