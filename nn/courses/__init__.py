"""Interfaces of course packages: code that was written for one runs on this library instead.

``lenet_handout`` takes networks as dicts of layers, and batches as columns; ``modules`` has modules
with ``forward`` and ``backward`` of their own. Both only translate names and the order of axes:
what a layer computes is composed of the primitives of ``autodiff``, and every derivative comes from
the reverse walk.
"""
