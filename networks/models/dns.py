"""Answers of the DNS servers of networks."""

from datetime import timedelta

from django.db import models

from virterweb.hypervisors.claims.due import Due
from virterweb.message_field import MessageField


class DNSAnswers(Due):
    """The answers of a network's dnsmasq for the names that it serves, if the worker can reach it.

    It is due at once when names have changed.
    """

    MAX_PAUSE = timedelta(minutes=5)  # for one that cannot be asked

    network = models.OneToOneField("Network", on_delete=models.CASCADE, related_name="dns_answers")
    answers = models.JSONField(default=dict, help_text="the addresses of each name")
    asked_at = models.DateTimeField("queried at", null=True)
    error = MessageField(blank=True, help_text="why dnsmasq could not be asked")

    class Meta:
        verbose_name = "DNS answers"
        verbose_name_plural = "DNS answers"

    def __str__(self) -> str:
        return f"{self.network}: {self.error or f'{len(self.answers)} names'}"
