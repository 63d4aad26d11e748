"""Texts about the result of accepting libvirt's changes, for pages and commands."""

from networks.models import Network


def accepted(network: Network) -> str:
    """Return sentences: the saved definition follows, what else is stored by that, and what ends at a restart."""
    left = network.differences
    stored = [f"{one.title} {one.saved}" for one in left if one.listed and one.running == one.saved]
    running = [one.title for one in left if one.running is not None and one.running != one.saved]
    parts = [f"The saved definition of {network} is now the one that libvirt stores."]
    if stored:
        names = ", ".join(stored)
        parts.append(
            f"It also contains changes that were only in the running network; libvirt now stores them: {names}."
        )
    if running:
        parts.append(f"The running network differs until {network} is restarted: {', '.join(dict.fromkeys(running))}.")
    return " ".join(parts)
