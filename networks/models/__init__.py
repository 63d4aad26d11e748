"""The models of networks, with one file for each family."""

from .addresses import sort_key_of
from .dns import DNSAnswers
from .granted import Granted
from .lease import Lease, LeaseQuerySet
from .network import Network
from .queryset import NetworkQuerySet
from .reservation import DHCPHost, DHCPHostStatus
from .revision import NetworkRevision
from .status import NetworkStatus

__all__ = [
    "DHCPHost",
    "DHCPHostStatus",
    "DNSAnswers",
    "Granted",
    "Lease",
    "LeaseQuerySet",
    "Network",
    "NetworkQuerySet",
    "NetworkRevision",
    "NetworkStatus",
    "sort_key_of",
]
