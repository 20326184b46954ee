"""Numeric routines on floats and arrays that know nothing of graphs."""
