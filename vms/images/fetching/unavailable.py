"""The error of a source that may work again later."""

from virterweb.hypervisors.gateway.found import HypervisorError


class Unavailable(HypervisorError):
    """The web server does not answer, or the transfer was interrupted; a retry can help and continues where it was."""

    again = True
