"""The sessions of a user: listed with address and browser, and ended."""

from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth import logout
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from virterweb.activity.sign_ins import session_ended

OTHERS = "others"
# Words in a user agent, the first of which counts: Edge also says Chrome, and Chrome also says Safari.
BROWSERS = {"Edg": "Edge", "OPR": "Opera", "Firefox": "Firefox", "Chrome": "Chrome", "Safari": "Safari", "curl": "curl"}
SYSTEMS = {"Android": "Android", "iPhone": "iPhone", "iPad": "iPad", "Windows": "Windows", "Mac OS": "macOS"}
SYSTEMS |= {"Linux": "Linux"}


def browser_of(user_agent: str) -> str:
    """Return browser and system of a user agent as people call them, or its first words."""
    found = [next((name for word, name in names.items() if word in user_agent), "") for names in (BROWSERS, SYSTEMS)]
    return " on ".join(filter(None, found)) or user_agent[:40] or "unknown"


def own(request: HttpRequest) -> list[UserSession]:
    """Return the sessions that have not ended, the present one first; it may be older than this list."""
    found = UserSession.objects.purge_and_list(request.user)
    if not any(session.is_current() for session in found):
        UserSession.objects.create_from_request(request)
        found = UserSession.objects.purge_and_list(request.user)
    for session in found:
        session.browser = browser_of(session.user_agent)
    return sorted(found, key=lambda session: (not session.is_current(), -session.last_seen_at.timestamp()))


def end(request: HttpRequest, chosen: str) -> None:
    """End one session by its number, or all but the present one."""
    found = own(request)
    ended = [each for each in found if str(each.pk) == chosen or (chosen == OTHERS and not each.is_current())]
    if not ended and chosen != OTHERS:
        raise Http404
    for session in ended:
        session.end()
        if session.is_current():
            logout(request)
        else:
            session_ended(request, request.user, session.browser, session.ip)
    messages.success(request, "Session ended." if len(ended) == 1 else f"{len(ended)} sessions ended.")


@require_http_methods(["GET", "HEAD", "POST"])
def sessions(request: HttpRequest) -> HttpResponse:
    """List the sessions of the user; with POST, end those that `session` names."""
    if request.method == "POST":
        end(request, request.POST.get("session", OTHERS))
        return redirect("usersessions_list")
    return render(request, "people/profile/sessions.html", {"sessions": own(request)})
