"""Guessable URLs: nouns first, the verb last, objects by name."""

from django.contrib.auth.decorators import login_not_required
from django.templatetags.static import static
from django.urls import include, path
from django.views.generic import RedirectView

from virterweb.administration.pages import site
from virterweb.hypervisors.desired.one_at_a_time import one_at_a_time
from virterweb.people.profile.columns import columns
from virterweb.people.profile.your_rights import your_rights
from virterweb.people.tokens.views import tokens
from virterweb.portal.shell import hypervisor_options, trouble

handler403 = "virterweb.hypervisors.views.forbidden"

urlpatterns = [
    path("", include("virterweb.portal.urls")),
    path("", include("virterweb.operations.urls")),
    path("", include("vms.urls")),
    path("networks/", include("networks.urls")),
    path("hypervisors/options/", hypervisor_options, name="hypervisor_options"),
    path("trouble/", trouble, name="trouble"),
    path("admin/", site.urls),
    path("favicon.ico", login_not_required(RedirectView.as_view(url=static("icon.svg")))),
    path("profile/tokens/", tokens, name="tokens"),
    path("profile/columns/<slug:table>/", columns, name="columns"),
    path("profile/rights/", your_rights, name="your_rights"),
    path("", include("virterweb.people.sign_in.urls")),
]
one_at_a_time(urlpatterns)
handler400 = "virterweb.web_server.request_body.bad_request"
