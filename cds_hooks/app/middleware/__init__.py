"""Layers around the endpoints, one a file, each a plain ASGI class."""
