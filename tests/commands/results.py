"""What the commands leave."""

from PIL import Image


def opened(path) -> Image.Image:
    with Image.open(path) as image:
        image.load()
    return image


def left(folder) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
