"""Every entry in libvirt's test corpus is added to a running network without a restart."""

import pytest

from networks.definition.document.compare import differences
from networks.definition.document.parse import parse
from networks.definition.plans.plan import plan
from networks.definition.plans.steps import Verb, Wanted
from tests.networks.definition.corpus.driver import found, refusal, remove, report, with_entry
from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import Refused

pytestmark = pytest.mark.lab


def run_updates(connection: Connection, before: str, desired: str) -> None:
    """Change a running network from one document to another, live and stored.

    Raises: Refused if libvirt refuses an update.
    """
    name = parse(before).name
    connection.networks.define(before, name)
    uuid = connection.networks.uuid_of(name)
    connection.networks.start(uuid, name)
    try:
        steps = plan(Wanted(document=desired, autostart=False), found(connection, name))
        assert steps
        assert {step.verb for step in steps} == {Verb.UPDATE}, [step.text for step in steps]
        for step in steps:
            assert step.update.live
            assert step.update.stored
            connection.networks.update(uuid, step.update, step.text)
        after = found(connection, name)
        assert differences(desired, after.document) == ()
        assert differences(desired, after.live) == ()
        assert plan(Wanted(document=desired, autostart=False), after) == ()
    finally:
        remove(connection, name)


def test_every_entry_is_added_to_a_running_network_without_a_restart(corpus, connection, capsys):
    fragments, refused = corpus.documents("networkxml2xmlupdatein"), {}
    for name, fragment in fragments.items():
        base, desired = with_entry(name, fragment)
        try:
            run_updates(connection, base, desired)
        except Refused as problem:
            refused[name] = str(problem)
            assert refusal(connection, desired), f"{name}: libvirt accepts it in a definition but not as an update"
    counts = f"{len(fragments)} entries, {len(fragments) - len(refused)} added live, {len(refused)} taken nowhere"
    report(capsys, counts, refused)
    assert len(refused) < len(fragments) / 2


def test_the_changes_of_libvirts_own_update_test_are_planned_as_updates(corpus, connection, capsys):
    pairs, refused = corpus.updates(), {}
    for before, after in pairs:
        base = (corpus.tests / f"networkxml2xmlin/{before}.xml").read_text()
        desired = (corpus.tests / f"networkxml2xmlupdateout/{after}.xml").read_text()
        try:
            run_updates(connection, base, desired)
        except Refused as problem:
            refused[f"{before} → {after}"] = str(problem)
            assert refusal(connection, desired), f"{after}: libvirt accepts it in a definition but not by updates"
    report(
        capsys, f"{len(pairs)} updates of libvirt's own, {len(refused)} to what it does not take as a whole", refused
    )
    assert len(pairs) > 15
