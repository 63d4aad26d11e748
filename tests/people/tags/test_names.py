"""Tags are typed freely, and stored in lower case, in order and once."""

import pytest

from virterweb.messages import InvalidValue
from virterweb.people.tags import names


@pytest.mark.parametrize(
    ("typed", "tags"),
    [
        ("web", {"web"}),
        ("web,db  team-a", {"web", "db", "team-a"}),
        ("WEB web Web", {"web"}),
        ("v1.2_rc-3 7", {"v1.2_rc-3", "7"}),
        (" , ,,\t\n ", set()),
        ("", set()),
        ("a" * 32, {"a" * 32}),
    ],
)
def test_spaces_and_commas_separate_tags_in_lower_or_upper_case(typed, tags):
    assert names.parsed(typed) == tags


@pytest.mark.parametrize(
    "typed",
    [
        "<b>",
        "🦊",
        "x" * 300,
        "-web",
        ".web",
        "_web",
        "a/b",
        "a:b",
        "ok ünïcode",
        "\u212aelvin",
        "a\u202eb",
        "a;b",
        "a'b",
    ],
)
def test_everything_else_is_refused_with_the_word_that_cannot_be_a_tag(typed):
    with pytest.raises(InvalidValue, match="cannot be a tag"):
        names.parsed(typed)


def test_a_long_word_is_quoted_in_part():
    with pytest.raises(InvalidValue) as refused:
        names.parsed("x" * 300)
    assert f"“{'x' * 40}…” cannot be a tag" in str(refused.value)


def test_a_thousand_tags_are_too_many_and_twenty_are_not():
    assert len(names.parsed(" ".join(f"t{number}" for number in range(20)))) == 20
    with pytest.raises(InvalidValue, match="1000 tags are too many"):
        names.parsed(",".join(f"t{number}" for number in range(1000)))


def test_tags_are_stored_in_order_and_each_between_spaces():
    assert names.stored({"web", "db"}) == " db web "
    assert names.read(" db web ") == ("db", "web")
    assert (names.stored([]), names.read("")) == ("", ())


def test_a_tag_has_the_same_colour_everywhere_and_the_colours_of_tags_differ():
    assert names.hue("web") == names.hue("web")
    assert {names.hue(f"tag{number}") for number in range(100)} == set(range(names.HUES))
