"""Data about users beside the accounts of Django."""

from datetime import timedelta
from ipaddress import ip_address, ip_network

from django.db import models
from django.db.models import Q
from django.utils import timezone

WINDOW = timedelta(minutes=10)
MAX_OF_BOTH, MAX_OF_ADDRESS, MAX_OF_NAME = 10, 30, 60  # failures within it


class SignInAttempt(models.Model):
    """A failed attempt to sign in, kept for as long as it counts, and shared by all processes."""

    name = models.CharField(max_length=150)
    address = models.CharField(max_length=64, db_index=True)
    at = models.DateTimeField(default=timezone.now, db_index=True)

    def __str__(self) -> str:
        return f"{self.name} from {self.address}"

    @classmethod
    def begin(cls, name: str, address: str, *, known: bool = False) -> "SignInAttempt | None":
        """Record an attempt before the password is checked, so that parallel ones count; None after too many failures.

        `known` is a browser in which this user has signed in: failures in other browsers do not block it.
        """
        cls.objects.filter(at__lt=timezone.now() - WINDOW).delete()
        attempt = cls.objects.create(name=name.lower()[:150], address=_block(address))
        named, near = Q(name=attempt.name), Q(address=attempt.address)
        limits = [(named & near, MAX_OF_BOTH), (near, MAX_OF_ADDRESS)]
        limits += [] if known else [(named, MAX_OF_NAME)]
        if all(cls.objects.filter(which).count() <= most for which, most in limits):
            return attempt
        attempt.delete()  # who goes on trying is not kept out for ever
        return None

    def succeeded(self) -> None:
        """Forget the failures before."""
        SignInAttempt.objects.filter(name=self.name, address=self.address).delete()


def _block(address: str) -> str:
    """Return an address as it is counted: for IPv6 its /64, all of which one guest may have."""
    try:
        found = ip_address(address)
    except ValueError:  # of a socket in the file system there is none
        return address[:64]
    return str(ip_network(f"{found}/64", strict=False)) if found.version == 6 else str(found)
