"""Sharing single objects with users and teams, and handing them over."""
