"""AnoGAN. Unsupervised Anomaly Detection with Generative Adversarial Networks to Guide Marker Discovery.
Schlegl et al., 2017. https://arxiv.org/abs/1703.05921

A DCGAN learns normal images. For a new image, gradient descent in z finds the most similar image that the generator can
draw. It goes down A(x) = (1 - λ) Σ|x - G(z)| + λ Σ|f(x) - f(G(z))|, where f is the input of the discriminator's last
layer (Eq. 4 to 6). The value of A(x) at the last step is the anomaly score, and |x - G(z)| shows where the image is
unusual.

The paper gives λ and the number of steps, 500. Networks, prior, learning rates and β₁ are those of the code by
LeeDoYup, but its second step of the generator in a round is left out.
"""

from dataclasses import dataclass
from typing import ClassVar

from ..base.errors import UsageError
from ..base.ranges import PositiveFloat, PositiveInt, Share
from ..layers.search import Descent
from ..nets import dcgan
from ..nets.network import Network
from ..spec import DataSpec
from ..tasks import Prior, Searching, Synthesis
from ..tasks.searching import Reduction, Surprise
from ._two_player import TwoPlayer


class AnoGAN(Searching, TwoPlayer):
    in_short = "A search in a GAN's latents tells how unusual an image is, and where."
    group = "detect"
    takes = ("image",)
    forbidden: ClassVar[dict[str, str]] = {
        "conditional": "an image to be judged has no label, so anogan takes none; leave out game.conditional"
    }

    @dataclass(frozen=True)
    class Options(TwoPlayer.Options):
        network: Network = dcgan.DCGAN(kernel=5, biases=True)  # the architecture of both players
        prior: Prior = "uniform"  # distribution of a number of z: normal, or uniform in [-1, 1]
        fresh_fakes: bool = False  # draw new noise for the generator's step, or reuse the discriminator's fakes
        feature_weight: Share = 0.1  # λ: share of the discriminator's features in the score
        reduction: Reduction = "sum"  # of differences; with a mean λ does not depend on the sizes of image and features
        search_steps: PositiveInt = 500  # of the search for an image
        search_lr: PositiveFloat = 1e-3  # of its Adam
        search_restarts: PositiveInt = 1  # searches of each image from different z, of which the best counts

        def surprise(self) -> Surprise:
            return Surprise(self.feature_weight, self.reduction)

        def descent(self) -> Descent:
            return Descent(self.search_steps, self.search_lr, (0.5, 0.999), self.search_restarts)

    @dataclass(frozen=True)
    class Use(Searching.Use, Synthesis.Use):
        pass

    options: Options

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        if self.asks_features() and not self.judges_alone():
            raise UsageError(
                "anogan compares the discriminator's features of one image, and this network compares those of a "
                "batch; choose --game.network without it, or --game.feature_weight 0"
            )
        self.surprise, self.descent = self.options.surprise(), self.options.descent()

    def asks_features(self) -> bool:
        return self.options.feature_weight > 0

    @property
    def sampler(self) -> Synthesis:
        return self
