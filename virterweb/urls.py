"""Guessable URLs: nouns first, the verb last, objects by name."""

from django.contrib import admin
from django.contrib.auth import views as auth
from django.contrib.auth.decorators import login_not_required
from django.templatetags.static import static
from django.urls import include, path
from django.views.generic import RedirectView

admin.site.site_header = admin.site.site_title = "Virterweb"
admin.site.site_url = "/"

urlpatterns = [
    path("", include("vms.urls")),
    path("networks/", include("networks.urls")),
    path("admin/", admin.site.urls),
    path("favicon.ico", login_not_required(RedirectView.as_view(url=static("icon.svg")))),
    path("login/", auth.LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout/", auth.LogoutView.as_view(), name="logout"),
    path("profile/password/", auth.PasswordChangeView.as_view(), name="password_change"),
    path("profile/password/done/", auth.PasswordChangeDoneView.as_view(), name="password_change_done"),
]
