"""How dates and times are written, for pages of Django, which do not use the filters of the portal."""
