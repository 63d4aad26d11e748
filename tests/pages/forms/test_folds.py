"""A folded group of a form says what is set in it, or what can be set there, also while the form is filled in."""

import pytest
from django import forms
from lxml import html

from tests.support.making import make_hypervisor, make_image, make_network, make_vm
from virterweb.pages.forms.folds import fold


class Lines(forms.CharField):
    counts_lines = True


class Example(forms.Form):
    mtu = forms.IntegerField(label="MTU", initial=1500)
    stp = forms.BooleanField(label="STP", initial=True)
    boot_order = forms.IntegerField()
    mode = forms.ChoiceField(choices=[("", "as libvirt chooses"), ("a", "the first")])
    hosts = Lines(label="DNS hosts", widget=forms.Textarea)
    description = forms.CharField(widget=forms.Textarea)


UNCHANGED = {"mtu": "1500", "stp": "on", "mode": "", "hosts": " ", "description": ""}


@pytest.mark.parametrize(
    ("typed", "held"),
    [
        ({}, ""),
        ({"mtu": "1400"}, "MTU 1400"),
        ({"mtu": "0"}, "MTU 0"),
        ({"stp": ""}, "no STP"),
        ({"boot_order": "1", "mode": "a"}, "boot order 1, mode the first"),
        ({"mode": "of an earlier page"}, "mode of an earlier page"),
        ({"hosts": "10.0.0.1 a"}, "DNS hosts 10.0.0.1 a"),
        ({"hosts": "10.0.0.1 a\n10.0.0.2 b\n"}, "2 DNS hosts"),
        ({"hosts": "x" * 5000}, f"DNS hosts {'x' * 59}…"),
        ({"description": "any\ntext"}, "description"),
    ],
)
def test_the_summary_names_what_differs_from_an_empty_form(typed: dict, held: str):
    form = Example(UNCHANGED | typed)
    assert fold("Advanced", form).held == held


def test_a_form_that_begins_with_other_values_says_so():
    form = Example(initial={"mtu": 9000})
    form.fields["stp"].initial = False
    assert fold("Advanced", form).held == "MTU 9000, no STP"


def test_without_values_it_names_the_fields():
    form = Example()
    assert fold("Advanced", form).names == "MTU, STP, boot order, mode, DNS hosts, description"
    assert fold("Mode", [form["mode"]]).names == "as libvirt chooses"
    assert fold("Description", [form["description"]]).names == "none"


@pytest.fixture
def lab(db, enqueued):
    lab = make_hypervisor()
    make_network(lab, "default", "192.168.122.1/24")
    make_network(lab)
    make_vm(lab)
    make_image(lab)
    return lab


@pytest.mark.parametrize(
    ("url", "typed", "key", "held"),
    [
        ("/networks/add/preview/", {"mtu": "1400", "stp": "on"}, "bridge-mtu-routes", "MTU 1400"),
        (
            "/networks/lab-1/net1/edit/preview/",
            {"name": "net1", "title": "<b>"},
            "title-and-start",
            "title <b>, no start with the host",
        ),
        ("/vms/lab-1/alma-8-8/nics/add/preview/", {"mtu": "1400"}, "nic", "MTU 1400"),
        ("/vms/run/preview/", {"nic_network": "net1", "nic_metric": "7"}, "nic-0-guest", "route metric 7"),
        ("/vms/run/preview/", {"firmware": "uefi"}, "firmware", "UEFI"),
    ],
)
def test_the_preview_brings_the_summaries_up_to_date(page, lab, url: str, typed: dict, key: str, held: str):
    answer = page.post(url, {"hypervisor": lab.pk, **typed}, headers={"HX-Request": "true"})
    shown = html.fragment_fromstring(answer.content.decode(), create_parent=True)
    (summary,) = shown.xpath(f".//*[@id='held-{key}']")
    assert (summary.text_content().strip(), summary.get("hx-swap-oob")) == (held, "outerHTML")
