"""URLs of sign-in and of the own account. Their names are those by which allauth finds them."""

from django.urls import path

from virterweb.people.profile.preferences import choose_theme

from . import connections, second_factor, views
from .oidc import views as oidc
from .sessions.views import sessions

urlpatterns = [
    path("login/", views.sign_in, name="account_login"),
    path("login/code/", second_factor.enter_code, name="mfa_authenticate"),
    path("login/passkey/", second_factor.sign_in_by_passkey, name="mfa_login_webauthn"),
    path("login/oidc/<slug:provider_id>/", oidc.begin, name="openid_connect_login"),
    path("login/oidc/<slug:provider_id>/callback/", oidc.callback, name="openid_connect_callback"),
    path("login/inactive/", views.inactive, name="account_inactive"),
    path("logout/", views.sign_out, name="account_logout"),
    path("invitation/<uidb64>/<token>/", views.invitation, name="invitation"),
    path("confirm/", views.confirm_password, name="account_reauthenticate"),
    path("confirm/code/", second_factor.confirm_code, name="mfa_reauthenticate"),
    path("confirm/passkey/", second_factor.confirm_passkey, name="mfa_reauthenticate_webauthn"),
    path("profile/", views.profile, name="profile"),
    path("profile/theme/", choose_theme, name="theme"),
    path("profile/password/", views.change_password, name="account_change_password"),
    path("profile/sessions/", sessions, name="usersessions_list"),
    path("profile/accounts/", connections.connections, name="socialaccount_connections"),
    path(
        "profile/accounts/<slug:provider_id>/connect/",
        second_factor.for_password_users(oidc.connect),
        name="connect_account",
    ),
    path("profile/second-factor/", second_factor.overview, name="mfa_index"),
    path("profile/second-factor/app/add/", second_factor.add_app, name="mfa_activate_totp"),
    path("profile/second-factor/app/remove/", second_factor.remove_app, name="mfa_deactivate_totp"),
    path("profile/second-factor/codes/", second_factor.recovery_codes, name="mfa_view_recovery_codes"),
    path("profile/second-factor/codes/new/", second_factor.new_recovery_codes, name="mfa_generate_recovery_codes"),
    path("profile/second-factor/passkeys/add/", second_factor.add_passkey, name="mfa_add_webauthn"),
    path("profile/second-factor/passkeys/<int:pk>/remove/", second_factor.remove_passkey, name="mfa_remove_webauthn"),
]
