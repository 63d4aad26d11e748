"""What is wrong with a backup, or keeps one from being made or restored."""

from virterweb.messages import Failure, add_wording


class BackupError(Failure):
    """A backup is not made or not restored, and nothing has changed."""


DATABASES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}

add_wording(
    {
        "backup.unwritable": "{file} cannot be written: {reason}.",
        "backup.unreadable": "{file} cannot be read: {reason}.",
        "backup.not_one": "{file} is not a backup of this portal.",
        "backup.damaged": "{file} is damaged or cut off. Nothing was restored. Use another backup.",
        "backup.passphrase": "The passphrase does not fit {file}. Nothing was restored.",
        "backup.newer": "{file} was made by a newer version of the portal ({version}). Upgrade this one first.",
        "backup.other_database": lambda file, theirs, ours: (
            f"{file} holds a database of {DATABASES.get(theirs, theirs)}, and this portal uses "
            f"{DATABASES.get(ours, ours)}. Set DATABASE_URL to one of the same kind."
        ),
        "backup.not_empty": "This portal has users or hypervisors already, or its database is damaged. Nothing was "
        "changed. To replace everything in it, stop the portal and add --replace.",
        "backup.program": "{program} is not installed. Install the client programs of PostgreSQL, on Debian "
        "postgresql-client.",
        "backup.failed": "{program} failed, and nothing was changed: {reason}",
        "backup.no_passphrase": "{file} has no passphrase in its first line.",
        "backup.two_passphrases": "The two passphrases differ.",
    }
)
