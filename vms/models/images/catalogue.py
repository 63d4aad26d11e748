"""The catalogue: names of images with the URLs that they can be fetched from, on any hypervisor."""

from django.db import models
from django.db.models.functions import Lower

from networks.definition import rules
from virterweb.activity.choices import Kind
from virterweb.activity.models import Subject
from virterweb.activity.wording import add_events
from vms.definition.wording.images import CATALOGUE_EVENTS, catalogue_event

add_events(Kind.CATALOGUE, CATALOGUE_EVENTS, catalogue_event)


class CatalogueEntry(models.Model):
    """An image that can be fetched: operators add entries, and import them from registry files of Virter."""

    name = models.CharField(
        max_length=50,
        unique=True,
        validators=[rules.validate_name, rules.validate_hostname],
        help_text="The name of the image, for example debian-12.",
    )
    url = models.CharField("URL", help_text="Of a qcow2 or raw file, by http or https.")
    checksum = models.CharField(
        "SHA-256",
        blank=True,
        help_text="Of the file, 64 hexadecimal digits. Empty: that of the list SHA256SUMS beside the file, if there is "
        "one.",
    )
    note = models.CharField(max_length=200, blank=True, help_text="Shown on the page of the catalogue.")

    class Meta:
        ordering = [Lower("name")]
        verbose_name = "catalogue entry"
        verbose_name_plural = "catalogue entries"

    def __str__(self) -> str:
        return self.name

    @property
    def source(self) -> str:
        """Return the URL without its query, which may be a secret."""
        return self.url.partition("?")[0].partition("#")[0]

    @property
    def host(self) -> str:
        """Return the host of the URL, with its port if it has one."""
        return self.source.partition("://")[2].partition("/")[0]

    @property
    def subject(self) -> Subject:
        """Return what entries of the activity log say about it."""
        return Subject(kind=Kind.CATALOGUE, name=self.name, object_id=self.pk)
