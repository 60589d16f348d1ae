"""LiteRT.js, which runs .tflite files in browsers: two packages of npm, Apache-2.0, 12 MB, that are not in this one."""

import dataclasses
import tarfile
from collections.abc import Iterator
from pathlib import Path

from srgan_tf.errors import UserError
from srgan_tf.hub.kept import cache_folder, digest_of, is_offline
from srgan_tf.hub.published import say_on_stderr
from srgan_tf.text import expand

VERSION = "2.5.3"
NAME = "@litertjs"
OR_NPM = ", or name a folder of npm with --litert_js"


@dataclasses.dataclass(frozen=True)
class Package:
    """A package of npm: its name after `@litertjs/`, what its .tgz must be, and which of its files are taken."""

    name: str
    sha256: str
    size: int
    files: tuple[str, ...]

    @property
    def archive(self) -> str:
        return f"{self.name}-{VERSION}.tgz"

    @property
    def url(self) -> str:
        return f"https://registry.npmjs.org/{NAME}/{self.name}/-/{self.archive}"


# With relaxed SIMD, with threads too, and with neither, for Safari.
BUILDS = ("litert_wasm_internal", "litert_wasm_threaded_internal", "litert_wasm_compat_internal")
CORE = Package("core", "a97660833e9e7e1063c95e12016718881240b14f7438728a2f62785e912d30fd", 11_817_097,
               ("dist/index.js", *(f"wasm/{build}.{ending}" for build in BUILDS for ending in ("js", "wasm"))))
UTILS = Package("wasm-utils", "ce2a1f8379c067be49e59752e5a7f40db6be09f6e497f0f11e59f17b515366a7", 4_698,
                ("dist/index.js",))


def litert_js(folder: str = "", offline: bool = False) -> Iterator[tuple[str, bytes]]:
    """The files of LiteRT.js, each with its path in a site.

    Args:
        folder: node_modules/@litertjs, or a folder with the two .tgz files of `npm pack`; empty: the cache, where they
            are downloaded to once.
        offline: whether nothing may be downloaded; the environment variable SRGAN_TF_OFFLINE says so too.

    Raises:
        UserError: a file is missing or is another one.
        OSError: they cannot be downloaded, or must not be.
    """
    for package in (CORE, UTILS):
        for file, content in _contents(package, expand(folder) if folder else None, offline):
            place = file if file.startswith("wasm/") else f"{package.name}.js"
            if place == f"{CORE.name}.js":
                content = _with_relative_import(content)
            yield place, content


def _contents(package: Package, folder: Path | None, offline: bool) -> Iterator[tuple[str, bytes]]:
    """Each file that is taken of a package."""
    if folder and (folder / package.name).is_dir():
        for file in package.files:
            yield file, (folder / package.name / file).read_bytes()
        return
    archive = _archive(package, folder, offline)
    with tarfile.open(archive) as members:
        for file in package.files:
            yield file, members.extractfile(f"package/{file}").read()


def _archive(package: Package, folder: Path | None, offline: bool) -> Path:
    names = [package.archive, f"litertjs-{package.archive}"]  # of the registry, and of `npm pack`
    path = next((folder / name for name in names if (folder / name).is_file()), None) if folder else (
        cache_folder() / "npm" / f"litertjs-{package.archive}")
    if path is None:
        raise UserError(f"--litert_js={folder} has neither a folder {package.name} nor a file {package.archive}: name "
                        f"the folder node_modules/{NAME} after `npm install {NAME}/core@{VERSION}`")
    if not folder and not path.is_file():
        if is_offline(offline):
            raise FileNotFoundError(f"{package.url} is not on this machine, and downloads are forbidden (offline): "
                                    f"save it as {path}{OR_NPM}")
        say_on_stderr(f"{NAME}/{package.name} {VERSION}, licence Apache-2.0, {package.size / 1e6:.1f} MB, is "
                      f"downloaded from {package.url} to {path}")
        from srgan_tf.hub.download import download

        download(package.url, path, sha256=package.sha256, size=package.size, instead=OR_NPM)
    if digest_of(path) != package.sha256:
        raise UserError(f"{path} is not {NAME}/{package.name} {VERSION}: its SHA-256 differs; delete it")
    return path


def _with_relative_import(content: bytes) -> bytes:
    """Browsers find no packages by their names, and workers have no import maps."""
    former, new = (f'from "{name}"'.encode() for name in (f"{NAME}/{UTILS.name}", f"./{UTILS.name}.js"))
    if content.count(former) != 1:
        raise UserError(f"{NAME}/{CORE.name} is not version {VERSION}: it does not import {NAME}/{UTILS.name} once")
    return content.replace(former, new)
