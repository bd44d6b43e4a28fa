"""The service for any WSGI server: `wsgi:app`."""

from passes import create_app

app = create_app()
