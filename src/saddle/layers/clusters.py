"""What vectors of a class are like: the newest are kept, and clusters of them have centres that stand for all."""

import torch
from torch import Tensor, nn

from ..base import dist, rng

ROUNDS = 100  # of k-means, at most
SAME = 1e-12  # squared distance up to which two points are one


class Kept(nn.Module):
    """The newest vectors of each class, as many as fit. Their order is that of the whole batch, over all processes."""

    vectors: Tensor
    seen: Tensor

    def __init__(self, classes: int, size: int, length: int):
        super().__init__()
        self.register_buffer("vectors", torch.zeros(classes, size, length))
        self.register_buffer("seen", torch.zeros(classes, dtype=torch.int64))

    @torch.no_grad()
    def add(self, vectors: Tensor, kinds: Tensor) -> None:
        """Vectors [N, M, length] and their classes int64 [N, M], -1 for none."""
        size, vectors = self.vectors.shape[1], dist.gather(vectors.to(self.vectors.dtype)).flatten(0, 1)
        kinds = dist.gather(kinds).flatten()
        for kind in kinds[kinds >= 0].unique():
            new = vectors[kinds == kind]
            order = self.seen[kind] + torch.arange(len(new), device=new.device)
            self.vectors[kind, order[-size:] % size] = new[-size:]
            self.seen[kind] += len(new)

    def centres(self, kind: int, most: int) -> Tensor:
        """Of at most so many clusters of a class, [K, length]; none of a class that was never seen."""
        there = min(int(self.seen[kind]), self.vectors.shape[1])
        return k_means(self.vectors[kind, :there], most).to(self.vectors)


def k_means(points: Tensor, most: int) -> Tensor:
    """Centres [K, D] of at most so many clusters of points [N, D], that of the most points first; float64 on the CPU.

    Lloyd, 1982, from a start by k-means++ (Arthur and Vassilvitskii, 2007), which draws the same numbers every time.
    """
    points = points.double().cpu()
    if not len(points):
        return points
    with rng.apart("k-means"):
        chances = rng.rand(most).double()
    centres = points[int(chances[0] * len(points))][None]
    for chance in chances[1:]:
        far = torch.cdist(points, centres).square().amin(1)
        if not far.max() > SAME:
            break
        ends = far.cumsum(0)
        place = torch.searchsorted(ends, chance * ends[-1], right=True).clamp(max=len(points) - 1)
        centres = torch.cat((centres, points[place][None]))
    for _ in range(ROUNDS):
        nearest = torch.cdist(points, centres).argmin(1)
        counts = nearest.bincount(minlength=len(centres))
        means = torch.zeros_like(centres).index_add(0, nearest, points) / counts.clamp(min=1)[:, None]
        before, centres = centres, torch.where(counts[:, None] > 0, means, centres)
        if torch.equal(before, centres):
            break
    order = counts.argsort(descending=True, stable=True)
    return centres[order[counts[order] > 0]]
