"""Reads files that were pickled, without running anything that they say. A program of its own: only Python's library."""
