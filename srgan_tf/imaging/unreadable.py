"""Why an image is not taken; `image_files` makes a line of it that names the file."""


class RefusedError(Exception):
    """An image that Pillow opens and this package does not take; the text says why."""


class BeyondPillowError(Exception):
    """A TIFF whose numbers `tiff_samples` may read; `start` is where its directory is, and the text says why."""

    def __init__(self, start: int, reason: str):
        super().__init__(reason)
        self.start = start
