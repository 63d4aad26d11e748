"""The texts about tags. Pure."""

from virterweb.messages import add_wording

add_wording(
    {
        "tags.invalid": "“{tag}” cannot be a tag. Use 1 to 32 letters, digits, dots, dashes and underscores, and begin "
        "with a letter or digit, for example web or db-2.",
        "tags.too_many": "{count} tags are too many. An object has at most {most}.",
    }
)
