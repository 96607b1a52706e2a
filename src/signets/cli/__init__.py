"""The ``signets`` command: tables for people, one JSON document for programs."""
