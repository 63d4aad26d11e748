"""Fetching of images from web servers by the worker: resumable, with a checksum, and only from public addresses."""
