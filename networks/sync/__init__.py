"""Synchronization of networks: pushes of desired configurations to libvirt, and records of what it has."""

from .apply import push
from .poll import observe
from .reconnect import note_start, record_disconnected
from .reservations import add_host, delete_hosts, found_hosts

__all__ = ["add_host", "delete_hosts", "found_hosts", "note_start", "observe", "push", "record_disconnected"]
