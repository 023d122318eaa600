"""The plainest features: the pixels themselves, the coordinates of points, the values of signals."""

from torch import Tensor
from torch.nn import functional as F

from .features import Extractor, Features

MOST = 16


class Pixels(Extractor):
    """Images, shrunk to 16 × 16 where larger, as vectors [N, C · H · W].

    Points and signals stay as they are: [N, D], [N, C · T].
    """

    name = "pixels"
    classifies = False
    resize = f"antialiased bilinear to {MOST} × {MOST} where larger"

    def look(self, images: Tensor) -> Features:
        if images.ndim == 4 and max(images.shape[-2:]) > MOST:
            size = [min(MOST, side) for side in images.shape[-2:]]
            images = F.interpolate(images, size=size, mode="bilinear", align_corners=False, antialias=True)
        return Features(images.flatten(1))
