"""What only a CUDA device can show. Run by `pytest -m gpu`."""

import pytest
import torch
from small import GAMES, make_trainer

pytestmark = pytest.mark.gpu


def on_gpu(name: str, **plan):
    trainer = make_trainer(name, device="cuda", **plan)
    while trainer.round < trainer.rounds:
        trainer.play_round()
    return trainer


@pytest.mark.parametrize("name", GAMES)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_round_is_finite_on_a_gpu(name, precision):
    trainer = on_gpu(name, rounds=2, precision=precision)
    assert trainer.losses
    assert all(torch.isfinite(loss) for loss in trainer.losses.values())


@pytest.mark.parametrize("name", GAMES)
def test_a_gpu_gives_the_same_bits_twice(name):
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
    one, two = (on_gpu(name, rounds=3).state().tensors for _ in range(2))
    assert [k for group in one for k in one[group] if not torch.equal(one[group][k], two[group][k])] == []


@pytest.mark.parametrize("name", GAMES)
def test_a_loss_on_a_gpu_is_close_to_that_on_a_processor(name):
    there, here = make_trainer(name, device="cuda"), make_trainer(name)
    with torch.no_grad():
        for one, other in zip(there.game.parameters(), here.game.parameters(), strict=True):
            one.copy_(other)
    # the noise differs between devices, so what is compared is the judgement of the same samples
    x = torch.rand(4, *here.game.data.shape) * 2 - 1
    for name, player in here.game.players().items():
        if name.startswith(("discriminator", "judge")):
            a, b = player.eval()(x), there.game.get_submodule(name).eval()(x.cuda())
            assert torch.allclose(getattr(a, "logits", a), getattr(b, "logits", b).cpu(), atol=1e-3)
