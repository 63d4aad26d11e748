from django.apps import AppConfig


class SignInConfig(AppConfig):
    name = "virterweb.people.sign_in"
    verbose_name = "Sign-in"
