"""The card network itself: cards, purchases and their moves, faults, clock, deliveries.

It knows no wire format. A *face* gives it one: how requests are read, objects are written, and
messages are signed (``faces.py``). A card belongs to the face that made it; everything that
happens on it is told in that face's words.
"""

from __future__ import annotations
