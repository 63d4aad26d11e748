"""The data folder holds password hashes, keys and disks: only the portal's own user may read it."""

import os
from pathlib import Path

OTHERS = 0o077  # the bits of a file's mode that speak of its group and of everybody else


def restrict_new_files() -> None:
    """Make all new files of this process private to its user. Called at the start of each process of the portal."""
    os.umask(OTHERS)


def prepare(folder: Path) -> None:
    """Create the folder, or remove the permissions of group and others from it and from the files in it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in (folder, *folder.iterdir()):
        _restrict(path)


def _restrict(path: Path) -> None:
    """Remove the permissions, unless the file is gone, is a link to another place or belongs to somebody else."""
    try:
        found = path.lstat()
        if found.st_mode & OTHERS and not path.is_symlink() and found.st_uid == os.geteuid():
            path.chmod(found.st_mode & 0o7700)
    except FileNotFoundError:
        return
