"""What scores say of images that are no digits: noise, plain grey, shuffled pixels, one image again and again.

python -m benchmarks.sane
"""

import torch
from torch import Tensor

from saddle.data import DataOptions, open_source
from saddle.metrics import evaluate

N = 2000
SCORES = ("fid", "kid", "swd", "coverage", "precision", "density", "inception_score", "copying")


def made(train: Tensor) -> dict[str, Tensor]:
    """Images of each kind, [2000, C, H, W]."""
    chance = torch.Generator().manual_seed(0)
    again = train[torch.randint(len(train), (N,), generator=chance)]
    order = torch.rand(N, again[0].numel(), generator=chance).argsort(1)
    return {
        "training images": again,
        "noise, equal for all levels": torch.rand(again.shape, generator=chance) * 2 - 1,
        "plain grey": torch.zeros(again.shape),
        "training images with shuffled pixels": again.flatten(1).gather(1, order).view(again.shape),
        "one training image again and again": train[:1].expand(N, -1, -1, -1),
    }


def main() -> None:
    source = open_source(DataOptions(source="digits"))
    assert source.heldout is not None
    train, real = (part.take(slice(None))["image"] for part in (source.train, source.heldout))
    print(f"| images | {' | '.join(f'`{name}`' for name in SCORES)} |\n|" + " --- |" * (1 + len(SCORES)))
    for kind, images in made(train).items():
        found = evaluate(lambda k, x=images: x[:k], real, SCORES, "digits", n=N, batch=N, train=train)
        print(f"| {kind} | {' | '.join(f'{score.value:.3g}' for score in found.values())} |", flush=True)


if __name__ == "__main__":
    main()
