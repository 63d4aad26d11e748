"""Hypervisors: their settings, a test of the connection, and what is forgotten with one."""
