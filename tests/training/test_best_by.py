"""--best_by: which validation chooses best.keras, in which direction, over a resume; what it refuses."""

import json
import re

import numpy as np
import pytest
from metrics.network_weights import lpips_heads, network
from PIL import Image

from srgan_tf.config import TrainConfig
from srgan_tf.config.choices import METRICS
from srgan_tf.errors import UserError
from srgan_tf.flags import to_flagfile
from srgan_tf.hub import load_model, resolve
from srgan_tf.training.run_folder import open_run_folder
from srgan_tf.training.validation_metrics import Ranking

SMALL = ["--model=edsr", "--model_args=features:8,blocks:1", "--dataset=deadleaves:3", "--patch_size=32", "--ema=0",
         "--batch_size=2", "--val_images=1", "--validate_every=1", "--run_dir=run", "--learning_rate=0.01"]


@pytest.mark.parametrize("metric", METRICS)
def test_which_of_two_validations_is_better(metric):
    ranking = Ranking(metric)
    low, high, absent = (ranking.score(values) for values in ({metric: 0.2}, {metric: 0.7}, {}))
    assert (low > high) == (metric in ("niqe", "lpips", "dists"))
    assert absent < min(low, high)
    assert ranking.value(high) == 0.7


def test_the_best_validation_is_kept_over_a_resume(command, refused, tmp_path):
    np.savez(tmp_path / "alex.npz", **network("alex"), **lpips_heads("alex"))
    given = [*SMALL, "--best_by=niqe", "--lpips_weights=alex.npz"]
    for steps in (3, 6):
        done = command("train", *given, f"--steps={steps}")
        assert done.status == 0, done.err
    records = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    found = {record["step"]: record for record in records if "validation/psnr_y" in record}
    assert list(found) == [1, 2, 3, 4, 5, 6]
    best = min(found, key=lambda step: found[step]["validation/niqe"])
    assert re.search(rf"best NIQE [\d.]+ \(bicubic [\d.]+\) at step {best}\b", done.out + done.err)
    assert best != 6
    assert all(record["validation/lpips"] > 0 for record in found.values())
    best, last = (load_model(tmp_path / f"run/{name}.keras").get_weights() for name in ("best", "last"))
    assert any((one != other).any() for one, other in zip(best, last, strict=True))
    line = refused("train", *SMALL, "--steps=9")
    assert "--best_by= contradicts the run in run, which has --best_by=niqe" in line
    assert resolve(tmp_path / "run").path.name == "best.keras"


def test_a_run_of_an_earlier_version_was_by_psnr(tmp_path):
    config = TrainConfig(run_dir=str(tmp_path), best_by="niqe")
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints/ckpt-1.index").touch()
    given = to_flagfile(config)
    before = given.replace("--best_by=niqe\n", "")
    (tmp_path / "config.flags").write_text(before)
    with pytest.raises(UserError, match=r"--best_by=niqe contradicts the run in .*, which has --best_by=:"):
        open_run_folder(config, given).__enter__()
    with open_run_folder(config, f"{before}--best_by=\n"):
        pass


@pytest.fixture(scope="module")
def part(tmp_path_factory):
    """DISTS' weights without its own."""
    path = tmp_path_factory.mktemp("part") / "part.npz"
    np.savez(path, **network("vgg"))
    return path


@pytest.mark.parametrize(("arguments", "message"), [
    (["--best_by=psnr"], "--best_by must be one of psnr_y, ssim_y, psnr_rgb, ssim_rgb, niqe, lpips, dists; got 'psnr'"),
    (["--best_by=lpips"], "--best_by=lpips needs its weights: give --lpips_weights=FILE"),
    (["--best_by=dists", "--dists_weights=nowhere.pt"], "No such file or directory: nowhere.pt"),
    (["--lpips_weights=damaged.npz"], "--lpips_weights: damaged.npz:"),
    (["--best_by=dists", "--dists_weights=part.npz"], "DISTS: alpha is not among the weights"),
    (["--best_by=niqe", "--val_dataset=folder:small"],
     "NIQE can be measured on none of the 1 validation images: NIQE needs two blocks of 96 x 96 pixels; 92 x 92 pixels "
     "are left after a crop of 4. Name others with --val_dataset"),
])
def test_mistakes_are_one_line(refused, tmp_path, photo, part, arguments, message):
    (tmp_path / "small").mkdir()
    Image.fromarray(photo[:100, :100]).save(tmp_path / "small/a.png")
    (tmp_path / "damaged.npz").write_bytes(b"PK")
    (tmp_path / "part.npz").symlink_to(part)
    assert message in refused("train", *SMALL, "--steps=1", *arguments)
    assert not (tmp_path / "run/checkpoints").exists()
