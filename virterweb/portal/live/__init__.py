"""Server-sent events: open pages receive the fragments that have changed, for what their users may see."""
