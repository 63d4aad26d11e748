"""Run a command and read what it prints."""

from io import StringIO

from django.core.management import call_command

from networks.models import Network


def run(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines()]


def again(network: Network) -> Network:
    return Network.objects.shown().get(pk=network.pk)
