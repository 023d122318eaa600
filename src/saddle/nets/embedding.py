"""Texts and images in one space: the structured joint embedding. Reed et al., 2016. https://arxiv.org/abs/1605.05395

An image is nearer, by the inner product, to its own text than to any other, and a text to its own image, by a margin:
the symmetric objective of Eq. 1 to 4. A game trains both encoders in its first rounds and freezes them thereafter.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from ..base import dist
from ..layers.convolution import StridedConv2d
from ..layers.init import small_normal
from ..layers.norm import BatchNorm2d
from ..spec import DataSpec
from .shapes import halvings


class ImageEncoder(nn.Sequential):
    """Strided convolutions down to 4 to 7 pixels and a linear layer: images [N, C, H, W] → embeddings [N, dims].

    It stands for the features of a large classifier that the paper takes, and is trained with the texts.
    """

    def __init__(self, data: DataSpec, dims: int, width: int = 64):
        levels, (height, wide) = halvings("The image encoder", data)
        widths = [data.shape[0], *(width << level for level in range(levels))]
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(widths):
            layers += [StridedConv2d(inputs, outputs, 4, 2, 1, bias=False), BatchNorm2d(outputs), nn.LeakyReLU(0.2)]
        super().__init__(*layers, nn.Flatten(), nn.Linear(widths[-1] * height * wide, dims))
        small_normal(self)


# the formula of the next one, v and t the codes of images and of texts
JOINT = "max(0, 1 + v_i·t_j - v_i·t_i) + max(0, 1 + v_j·t_i - v_i·t_i), over all pairs i, j of a batch"


def joint_embedding(image: Tensor, text: Tensor, caption: Tensor, margin: float = 1.0) -> Tensor:
    """The symmetric structured loss of embeddings [N, E] of images and of their captions int64 [N, L].

    mean over pairs i, j of [Δ + F(vᵢ, tⱼ) - F(vᵢ, tᵢ)]₊ + [Δ + F(vⱼ, tᵢ) - F(vᵢ, tᵢ)]₊, where F(v, t) = ⟨v, t⟩ and Δ is
    the margin; pairs whose captions are the same are no mistakes and count 0. The batch is that of all processes.

    image and text [N, E], caption [N, L]; returns [].
    """
    image, text, caption = dist.joint_gather(image), dist.joint_gather(text), dist.gather(caption)
    scores = image @ text.T  # [N, N], of image i and text j
    right = scores.diag()[:, None]
    wrong = (caption[:, None] != caption[None]).any(-1)
    excess = (margin + scores - right).relu() + (margin + scores.T - right).relu()
    return torch.where(wrong, excess, 0.0).mean()


@torch.no_grad()
def matched(image: Tensor, text: Tensor, caption: Tensor) -> Tensor:
    """Share [] of images [N, E] whose nearest text [N, E] is their own or has the same caption [N, L]."""
    nearest = (image @ text.T).argmax(1)
    return (caption[nearest] == caption).all(1).float().mean()
