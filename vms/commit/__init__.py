"""Commit: the boot disk of a VM becomes an image that other VMs can be run from."""
