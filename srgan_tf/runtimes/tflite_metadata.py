"""The ModelInfo of a .tflite file: metadata named `srgan_tf`, which other software passes over.

A .tflite file is a FlatBuffer: tables and vectors that point forward to what they hold. Rebuilt with its schema's
Python classes, all of it would move. So a new root goes in front, and the file follows as it was, byte for byte:

    root table, list of metadata, list of buffers, the new entry of each | the whole former file, its root unused
"""

import struct
import sys
from typing import Any

from srgan_tf.runtimes.base import LARGEST_INFO, ModelInfo

NAME = b"srgan_tf"
IDENTIFIER = b"TFL3"
STEP = 64  # what lies in the file keeps its alignment
MOST_ENTRIES = 64
# Places of fields in their tables' vtables (schema.fbs).
VERSION, BUFFERS, METADATA = 4, 12, 16
METADATA_NAME, METADATA_BUFFER = 4, 6
BUFFER_DATA = 4


def read_info(content: bytes) -> ModelInfo | None:
    """What a .tflite file says of itself; None where it says nothing that can be found.

    Raises:
        UserError: it says something that cannot be.
    """
    try:
        text = _find_text(content)
    except Exception:  # FlatBuffers raise whatever they met in a damaged file, which LiteRT will explain
        return None
    return ModelInfo.from_json(text) if text else None


def _find_text(content: bytes) -> bytes:
    """What the metadata named NAME hold, up to a byte more than can be; empty where there are none."""
    from flatbuffers.table import Table  # the schema's classes, which add_info uses, take 12 ms to import

    root = Table(content, 0)
    root.Pos = root.Indirect(0)
    for entry in (Table(content, place) for place in _targets(root, METADATA, MOST_ENTRIES)):
        name, buffer = entry.Offset(METADATA_NAME), entry.Offset(METADATA_BUFFER)
        if name and entry.String(entry.Pos + name) == NAME:
            number = struct.unpack_from("<I", content, entry.Pos + buffer)[0] if buffer else 0
            table = Table(content, root.Indirect(root.Vector(root.Offset(BUFFERS)) + 4 * number))
            data = table.Offset(BUFFER_DATA)
            start, length = (table.Vector(data), table.VectorLen(data)) if data else (0, 0)
            return content[start : start + min(length, LARGEST_INFO + 1)]
    return b""


def add_info(content: bytes, info: ModelInfo) -> bytes:
    """A .tflite file that says `info` of itself, in place of what it may have said before.

    Args:
        content: of a file whose buffers all lie within its tables, as those below 2 GB do.
        info: what to say.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(content, 0)
    table = model._tab
    slots = [slot for slot in range(4, 4 + 2 * 16, 2) if table.Offset(slot)]
    kept = {slot: table.Indirect(table.Pos + table.Offset(slot)) for slot in slots if slot != VERSION}
    entries = [target for index, target in enumerate(_targets(table, METADATA)) if model.Metadata(index).Name() != NAME]
    buffers = _targets(table, BUFFERS)

    head = bytearray(8)
    head[4:] = IDENTIFIER
    inside: dict[int, int] = {}  # place of an offset in the head: the place in the head that it points to
    outside: dict[int, int] = {}  # the same, to a place in the former file
    inside[0], root = _add_table(head, sorted({*slots, METADATA}))
    struct.pack_into("<I", head, root[VERSION], model.Version())
    outside.update({root[slot]: target for slot, target in kept.items() if slot not in (BUFFERS, METADATA)})
    places = {}
    for slot, targets in ((METADATA, entries), (BUFFERS, buffers)):
        inside[root[slot]] = _add(head, struct.pack("<I", len(targets) + 1) + bytes(4 * len(targets) + 4))
        first = inside[root[slot]] + 4
        outside.update({first + 4 * index: target for index, target in enumerate(targets)})
        places[slot] = first + 4 * len(targets)
    inside[places[METADATA]], entry = _add_table(head, [METADATA_NAME, METADATA_BUFFER])
    struct.pack_into("<I", head, entry[METADATA_BUFFER], len(buffers))
    inside[places[BUFFERS]], buffer = _add_table(head, [BUFFER_DATA])
    inside[entry[METADATA_NAME]] = _add(head, struct.pack("<I", len(NAME)) + NAME + b"\0")
    text = info.to_json().encode()
    _add(head, bytes(-(len(head) + 4) % 16))  # the schema asks for data at multiples of 16
    inside[buffer[BUFFER_DATA]] = _add(head, struct.pack("<I", len(text)) + text)
    _add(head, b"", STEP)
    for links, shift in ((inside, 0), (outside, len(head))):
        for place, target in links.items():
            struct.pack_into("<I", head, place, target + shift - place)
    return bytes(head) + content


def _targets(table: Any, slot: int, most: int = sys.maxsize) -> list[int]:
    """Where the entries of a vector of tables lie; of more than `most`, the first."""
    offset = table.Offset(slot)
    if not offset:
        return []
    start, count = table.Vector(offset), table.VectorLen(offset)
    return [table.Indirect(start + 4 * index) for index in range(min(count, most))]


def _add(head: bytearray, data: bytes, alignment: int = 4) -> int:
    """Appends data at the next multiple of the alignment; returns its place."""
    head.extend(bytes(-len(head) % alignment))
    head.extend(data)
    return len(head) - len(data)


def _add_table(head: bytearray, slots: list[int]) -> tuple[int, dict[int, int]]:
    """Appends a table of a four-byte field for each slot, all zero; returns its place and those of the fields."""
    offsets = {slot: 4 + 4 * number for number, slot in enumerate(slots)}
    known = range(4, max(slots) + 2, 2)
    vtable = _add(head, struct.pack(f"<{len(known) + 2}H", 4 + 2 * len(known), 4 + 4 * len(slots),
                                    *(offsets.get(slot, 0) for slot in known)))
    place = _add(head, bytes(4 + 4 * len(slots)))
    struct.pack_into("<i", head, place, place - vtable)
    return place, {slot: place + offset for slot, offset in offsets.items()}
