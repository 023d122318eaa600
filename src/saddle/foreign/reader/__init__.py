"""Reads files that were pickled, and runs nothing that they say. A program of its own, of Python's library alone."""
