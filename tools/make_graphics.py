#!/usr/bin/env python3
"""Draws images with clean edges to train on, for photographs have few: text, tables, line art and fine lines.

Each is drawn at twice its size and then reduced, so that edges are smooth; some lie on a photograph, and some are
turned a little. An image depends on its number, the fonts and the photographs alone.

Example:
    python tools/make_graphics.py --fonts /usr/share/fonts/truetype/dejavu --photographs photos --output graphics
"""

import argparse
import colorsys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw, ImageFont

SIDE = 640
SEED = 7
SYLLABLES = ("an", "be", "co", "de", "en", "fi", "gra", "hu", "in", "ja", "ko", "lum", "mo", "ne", "ost", "pro", "qui",
             "ra", "sta", "ter", "un", "va", "wi", "xe", "yo", "zen", "Ba", "Ch", "Do", "El", "Fr", "Gi", "Ka")
UNITS = "", "%", " kg", ":"

Colour = tuple[int, int, int]
Fonts = Sequence[Path]


def made_words(random: Generator, count: int) -> str:
    """Words that mean nothing, in capitals or not, with numbers among them."""
    words = []
    for _ in range(count):
        if random.random() < 0.12:
            words.append(f"{random.integers(10_000) / random.choice([1, 10, 100]):g}{random.choice(UNITS)}")
            continue
        word = "".join(random.choice(SYLLABLES, random.integers(1, 5)))
        for change in (str.upper, str.capitalize, str.lower):  # the last for most
            if change is str.lower or random.random() < 0.1:
                words.append(change(word))
                break
    return " ".join(words)


def two_colours(random: Generator) -> tuple[Colour, Colour]:
    """A background and a foreground: black on white as often as two of other hues; some light on dark."""
    if random.random() < 0.5:
        pair = [int(random.integers(225, 256))] * 3, [int(random.integers(0, 60))] * 3
    else:
        hues = random.random(2)
        pair = [[round(255 * part) for part in colorsys.hls_to_rgb(hue, lightness, random.uniform(0.1, 1))]
                for hue, lightness in zip(hues, (random.uniform(0.7, 0.98), random.uniform(0.02, 0.4)), strict=True)]
    light, dark = (tuple(colour) for colour in pair)
    return (light, dark) if random.random() < 0.75 else (dark, light)


def any_font(random: Generator, fonts: Fonts, smallest: int = 36, largest: int = 240) -> ImageFont.FreeTypeFont:
    """One of the fonts, in a size between two, in pixels of the drawing."""
    chosen = str(random.choice(fonts))
    return ImageFont.truetype(chosen, int(np.exp(random.uniform(np.log(smallest), np.log(largest)))))


def draw_text(random: Generator, image: Image.Image, fonts: Fonts, colour: Colour) -> None:
    """Lines of one font, until the image ends."""
    draw, font = ImageDraw.Draw(image), any_font(random, fonts)
    top, left = random.integers(-40, 80), random.integers(-60, 120)
    while top < image.height:
        draw.text((left, top), made_words(random, 40), fill=colour, font=font)
        top += font.size * random.uniform(1.15, 1.3)


def draw_rows(random: Generator, image: Image.Image, fonts: Fonts, colour: Colour) -> None:
    """Paragraphs in several sizes, most with a rule below."""
    draw, top = ImageDraw.Draw(image), int(random.integers(0, 60))
    while top < image.height:
        font, left = any_font(random, fonts, 40, 140), int(random.integers(0, 100))
        for _ in range(int(random.integers(1, 5))):
            draw.text((left, top), made_words(random, 24), fill=colour, font=font)
            top += int(font.size * 1.2)
        if random.random() < 0.6:
            draw.line((0, top, image.width, top), fill=colour, width=int(random.integers(2, 10)))
        top += int(random.integers(8, 60))


def draw_shapes(random: Generator, image: Image.Image, fonts: Fonts, colour: Colour) -> None:
    """Curves, polygons, ellipses and boxes, filled or not."""
    draw, width = ImageDraw.Draw(image), int(random.integers(3, 18))
    for _ in range(int(random.integers(8, 40))):
        points = random.uniform(-0.1, 1.1, (random.integers(3, 6), 2)) * image.width
        fill = None if random.random() < 0.5 else two_colours(random)[0]
        kind = random.integers(4)
        if kind == 0:
            share = np.linspace(0, 1, 60)[:, None]
            curve = (1 - share) ** 2 * points[0] + 2 * share * (1 - share) * points[1] + share**2 * points[2]
            draw.line([tuple(point) for point in curve], fill=colour, width=width, joint="curve")
        elif kind == 1:
            draw.polygon([tuple(point) for point in points], fill=fill, outline=colour, width=width)
        else:
            (left, right), (top, bottom) = np.sort(points[:2, 0]), np.sort(points[:2, 1])
            box = left, top, right + 4, bottom + 4
            if kind == 2:
                draw.ellipse(box, fill=fill, outline=colour, width=width)
            else:
                draw.rounded_rectangle(box, radius=24, fill=fill, outline=colour, width=width)
    if random.random() < 0.5:
        place = tuple(random.uniform(0, 0.6, 2) * image.width)
        draw.text(place, made_words(random, 3), fill=colour, font=any_font(random, fonts))


def draw_lines(random: Generator, image: Image.Image, fonts: Fonts, colour: Colour) -> None:
    """Rays, a grid or rings, as charts, plans and engravings have."""
    draw, centre = ImageDraw.Draw(image), random.uniform(0, 1, 2) * image.width
    width, step = int(random.integers(2, 12)), random.uniform(24, 120)
    kind = random.integers(3)
    for number in range(-60, 120):
        if kind == 0:
            angle = 0.1 + number * step / 1200
            end = centre + 3000 * np.array((np.cos(angle), np.sin(angle)))
            draw.line((*centre, *end), fill=colour, width=width)
        elif kind == 1:
            place = number * step
            draw.line((place, 0, place + centre[0], image.height), fill=colour, width=width)
            if centre[1] > image.width / 2:
                draw.line((0, place, image.width, place + centre[1] / 2), fill=colour, width=width)
        elif number > 0:
            draw.ellipse((*(centre - number * step), *(centre + number * step)), outline=colour, width=width)
    if random.random() < 0.5:
        draw.text((centre[0] / 2, centre[1]), made_words(random, 4), fill=colour, font=any_font(random, fonts))


KINDS = draw_text, draw_rows, draw_rows, draw_shapes, draw_shapes, draw_lines


def background(random: Generator, size: tuple[int, int], colour: Colour, photographs: Sequence[Path]
               ) -> tuple[Image.Image, Colour | None]:
    """A photograph, a ramp between two colours or one colour; and another foreground, where the photograph asks it."""
    if random.random() < 0.3:
        photograph = Image.open(random.choice(photographs)).convert("RGB")
        side = min(photograph.size)
        image = photograph.crop((0, 0, side, side)).resize(size, Image.Resampling.LANCZOS)
        if random.random() < 0.5:
            return image, (255, 255, 255) if np.mean(image) < 128 else (0, 0, 0)
        return image, None
    if random.random() < 0.3:
        other = two_colours(random)[0]
        ramp = Image.linear_gradient("L").rotate(float(random.choice([0, 90, 180, 270]))).resize(size)
        return Image.composite(Image.new("RGB", size, colour), Image.new("RGB", size, other), ramp), None
    return Image.new("RGB", size, colour), None


def draw_graphic(number: int, fonts: Fonts, photographs: Sequence[Path]) -> Image.Image:
    """The image of a number, RGB, SIDE x SIDE."""
    random = np.random.default_rng([SEED, number])
    below, colour = two_colours(random)
    image, other = background(random, (2 * SIDE, 2 * SIDE), below, photographs)
    KINDS[random.integers(len(KINDS))](random, image, fonts, other or colour)
    if random.random() < 0.4:
        image = image.rotate(random.uniform(-12, 12), Image.Resampling.BICUBIC, fillcolor=below)
    return image.resize((SIDE, SIDE), Image.Resampling.LANCZOS if random.random() < 0.5 else Image.Resampling.BOX)


def main() -> None:
    """Writes the images as PNG."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fonts", nargs="+", type=Path, required=True, help="folders of .ttf files")
    parser.add_argument("--photographs", type=Path, required=True, help="folder of images to draw upon")
    parser.add_argument("--count", type=int, default=400, help="how many to draw (%(default)s)")
    parser.add_argument("--output", type=Path, required=True, help="folder for them")
    arguments = parser.parse_args()
    if not arguments.photographs.is_dir():
        parser.error(f"--photographs={arguments.photographs}: no such folder")
    fonts = sorted(path for folder in arguments.fonts for path in folder.rglob("*.ttf"))
    photographs = sorted(path for path in arguments.photographs.iterdir() if path.is_file())
    if not fonts or not photographs:
        parser.error("no .ttf file in --fonts" if photographs else f"no image in {arguments.photographs}")
    arguments.output.mkdir(parents=True, exist_ok=True)
    for number in range(arguments.count):
        draw_graphic(number, fonts, photographs).save(arguments.output / f"graphic_{number:04}.png")


if __name__ == "__main__":
    main()
