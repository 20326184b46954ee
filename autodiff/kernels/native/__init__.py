"""Kernels compiled by numba: the same numbers as those of NumPy beside them, sooner.

What is here knows neither graphs nor the order of axes that users see. Images lie in memory as
(batch, height, width, channels): then a place in a kernel reads a contiguous run of channels, and
what is computed side by side in a vector register belongs to neighbouring outputs.

Its modules are imported when there is something to compute: see ``kernels/dispatch.py``.
"""
