"""Weights that others trained and saved with their own code become a run. The way back out of Saddle is `export`."""

from .work import Result, adopt, kinds

__all__ = ["Result", "adopt", "kinds"]
