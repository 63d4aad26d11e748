"""Which web server process has the serial console of a VM open."""

from django.db import models

from virterweb.hypervisors.claims.due import Due

from .vm import VM


class ConsoleClaim(Due):
    """The claim of one process on the serial console of a VM, which libvirt gives to one client at a time."""

    vm = models.OneToOneField(VM, verbose_name="VM", on_delete=models.CASCADE, related_name="console_claim")

    def __str__(self) -> str:
        return f"serial console of {self.vm}"
