"""What is not there, or cannot be written, is said before a framework is imported and anything is built."""

import pytest

from srgan_tf import flags


@pytest.fixture(autouse=True)
def _no_framework(monkeypatch):
    def late(*arguments):
        raise AssertionError("a framework is imported first")

    for name in ("require_tensorflow", "import_keras", "quiet_imports"):
        monkeypatch.setattr(flags, name, late)


@pytest.mark.parametrize(("verb", "arguments", "message"), [
    ("train", ["--dataset=folder:nowhere"], "folder:nowhere: no such folder"),
    ("train", ["--dataset=deadleaves", "--val_dataset=folder:nowhere"], "folder:nowhere: no such folder"),
    ("train", ["--dataset=deadleaves", "--run_dir=/proc/nowhere"], "/proc/nowhere"),
    ("train", ["--dataset=deadleaves", "--init_from=nowhere"], "--init_from=nowhere: no model 'nowhere'"),
    ("train", ["--flagfile=esrgan.flags", "--dataset=deadleaves"],
     "--init_from=runs/esrgan_psnr: no such file or folder; a run must be trained first, by train "
     "--flagfile=esrgan_psnr.flags"),
    ("train", ["--dataset=deadleaves", "--init_from=mine/first/last.keras"],
     "--init_from=mine/first/last.keras: no such file or folder; a run must be trained first"),
    ("train", ["--dataset=deadleaves", "--init_from=mine/first.pth"], "--init_from=mine/first.pth: no model 'mine/"),
    ("train", ["--dataset=deadleaves", "--teacher=nowhere", "--losses=teacher:1"],
     "--teacher=nowhere: no model 'nowhere'"),
    ("prepare", ["--dataset=deadleaves", "--teacher=nowhere", "--output=records"], "no model 'nowhere'"),
    ("train", ["--dataset=deadleaves", "--degradation=realsr", "--kernel_pool=kernels"],
     "--kernel_pool=kernels: no such folder"),
    ("prepare", ["--preview", "--degradation=realsr", "--noise_pool=noise"], "--noise_pool=noise: no such folder"),
    ("prepare", ["--preview", "--dataset=folder:nowhere"], "folder:nowhere: no such folder"),
    ("prepare", ["--preview", "--output=sheet.txt"], "sheet.txt: the suffix must be one of .png, "),
    ("prepare", ["--preview", "--output=/proc/nowhere/a.png"], "/proc/nowhere"),
    ("export", ["--model=nowhere", "--output=out"], "no model 'nowhere'"),
    ("serve", ["--model=nowhere"], "no model 'nowhere'"),
    ("interpolate", ["--model_a=fidelity_x4", "--model_b=perceptual_x4", "--input=nowhere.png"],
     "No such file or directory: nowhere.png"),
])
def test_it_is_said_at_once(verb, arguments, message, refused, tmp_path):
    assert message in refused(verb, *arguments)
    assert not list(tmp_path.iterdir())
