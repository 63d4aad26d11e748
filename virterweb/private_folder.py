"""The data folder holds passwords' hashes, keys and disks: nobody but the portal's own user may look into it."""

import os
from pathlib import Path

OTHERS = 0o077  # the bits of a file's mode that speak of its group and of everybody else


def restrict_new_files() -> None:
    """Create every file of this process for its own user alone. Called where a process of the portal begins."""
    os.umask(OTHERS)


def prepare(folder: Path) -> None:
    """Create the folder, or take group and others off an existing one and off what lies directly in it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in (folder, *folder.iterdir()):
        _restrict(path)


def _restrict(path: Path) -> None:
    """Take the bits off, unless the file went meanwhile, is a link to elsewhere or belongs to somebody else."""
    try:
        found = path.lstat()
        if found.st_mode & OTHERS and not path.is_symlink() and found.st_uid == os.geteuid():
            path.chmod(found.st_mode & 0o7700)
    except FileNotFoundError:
        return
