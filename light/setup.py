"""srgan_tf without TensorFlow, for those who only upscale: `pip install ./light`.

It is the same project from the same files with fewer requirements, so each of the two installs replaces the other.
"""

import configparser
import os
import sys
from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).resolve().parent.parent
os.chdir(ROOT)  # where setup.cfg, which says everything else, and the package are
sys.path.insert(0, str(ROOT))

from srgan_tf import __version__  # noqa: E402
from srgan_tf.errors import FULL_INSTALL_ONLY  # noqa: E402

config = configparser.ConfigParser(interpolation=None)
config.read("setup.cfg", encoding="utf-8")
requirements = config["options"]["install_requires"].split("\n")
setup(version=f"{__version__}+light",
      install_requires=[line for line in requirements if line and not line.startswith(FULL_INSTALL_ONLY)],
      exclude_package_data={"srgan_tf.pretrained": ["*.keras"]},
      options={"build": {"build_base": "build/light"}})  # of its own: what the full install left there would be in it
