"""Where the store is: an address without a password, since settings are printed and exported."""

from __future__ import annotations

import pytest

from cds_hooks.audit.store_settings import StoreSettings

DATABASE = "postgresql+psycopg://u@db.example/c"


@pytest.mark.parametrize("more", ["?password=x", "?sslmode=require&sslpassword=x", "?PASSWORD=x"])
def test_no_password_stands_in_its_query(more: str) -> None:
    """libpq takes one there, too."""
    with pytest.raises(ValueError, match="password"):
        StoreSettings(path=f"{DATABASE}{more}")
    assert StoreSettings(path=f"{DATABASE}?sslmode=verify-full").path
