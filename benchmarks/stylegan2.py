"""StyleGAN2 in the order of NVlabs/stylegan2-ada-pytorch, training/loss.py at 375a436 and training_loop.py at 0e9b616.

Four phases, each with latents, a pass and a step of its own: the generator's loss, its path length in every fourth
round, the discriminator's loss, its penalty on images in every sixteenth. Who does not move is frozen. In the
discriminator's phase fakes and images have a backward pass each. Before a step, gradients are freed of what is not
finite. Without augmentation, in fp32, as these small sizes have it there.
"""

from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import softplus

from saddle.runs.session import Training

from .against import Theirs, against, opening, plain_adam
from .timing import Figure

PATH_EVERY, R1_EVERY = 4, 16
PATH_WEIGHT, R1_WEIGHT = 2.0, 10.0


def measure(folder: Path, seconds: float) -> dict[str, Figure]:
    network = {"channel_base": 512, "channel_max": 64, "w_dim": 64, "mapping_layers": 2}
    edits = {f"game__network__{name}": value for name, value in network.items()}
    opened = opening("stylegan2", folder, 32, game__conditional=False, game__views=(), data__size=16, **edits)
    return against("stylegan2", opened, Loop, seconds, count=R1_EVERY)


class Loop(Theirs):
    """Called, it plays one round."""

    def __init__(self, training: Training):
        super().__init__(training)
        self.rounds, self.mean_length = 0, torch.zeros(())
        self.generator.requires_grad_(False)
        self.discriminator.requires_grad_(False)
        g, d = ((every / (every + 1)) for every in (PATH_EVERY, R1_EVERY))
        optim_g = plain_adam(self.generator, (0.0, 0.99**g))
        optim_d = plain_adam(self.discriminator, (0.0, 0.99**d))
        self.phases = (
            (self.generator, optim_g, 1, self.deceive),
            (self.generator, optim_g, PATH_EVERY, self.even_out),
            (self.discriminator, optim_d, 1, self.tell_apart),
            (self.discriminator, optim_d, R1_EVERY, self.flatten),
        )

    def __call__(self) -> None:
        real, latents = self.real(), torch.randn(len(self.phases), self.batch, self.z_dim)
        for (network, optim, every, backward), z in zip(self.phases, latents, strict=True):
            if self.rounds % every:
                continue
            optim.zero_grad()
            network.requires_grad_(True)
            backward(real, z)
            network.requires_grad_(False)
            for parameter in network.parameters():
                if parameter.grad is not None:
                    torch.nan_to_num(parameter.grad, nan=0, posinf=1e5, neginf=-1e5, out=parameter.grad)
            optim.step()
        self.average()
        self.rounds += 1

    def logits(self, x: Tensor) -> Tensor:
        return self.discriminator(x).logits

    def deceive(self, real: Tensor, z: Tensor) -> None:
        softplus(-self.logits(self.generator(z))).mean().backward()

    def even_out(self, real: Tensor, z: Tensor) -> None:
        styles = self.generator.styles(z[: self.batch // 2])
        image = self.generator.synthesis(styles)
        noise = torch.randn_like(image) / (image.shape[2] * image.shape[3]) ** 0.5
        (gradient,) = torch.autograd.grad((image * noise).sum(), styles, create_graph=True)
        lengths = gradient.square().sum(2).mean(1).sqrt()
        mean = self.mean_length.lerp(lengths.mean(), 0.01)
        self.mean_length = mean.detach()
        ((lengths - mean).square() * PATH_WEIGHT).mean().mul(PATH_EVERY).backward()

    def tell_apart(self, real: Tensor, z: Tensor) -> None:
        softplus(self.logits(self.generator(z))).mean().backward()
        softplus(-self.logits(real)).mean().backward()

    def flatten(self, real: Tensor, z: Tensor) -> None:
        real = real.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(self.logits(real).sum(), real, create_graph=True)
        (gradient.square().sum((1, 2, 3)) * R1_WEIGHT / 2).mean().mul(R1_EVERY).backward()
