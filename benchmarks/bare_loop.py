"""Saddle's rounds written out by hand for one game: same networks, same options, no trainer.

What the trainer costs is what it takes longer than this.
"""

from collections.abc import Callable
from copy import deepcopy
from typing import cast

import torch
from torch.nn.functional import softplus

from saddle.games._two_player import TwoPlayer
from saddle.runs.session import Training


def bare_loop(training: Training) -> Callable[[], None]:
    """A function that plays one round of the two-player game that `training` plays, on its data, with its options."""
    trainer, plan = training.trainer, training.recipe.plan
    game = cast(TwoPlayer, deepcopy(trainer.game))
    generator, discriminator = game.generator, game.discriminator
    averaged = deepcopy(generator).requires_grad_(False)
    optim_g = game.optim("generator").build(generator.parameters())
    optim_d = game.optim("discriminator").build(discriminator.parameters())
    weights_g, weights_d = list(generator.parameters()), list(discriminator.parameters())
    kept = [(a, b) for a, b in zip(averaged.state_dict().values(), generator.state_dict().values(), strict=True)]
    means, values = zip(*[(a, b) for a, b in kept if a.is_floating_point()], strict=True)
    is_image, bf16, fresh = training.source.spec.is_image, trainer.precision == "bf16", game.options.fresh_fakes
    train, shape = training.source.train, (plan.batch, game.options.z_dim)
    column = train.columns["image"] if is_image else train.take(slice(None))["image"].numpy()

    def draw() -> torch.Tensor:
        real = torch.from_numpy(column[torch.randint(len(column), (plan.batch,)).numpy()])
        if not is_image:
            return real
        return real.float().div_(127.5).sub_(1).contiguous(memory_format=torch.channels_last)

    def noise() -> torch.Tensor:
        return torch.randn(shape) if game.options.prior == "normal" else torch.rand(shape).mul_(2).sub_(1)

    def play_round() -> None:
        real = draw()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            with torch.set_grad_enabled(not fresh):
                fake = generator(noise())
            real_logits, fake_logits = discriminator(real).logits.float(), discriminator(fake.detach()).logits.float()
            loss = softplus(-real_logits).mean() + softplus(fake_logits).mean()
        loss.backward(inputs=weights_d)
        optim_d.step()
        optim_d.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            if fresh:
                fake = generator(noise())
            loss = softplus(-discriminator(fake).logits.float()).mean()
        loss.backward(inputs=weights_g)
        optim_g.step()
        optim_g.zero_grad()
        torch._foreach_lerp_(means, values, 0.01)

    return play_round
