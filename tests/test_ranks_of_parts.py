"""Parts that look at a whole batch see that of all processes."""

import subprocess
from pathlib import Path

from parts_rank import STATISTICS, play_with_parts
from safetensors.torch import load_file
from test_ranks import TORCHRUN


def test_comparison_virtual_norm_views_means_and_medians_of_features_and_look_ahead_are_the_whole_batchs(tmp_path):
    done = subprocess.run(
        [*TORCHRUN, str(Path(__file__).parent / "parts_rank.py"), str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    ones = {statistic: play_with_parts(statistic) for statistic in STATISTICS}
    moved = {name: (ones["mean"][name].double() - ones["median"][name].double()).abs().max() for name in ones["mean"]}
    assert max(moved.values()) > 1e-9, "means and medians are not the same game"
    for statistic, one in ones.items():
        assert one["views.0.p"] > 0
        for rank in (0, 1):
            two = load_file(tmp_path / f"{statistic}.{rank}.safetensors")
            assert max((two[k].double() - t.double()).abs().max() for k, t in one.items()) < 1e-12
