"""One file a kind of weights: how its names and shapes are told, and what they become."""
