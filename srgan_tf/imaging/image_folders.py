"""Which folders below one that the user named hold images of the user's, and not a program's."""

# Thumbnails, waste baskets and snapshots that Synology, QNAP, Windows and macOS put beside a user's files.
_PROGRAMS = frozenset(name.casefold() for name in (
    "@eaDir", "@Recycle", "@Recently-Snapshot", "@__thumb", "#recycle", "#snapshot", "$RECYCLE.BIN",
    "System Volume Information", "__MACOSX", "lost+found"))


def is_left_alone(name: str) -> bool:
    """Whether a folder of this name is passed over where folders are searched: hidden (.thumbnails), or a program's."""
    return name.startswith(".") or name.casefold() in _PROGRAMS
