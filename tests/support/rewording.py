"""Replaces the product's texts, to show that nothing which is stored or decided depends on them."""

from collections.abc import Callable, Iterator
from types import ModuleType

import pytest

from networks.addresses import wording as address_words
from networks.changes import bulk as network_bulk
from networks.definition import form_wording as form_words
from networks.definition import value_wording as value_words
from networks.definition import wording as network_words
from networks.reservations import wording as reservation_words
from networks.xml_editor import wording as xml_words
from virterweb import messages
from virterweb.hypervisors import wording as rights_words
from virterweb.hypervisors.gateway import wording as gateway_words
from virterweb.portal import wording as problem_words
from vms.bulk import wording as bulk_words
from vms.definition import wording as vm_words
from vms.definition.wording import adoption as adoption_words
from vms.definition.wording import images as image_words
from vms.observed import wording as guest_words

MODULES = (rights_words, gateway_words, network_words, form_words, value_words, xml_words)
MODULES += (
    address_words,
    network_bulk,
    reservation_words,
    vm_words,
    image_words,
    bulk_words,
    guest_words,
    problem_words,
    adoption_words,
)
TEXTS = str | tuple


def tables(module: ModuleType) -> Iterator[dict]:
    """Yield the tables of texts of a module; further tables may be in them."""
    for name, table in vars(module).items():
        if name.isupper() and isinstance(table, dict):
            nested = [each for each in table.values() if isinstance(each, dict)]
            yield from nested or ([table] if all(isinstance(text, TEXTS) for text in table.values()) else [])


@pytest.fixture
def reworded(monkeypatch) -> Callable[[], None]:
    """Return a function that replaces every text of the product by XXXX."""

    def reword() -> None:
        for module in MODULES:
            for table in tables(module):
                for code, text in table.items():
                    monkeypatch.setitem(table, code, ("XXXX", "XXXX") if isinstance(text, tuple) else "XXXX")
        monkeypatch.setattr(messages, "_WORDING", dict.fromkeys(messages._WORDING, "XXXX"))

    return reword
