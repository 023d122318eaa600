"""A trained game leaves Saddle: files that others open without it, each with what one must know to use it."""

from .work import FORMATS, Result, export

__all__ = ["FORMATS", "Result", "export"]
