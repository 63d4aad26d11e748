"""Rendering of forms on every page."""

from django.forms.renderers import TemplatesSetting


class FormRenderer(TemplatesSetting):
    """Django's renderer with the field template of the portal, for `{{ field.as_field_group }}`."""

    field_template_name = "pages/forms/_field.html"
