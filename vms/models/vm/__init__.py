"""The model of VMs, its parts by subject, and templates of VMs."""

from .model import PORT, VM
from .nics import NICNetworks
from .template import VMTemplate

__all__ = ["PORT", "VM", "NICNetworks", "VMTemplate"]
