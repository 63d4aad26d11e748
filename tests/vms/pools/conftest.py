"""The hypervisor of the tests of unused volumes, whose pool is named pool."""

from tests.vms.leftovers.conftest import host, lab

__all__ = ["host", "lab"]
