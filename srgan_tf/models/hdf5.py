"""HDF5, the form of the weights within a .keras file: looked through before anything is read from it."""

from pathlib import Path

import h5py

from srgan_tf.errors import UserError


def check_hdf5(path: Path) -> None:
    """Refuses what a file of plain arrays does not hold.

    Links to other files or places, arrays whose numbers lie elsewhere, and arrays that claim more numbers than are
    stored: compressed ones, those of a fill value alone, several of the same bytes.

    Raises:
        ValueError: there is one of these.
        OSError: it is not an HDF5 file, or a damaged one.
    """
    claimed, size, links, arrays = 0, path.stat().st_size, [], []

    def visit_link(name: str, link: object) -> None:
        if not isinstance(link, h5py.HardLink):
            links.append(f"{name[:80]!r} is a link to another place ({type(link).__name__})")

    def visit(name: str, found: object) -> None:
        if isinstance(found, h5py.Dataset):
            arrays.append((name, found))

    with h5py.File(path, "r") as file:
        file.visititems_links(visit_link)  # h5py does not let errors through from there
        if links:
            raise UserError(links[0])
        file.visititems(visit)
        for name, array in arrays:
            _check_array(name, array)
            claimed += array.nbytes
            if claimed > size:
                raise UserError("its arrays, of which some share their numbers, are larger than the file")


def _check_array(name: str, array: h5py.Dataset) -> None:
    name = name[:80]
    if array.external or array.is_virtual:
        raise UserError(f"{name!r} has its numbers in another file")
    if array.dtype.kind not in "fiub" and array.dtype.itemsize != 2:  # bfloat16 is opaque to HDF5
        raise UserError(f"{name!r} holds no numbers but {array.dtype.str}")
    if array.nbytes > array.id.get_storage_size():
        raise UserError(f"{name!r} of shape {list(array.shape)} claims more numbers than are stored")
