from django.apps import AppConfig


class HypervisorsConfig(AppConfig):
    name = "virterweb.hypervisors"
    label = "hypervisors"
