"""What is stored, compared or branched on is a code: no reason is constructed as a sentence."""

import ast
from collections.abc import Iterator
from importlib import import_module
from string import Formatter

import pytest
from django.conf import settings

from tests.support.making import make_hypervisor, make_network
from virterweb import messages
from virterweb.hypervisors.desired.carry_out import Waiting
from virterweb.hypervisors.desired.refusals import InvalidTransition, Refusal
from virterweb.hypervisors.gateway.found import HypervisorError
from virterweb.messages import Failure, Message
from vms.models.vm.adoption import VMRefusal

pytestmark = pytest.mark.integration

APPS = ("networks", "vms", "virterweb")
# What makes a message of a code: what precedes the code, and which argument it is.
MAKERS = {"Message": ("", 0), "_refused": ("", 0), "_problem": ("form.", 1), "_invalid": ("value.", 0)}
EXTERNAL = ("virterweb/messages.py", "virterweb/hypervisors/gateway/session.py")


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Yield each call in the product's sources, with its place."""
    for app in APPS:
        for path in sorted((settings.BASE_DIR / app).rglob("*.py")):
            name = str(path.relative_to(settings.BASE_DIR))
            for node in ast.walk(ast.parse(path.read_text(), name)) if "migrations" not in path.parts else ():
                if isinstance(node, ast.Call):
                    yield f"{name}:{node.lineno}", node


def messages_made() -> list[tuple[str, str, set[str]]]:
    """Return each message that the sources construct by a literal code: its place, its code, and its parameters."""
    found = []
    for place, call in calls():
        prefix, position = MAKERS.get(getattr(call.func, "id", ""), ("", len(call.args)))
        for given in call.args[position : position + 1]:
            options = [given.body, given.orelse] if isinstance(given, ast.IfExp) else [given]
            named = {keyword.arg for keyword in call.keywords} | ({"about"} if prefix else set())
            found += [(place, prefix + each.value, named) for each in options if isinstance(each, ast.Constant)]
    return found


def test_a_failure_takes_no_text():
    for kind in {HypervisorError, Waiting, *_subclasses(Failure)} - {InvalidTransition}:  # it makes its message
        with pytest.raises(TypeError, match="takes a message"):
            kind("There is no network net1.")


def _subclasses(kind: type) -> Iterator[type]:
    for each in kind.__subclasses__():
        yield each
        yield from _subclasses(each)


def test_a_column_of_messages_takes_no_text(db, enqueued):
    status = make_network(make_hypervisor()).status
    for name in ("error", "progress"):
        with pytest.raises(TypeError, match="takes a message"):
            status.write(**{name: "There is no network net1."})


def test_each_message_has_its_wording_with_all_its_parameters():
    import_module(settings.ROOT_URLCONF)  # and with it all rooms, which add their wording
    import_module("vms.rebuild.plan")  # which only a command uses
    import_module("virterweb.people.ends.notices")  # which only templates use
    made = messages_made()
    assert len(made) > 100
    for place, code, given in made:
        wording = messages._WORDING.get(code)
        assert wording, f"{place}: {code} has no wording"
        if isinstance(wording, str):
            assert {name for _, name, _, _ in Formatter().parse(wording) if name} <= given, f"{place}: {code}"


@pytest.mark.parametrize("refusal", [*Refusal, *VMRefusal])
def test_each_refusal_of_a_verb_has_its_wording(refusal):
    assert f"transition.{refusal.value}" in messages._WORDING


def test_a_value_is_refused_by_a_code():
    textual = [place for place, call in calls() if getattr(call.func, "id", "") == "ValueError" and call.args]
    assert not textual, "raise InvalidValue with a message"


def test_only_the_gateway_quotes_texts_from_outside():
    quoting = {
        place.partition(":")[0]
        for place, call in calls()
        if isinstance(call.func, ast.Attribute) and call.func.attr == "external"
    }
    assert quoting <= set(EXTERNAL)


@pytest.mark.parametrize("stored", ['{"code": "vm.of_yesterday", "vm": "web"}', '{"code": "vm.gone", "name": "web"}'])
def test_a_message_of_another_version_is_shown_by_its_code_and_parameters(stored):
    message = Message.read(stored)
    assert str(message) == f"{message.code}: web"
    assert message.stored() == stored
