"""Formats of the language of the portal."""
