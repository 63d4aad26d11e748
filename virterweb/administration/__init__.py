"""The admin: hypervisors, people and the portal itself, arranged by what operators and superusers do there."""
