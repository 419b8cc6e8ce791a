"""A silent trial: what the service would have shown, compared with what patients turned out to
have, before anybody sees a card.

`cases` holds the values that the parts of a trial exchange.
"""
