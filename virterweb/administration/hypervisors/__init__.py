"""Hypervisors in the Admin: settings, connection test and deletion."""
