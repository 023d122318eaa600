"""Batch norm with a set of statistics for each of several truncations, between which it interpolates.

What samples are like depends on how their latents are truncated. The weights of BigGAN that DeepMind published carry 51
sets, for 0, 0.02, …, 1.
"""

import math
from typing import Any, TypeVar

from torch import Tensor, nn

Net = TypeVar("Net", bound=nn.Module)
NEAR = 1e-6  # of a step: so far from a set is on it


def keep(network: Net, sets: int) -> Net:
    """The network, with `sets` sets of means and variances beside the statistics of each batch norm; none if 0."""
    for norm in _norms(network) if sets else ():
        norm.register_buffer("means", norm.running_mean.new_zeros(sets, norm.num_features))
        norm.register_buffer("variances", norm.running_var.new_ones(sets, norm.num_features))
    return network


def look_up(network: nn.Module, truncation: float, swapped: bool = False) -> None:
    """Put the statistics for a truncation, from 0 to 1, in the place of those of every batch norm that has sets."""
    for norm in _norms(network):
        place = weighed(truncation, len(norm.means), swapped)
        norm.running_mean.copy_(_mixed(norm.means, place))
        norm.running_var.copy_(_mixed(norm.variances, place))


def weighed(truncation: float, sets: int, swapped: bool = False) -> dict[int, float]:
    """The sets that make up the statistics for a truncation from 0 to 1, each with its weight.

    `swapped` is how pytorch-pretrained-BigGAN has it: the weight of each of two sets is that of the other, and rounding
    takes some truncations that have a set of their own, such as 0.14, for ones between two sets.
    """
    if swapped:
        share, low = math.modf(truncation / (1.0 / (sets - 1)))
        return {int(low): share, int(low) + 1: 1 - share} if share else {int(low): 1.0}
    place = truncation * (sets - 1)
    if abs(place - round(place)) < NEAR:
        return {round(place): 1.0}
    low = math.floor(place)
    return {low: low + 1 - place, low + 1: place - low}


def _mixed(table: Tensor, place: dict[int, float]) -> Tensor:
    """The rows of a table [sets, C], each times its weight: [C]"""
    rows = [table[row] * weight for row, weight in place.items()]
    return rows[0] if len(rows) == 1 else rows[0] + rows[1]


def _norms(network: nn.Module) -> list[Any]:
    return [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
