"""Which of a file's images is taken: the one that there is, or a page or frame that the user names."""

from PIL import Image

from srgan_tf.imaging.unreadable import RefusedError

# TIFF's tags (TIFF 6.0, section 8; DNG, chapter 4).
_SUBFILE_TYPE, _OLD_SUBFILE_TYPE, _SUB_DIRECTORIES, _DNG_VERSION = 254, 255, 330, 50706
_REDUCED_OR_MASK = 1 | 4  # of _SUBFILE_TYPE

# Formats with further images behind the first that are no pages: previews, depth, a live photo's frames.
_FIRST_IS_THE_IMAGE = ("MPO", "HEIF")


def to_page(image: Image.Image, page: int) -> None:
    """Turns to the one image of a file, or to the page that is wanted, from 1."""
    if image.format == "TIFF" and (_DNG_VERSION in image.tag_v2 or (
            image.tag_v2.get(_SUBFILE_TYPE, 0) & 1 and _SUB_DIRECTORIES in image.tag_v2)):
        raise RefusedError("a camera's raw image: develop it to TIFF, PNG or JPEG first")
    frames = getattr(image, "n_frames", 1)
    if not page and (frames == 1 or image.format in _FIRST_IS_THE_IMAGE):
        return
    pages = list(range(frames)) if image.format != "TIFF" else _tiff_pages(image, frames)
    if page > len(pages):
        raise RefusedError(f"there is no page {page}: the file has {len(pages)}")
    if not page and len(pages) > 1:
        what = f"{frames} pages" if image.format == "TIFF" else f"animated, {frames} frames"
        raise RefusedError(f"{what}, where one image was expected: --page=1 takes the first")
    image.seek(pages[max(page, 1) - 1])


def _tiff_pages(image: Image.Image, frames: int) -> list[int]:
    """The pages of a TIFF without its thumbnails and masks; all of them where there is nothing else."""
    pages = []
    for number in range(frames):
        image.seek(number)
        reduced = image.tag_v2.get(_SUBFILE_TYPE, 0) & _REDUCED_OR_MASK or image.tag_v2.get(_OLD_SUBFILE_TYPE) == 2
        pages += [] if reduced else [number]
    return pages or list(range(frames))
