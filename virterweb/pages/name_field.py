"""The column that finds names which may be taken for another: names that look alike have the same value in it."""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from hashlib import blake2b

from django.db import models
from django.db.models import Value

from .characters import mixed_scripts, skeleton


@lru_cache(maxsize=50_000)
def skeleton_key(name: str) -> str:
    """Return a digest of a name's skeleton: a name may be of any length, a row of an index may not."""
    return blake2b(skeleton(name).encode(), digest_size=8).hexdigest()


class SkeletonField(models.CharField):
    """The `skeleton_key` of a row's `name`; it follows the name at each save, bulk creation and update."""

    def __init__(self, **options: object) -> None:
        options |= {"max_length": 16, "db_index": True, "editable": False}
        super().__init__(**{"help_text": "names that look alike have the same value", **options})

    def deconstruct(self) -> tuple[str, str, list, dict]:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs

    def pre_save(self, instance: models.Model, add: bool) -> str:
        value = skeleton_key(instance.name)
        setattr(instance, self.attname, value)
        return value


class NamedQuerySet(models.QuerySet):
    """Rows with a `name` and its `skeleton`."""

    def update(self, **values: object) -> int:
        """Update columns; the skeleton follows the name."""
        if isinstance(name := values.get("name"), str):
            values["skeleton"] = skeleton_key(name)
        return super().update(**values)


def every_row(model: type[models.Model]) -> models.QuerySet:
    return model.objects.all()


def warnings(
    names: Mapping[type[models.Model], Iterable[str]],
    rows: Callable[[type[models.Model]], models.QuerySet] = every_row,
) -> dict[tuple[type[models.Model], str], str]:
    """Return a warning for each name that looks like another one of its model, in one query for all.

    Only names of `rows` are compared with.
    """
    keys = {model: {skeleton_key(name) for name in its} for model, its in names.items()}
    queries = [
        rows(model)
        .order_by()
        .filter(skeleton__in=found)
        .values_list(Value(model._meta.label_lower), "skeleton", "name")
        .distinct()
        for model, found in keys.items()
    ]
    if not queries:
        return {}
    alike: dict[tuple[str, str], list[str]] = {}
    for model, key, name in queries[0].union(*queries[1:]):
        alike.setdefault((model, key), []).append(name)
    found = {}
    for model, its in names.items():
        for name in its:
            others = [other for other in alike.get((model._meta.label_lower, skeleton_key(name)), ()) if other != name]
            if others:
                found[model, name] = f"looks like {min(others)}"
            elif mixed_scripts(name):
                found[model, name] = "mixes scripts"
    return found
