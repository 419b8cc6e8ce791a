"""The wire format of CDS Hooks: requests, cards, discovery, feedback and outcomes. Pure."""
