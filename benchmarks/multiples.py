"""What a multiple of the floor says of blurred digits, by how many references it is found with.

python -m benchmarks.multiples
"""

import torch
from torch.nn.functional import avg_pool2d

from saddle.data import DataOptions, open_source
from saddle.metrics import extractor
from saddle.metrics.fid import Frechet, Moments

EACH, REDRAWS = 600, 30  # training images and blurred ones, and draws of the references among all others


def main() -> None:
    source, look, chance = open_source(DataOptions(source="digits")), extractor("digits"), torch.Generator()
    assert source.heldout is not None
    images = torch.cat([part.take(slice(None))["image"] for part in (source.train, source.heldout)])
    images = images[torch.randperm(len(images), generator=chance.manual_seed(0))]
    blurred = avg_pool2d(images[EACH : 2 * EACH], 5, 1, 2, count_include_pad=False)
    train, fake, rest = (look(part).features for part in (images[:EACH], blurred, images[2 * EACH :]))
    print("| references | FID | floor | multiple | its deviation over draws of references |\n|" + " --- |" * 5)
    for count in (10, 20, 50, 100, 200, 400):
        found = []
        for _ in range(REDRAWS):
            distance = Frechet(Moments.of(rest[torch.randperm(len(rest), generator=chance)[:count]]))
            found.append([distance(Moments.of(fake)), distance(Moments.of(train))])
        fid, floor = torch.tensor(found).T
        ratio = fid / floor
        means = " | ".join(f"{x.mean():.2f}" for x in (fid, floor, ratio))
        print(f"| {count} | {means} | {ratio.std():.2f} |", flush=True)


if __name__ == "__main__":
    main()
