"""Games whose latent is a code that an encoder finds, and may end in a condition."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..layers.conditional import shares
from ..tasks import Encoding, Sweep, Traversal, part, rows_of


class Coded(Traversal, Encoding):
    """A latent is [z, c], c a one-hot class, or columns, or what an encoder believes of them; or it is z alone."""

    averaged = ("encoder", "generator")
    condition_beside = False

    @dataclass(frozen=True)
    class Options(Traversal.Options):
        @property
        def found(self) -> bool:
            return True

    options: Options

    @property
    def code_dim(self) -> int:
        """Numbers in a latent."""
        return self.options.z_dim + (len(self.condition.names) if self.condition else 0)

    def prior(self, n: int) -> Tensor:
        """z as it is drawn.  [n, z_dim]"""
        return self.draw_prior(n, self.options.z_dim)

    def noise(self, n: int, label: Tensor | None = None) -> Tensor:
        """z and, where there is one, the condition: that of labels [n, …], else one drawn.  [n, code_dim]"""
        return self.with_class(self.prior(n), self.draw_label(n) if label is None else label)

    @property
    def told_beside(self) -> None:
        return None

    def latent_parts(self) -> list[dict[str, Any]]:
        z, condition = self.prior_parts(self.options.z_dim), self.condition
        if condition is None:
            return z
        if condition.kind != "class":
            of_data = {"names": list(condition.names), "rows": rows_of(self.data)}
            return [*z, part("label", len(condition.names), "data", **of_data)]
        shares = {"shares": list(self.data.distribution)} if self.data.distribution else {}
        return [*z, part("label", len(condition.names), "one-hot", names=list(condition.names), **shares)]

    def with_class(self, z: Tensor, label: Tensor | None) -> Tensor:
        """[z, c], of labels int64 [N] or columns [N, K]; z alone without them."""
        return z if label is None else torch.cat((z, shares(label, len(self.labels)).to(z)), dim=1)

    def sweeps(self, steps: int, reach: float | None = None) -> dict[str, Sweep]:
        """As in every traversal; columns come first, by name, each from its least to its greatest in the data."""
        latents = super().sweeps(steps, 1.0 if reach is None and self.options.prior == "uniform" else reach)
        if self.condition is None or self.condition.kind == "class":
            return latents
        rows, begin = torch.tensor(self.data.distribution, device=self.device, dtype=self.dtype), self.options.z_dim
        ways = torch.linspace(0, 1, steps, device=self.device, dtype=self.dtype)[:, None]
        values = torch.lerp(rows.amin(0), rows.amax(0), ways)  # [steps, K]
        columns = {
            name: Sweep(slice(begin + i, begin + i + 1), values[:, i : i + 1])
            for i, name in enumerate(self.condition.names)
        }
        return columns | latents

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """The images of latents [N, code_dim], [N, C, H, W] in [-1, 1]. Labels [N, …] replace their conditions."""
        code = z if label is None else self.with_class(z[:, : self.options.z_dim], label)
        return super().decode(self.standardised(code))

    def standardised(self, code: Tensor) -> Tensor:
        """Codes [N, code_dim] as the players take them: numbers of a condition may want another scale.

        [N, code_dim]
        """
        return code
