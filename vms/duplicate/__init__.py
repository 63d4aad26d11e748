"""Duplicates: VMs with copies of the disks of another VM, and with an ID, MACs and host keys of their own."""
