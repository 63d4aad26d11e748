"""Answers of the DNS servers of networks."""

from django.db import models

from virterweb.hypervisors.models import Claimable
from virterweb.message_field import MessageField


class DNSAnswers(Claimable):
    """The answers of a network's dnsmasq for the names that it serves, if the worker can reach it."""

    network = models.OneToOneField("Network", on_delete=models.CASCADE, related_name="dns_answers")
    answers = models.JSONField(default=dict, help_text="the addresses of each name")
    asked_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True, help_text="when it is asked next; empty: now, because names have changed")
    error = MessageField(blank=True, help_text="why dnsmasq could not be asked")

    class Meta:
        verbose_name_plural = "DNS answers"

    def __str__(self) -> str:
        return f"{self.network}: {self.error or f'{len(self.answers)} names'}"
