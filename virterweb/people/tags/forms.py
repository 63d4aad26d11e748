"""The forms that change tags: of one object, and of many."""

from collections.abc import Collection

from django import forms
from django.contrib.auth.base_user import AbstractBaseUser

from virterweb.messages import InvalidValue

from . import names
from .tagged import Tagged

HELP = "Separated by spaces or commas, for example “web db-2”. Letters, digits, dots, dashes and underscores."


class TagsField(forms.CharField):
    """A text of tags, in lower or upper case."""

    def __init__(self, **options: object) -> None:
        attributes = {"list": "tags", "autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        options.setdefault("widget", forms.TextInput(attrs=attributes))
        super().__init__(label="Tags", help_text=HELP, **options)

    def clean(self, value: str) -> frozenset[str]:
        try:
            return names.parsed(super().clean(value))
        except InvalidValue as problem:
            raise forms.ValidationError(str(problem)) from problem


class TagsForm(forms.Form):
    """All tags of an object. What others have changed since the form was shown stays."""

    tags = TagsField(required=False)
    before = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: dict | None, *, thing: Tagged) -> None:
        shown = " ".join(thing.tag_names)
        super().__init__(data, initial={"tags": shown, "before": shown}, label_suffix="")
        self.thing = thing

    def offered(self, tags: Collection[str]) -> list[str]:
        """Return what the field suggests: its text with one more of these tags."""
        own = self.thing.tag_names
        return [" ".join((*own, tag)) for tag in tags if tag not in own]

    def save(self, by: AbstractBaseUser | None) -> bool:
        """Change the tags; return False, with an error of the form, if that is not possible."""
        wanted, before = self.cleaned_data["tags"], set(self.cleaned_data["before"].split())
        try:
            self.thing.change_tags(add=wanted - before, remove=before - wanted, by=by)
        except InvalidValue as problem:
            self.add_error("tags", str(problem))
            return False
        return True


class ManyForm(forms.Form):
    """The tags that are added to many objects, or removed from them."""

    tags = TagsField()

    def clean_tags(self) -> frozenset[str]:
        if not self.cleaned_data["tags"]:
            raise forms.ValidationError("Enter at least one tag.")
        return self.cleaned_data["tags"]
