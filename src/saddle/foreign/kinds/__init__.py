"""One file a kind of weights: how its names and shapes are read, and what they become."""
