"""Saddle: every generative adversarial network that matters, on one loop."""

__version__ = "0.1.0"
