"""The model of VMs, and its parts by subject."""

from .model import PORT, VM
from .nics import NICNetworks

__all__ = ["PORT", "VM", "NICNetworks"]
