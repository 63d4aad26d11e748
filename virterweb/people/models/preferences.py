"""What users choose for themselves, in each browser that they sign in with."""

from django.conf import settings
from django.db import models


class Theme(models.TextChoices):
    SYSTEM = "", "Same as the system"
    LIGHT = "light", "Light"
    DARK = "dark", "Dark"


class Preferences(models.Model):
    """How a user wants pages to look. A user without a row has chosen nothing."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE)
    time_zone = models.CharField(blank=True, help_text="a name of the IANA time zone database; empty: the browser's")
    theme = models.CharField(blank=True, choices=Theme, default=Theme.SYSTEM)

    class Meta:
        verbose_name_plural = "preferences"

    def __str__(self) -> str:
        return f"of {self.user}"
