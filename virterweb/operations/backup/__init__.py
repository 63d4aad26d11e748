"""Backups of a portal: one archive with the database, the keys and the uploads on their way."""
