"""Turns a recipe into samples.

``network`` grows a recipe into the numbers of a network, ``rendering`` evaluates it step by step, one network alone or
many side by side in the lanes of vector registers. The bits are those of ``docs/definition.md`` on every processor.
``kernel``, ``schedule``, ``simd`` and ``compiler`` make that fast; ``speed`` measures it.
"""
