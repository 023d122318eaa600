"""How fast Saddle is, side by side with other programs in the same run: `python -m benchmarks`."""
