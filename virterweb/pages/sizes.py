"""Numbers of bytes as texts."""


def size_text(size: int) -> str:
    """Return a number of bytes as text, in GiB or MiB."""
    mebibytes = size / 1024**2
    return f"{mebibytes / 1024:.1f} GiB" if mebibytes >= 1024 else f"{mebibytes:.1f} MiB"
