"""What every page says about hypervisors that cannot be looked at."""

from django.http import HttpRequest

from .models import Hypervisor


def hypervisors_in_trouble(request: HttpRequest) -> dict:
    """Context of every page: hypervisors not reachable, or not looked at for long; and that there is none at all."""
    if not getattr(request, "user", None) or not request.user.is_authenticated:
        return {}
    known = list(Hypervisor.objects.select_related("status"))
    trouble = [one for one in known if one.status.error or one.status.stale or not one.status.observed_at]
    return {"hypervisors": known, "trouble": trouble}
