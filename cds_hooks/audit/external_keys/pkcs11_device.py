"""A key in a PKCS#11 device: AES-256, made there, not extractable, used by CKM_AES_GCM.

AES-GCM and not CKM_AES_KEY_WRAP_PAD (RFC 5649): it authenticates the texts that say whose data key
it is together with the key, and it needs only C_Encrypt and C_Decrypt of the device. The nonce is
random and made here; a device that insists on making it itself (some do in their FIPS mode) is
refused at the start.

The library (extra `pkcs11`) is imported only when a key is in a device.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cds_hooks.audit.credentials import Secret
from cds_hooks.audit.encryption.aead import NONCE_BYTES
from cds_hooks.audit.encryption.key_wrapping import DecryptionFailed
from cds_hooks.audit.external_keys.key_settings import KeyDeviceSettings
from cds_hooks.audit.store_errors import KeyRefused, StoreUnavailable
from cds_hooks.private_files import chmod_hint, is_open

if TYPE_CHECKING:
    from pkcs11 import Session, Token

__all__ = ["KeyDeviceRefused", "Pkcs11Device"]

_BITS = 256
_WRITABLE_BY_OTHERS = 0o022
# The library initialises modules for one thread at a time (C_Initialize without locks).
_LIBRARY_LOCK = threading.RLock()


class KeyDeviceRefused(KeyRefused):
    """The device, its token, its PIN or its key cannot be used as they are."""

    code = "key-device-refused"


class Pkcs11Device:
    """A key provider that logs into a device at the first use and again after a fault.

    A PIN is tried once: after a refusal the device is left alone until the next start. Where the
    device says that a PIN was refused before, it is not tried at all unless `despite_refusals`.
    """

    kind = "pkcs11"
    reason = "key-device"

    def __init__(self, config: KeyDeviceSettings, *, despite_refusals: bool = False) -> None:
        self._config = config
        self._pin = Secret(
            "the PIN", "key_device.pin_file", config.pin_file, "chartside-device-pin"
        )
        self._despite_refusals = despite_refusals
        self._session: Session | None = None
        self._key: Any = None
        self._was_open = False
        self._refused: KeyDeviceRefused | None = None

    def encrypt(self, plain: bytes, associated_data: bytes) -> bytes:
        """Nonce, ciphertext and tag. Raises KeyDeviceRefused, StoreUnavailable."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._work(lambda key: key.encrypt(plain, **_gcm(nonce, associated_data)))

    def decrypt(self, ciphertext: bytes, associated_data: bytes) -> bytes:
        """The plaintext. Raises DecryptionFailed, KeyDeviceRefused, StoreUnavailable."""
        nonce, rest = ciphertext[:NONCE_BYTES], ciphertext[NONCE_BYTES:]
        if len(rest) < 16:
            raise DecryptionFailed
        return self._work(
            lambda key: key.decrypt(rest, **_gcm(nonce, associated_data)), decrypts=True
        )

    def create_key(self) -> None:
        """Create the key in the device. Raises KeyDeviceRefused where its label is taken."""
        p11 = _library()
        with _LIBRARY_LOCK, _library_faults(self._config):
            session = self._log_in(rw=True)
            try:
                if list(session.get_objects({p11.Attribute.LABEL: self._config.key})):
                    raise self._refusal(
                        "there is a key of this label already", "Set key_device.key."
                    )
                session.generate_key(
                    p11.KeyType.AES,
                    _BITS,
                    id=secrets.token_bytes(8),
                    label=self._config.key,
                    store=True,
                    capabilities=p11.MechanismFlag.ENCRYPT | p11.MechanismFlag.DECRYPT,
                    template={p11.Attribute.SENSITIVE: True, p11.Attribute.EXTRACTABLE: False},
                )
            finally:
                session.close()

    def close(self) -> None:
        """Log out of the device."""
        with _LIBRARY_LOCK:
            self._close_session()

    def _work(self, work: Callable[[Any], bytes], *, decrypts: bool = False) -> bytes:
        """The key's answer; a lost session is opened again, once.

        With `decrypts` a device's error for a wrong tag is DecryptionFailed. That error is not
        standardised, so it may be a fault as well: the wrapper checks. Raises KeyDeviceRefused,
        StoreUnavailable.
        """
        p11 = _library()
        with _LIBRARY_LOCK, _library_faults(self._config):
            if self._key is not None:
                try:
                    return work(self._key)
                except p11.PKCS11Error as error:
                    if decrypts and isinstance(error, _tag_errors(p11)[:-1]):
                        raise DecryptionFailed from None
                    self._close_session()
            self._open()
            try:
                return work(self._key)
            except _tag_errors(p11):
                if decrypts:
                    raise DecryptionFailed from None
                raise

    def _open(self) -> None:
        if self._refused is not None:
            raise self._refused
        session = self._log_in(rw=False)
        try:
            self._key = self._find_key(session)
        except BaseException:
            session.close()
            raise
        self._session, self._was_open = session, True

    def _close_session(self) -> None:
        session, self._session, self._key = self._session, None, None
        if session is not None:
            try:
                session.close()
            except _library().PKCS11Error:
                return

    def _log_in(self, *, rw: bool) -> Session:
        """A session. Raises KeyDeviceRefused."""
        p11, token = _library(), self._token()
        pin = self._pin.read()
        self._require_pin_tries(token)
        try:
            return token.open(rw=rw, user_pin=pin)
        except p11.UserAlreadyLoggedIn:  # by this process, with another key of this token
            return token.open(rw=rw)
        except (p11.PinIncorrect, p11.PinInvalid, p11.PinLenRange, p11.PinExpired) as error:
            hint = "Put the right one into key_device.pin_file, then: chartside audit key."
            self._refused = self._refusal(f"the PIN was refused ({_name(error)})", hint)
            raise self._refused from None
        except p11.PinLocked:
            self._refused = self._refusal(
                "the PIN is locked", "Unlock it with the device's own tool."
            )
            raise self._refused from None

    def _require_pin_tries(self, token: Token) -> None:
        """A service that is restarted again and again must not use up a PIN's tries."""
        flag = _library().TokenFlag
        if token.flags & flag.USER_PIN_LOCKED:
            raise self._refusal("the PIN is locked", "Unlock it with the device's own tool.")
        if (
            token.flags & (flag.USER_PIN_COUNT_LOW | flag.USER_PIN_FINAL_TRY)
            and not self._despite_refusals
        ):
            hint = (
                "Put the right PIN into key_device.pin_file, then: chartside audit key. It tries "
                "once, and a right PIN resets the device's count."
            )
            raise self._refusal("a PIN was refused before, and is not tried again", hint)

    def _token(self) -> Token:
        p11, config = _library(), self._config
        module = config.module or Path()
        _require_not_writable(module)
        library = p11.lib(str(module))
        if self._was_open:
            library.reinitialize()  # some modules see a device that came back only then
        try:
            token: Token = library.get_token(token_label=config.token)
        except p11.NoSuchToken:
            raise self._refusal("no token has this label", "Look at key_device.token.") from None
        except p11.MultipleTokensReturned:
            raise self._refusal("several tokens have this label", "Give each its own.") from None
        return token

    def _find_key(self, session: Session) -> Any:
        """The key. Raises KeyDeviceRefused for one that is missing or of another kind."""
        p11 = _library()
        found = list(session.get_objects({p11.Attribute.LABEL: self._config.key}))
        if not found:
            hint = "Look at key_device.key; to make the key: chartside audit device-key."
            raise self._refusal("no key has this label", hint)
        if len(found) > 1:
            raise self._refusal("several objects have this label", "Give each its own.")
        wanted = {
            p11.Attribute.CLASS: p11.ObjectClass.SECRET_KEY,
            p11.Attribute.KEY_TYPE: p11.KeyType.AES,
            p11.Attribute.VALUE_LEN: _BITS // 8,
            p11.Attribute.ENCRYPT: True,
            p11.Attribute.DECRYPT: True,
            p11.Attribute.SENSITIVE: True,
            p11.Attribute.EXTRACTABLE: False,
        }
        for attribute, value in wanted.items():
            if _attribute(found[0], attribute) != value:
                hint = "It takes an AES-256 key that stays there: chartside audit device-key."
                raise self._refusal(f"the key is of another kind ({attribute.name})", hint)
        return found[0]

    def _refusal(self, message: str, hint: str) -> KeyDeviceRefused:
        return KeyDeviceRefused(
            message, where=f"{self._config.token}/{self._config.key}", hint=hint
        )


class _library_faults:  # noqa: N801 - used as a function
    """Turns other errors of the library into StoreUnavailable, without their texts."""

    def __init__(self, config: KeyDeviceSettings) -> None:
        self._config = config

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        p11 = _library()
        if isinstance(error, (p11.MechanismInvalid, p11.MechanismParamInvalid)):
            hint = "The device must do AES-GCM with a nonce that it is given."
            raise KeyDeviceRefused(
                f"the device does not do what is asked of it ({_name(error)})",
                where=self._config.token,
                hint=hint,
            ) from None
        if isinstance(error, p11.PKCS11Error):
            raise StoreUnavailable("key-device") from None


def _gcm(nonce: bytes, associated_data: bytes) -> dict[str, Any]:
    p11 = _library()
    return {
        "mechanism": p11.Mechanism.AES_GCM,
        "mechanism_param": p11.GCMParams(nonce, associated_data),
    }


def _tag_errors(p11: Any) -> tuple[type[Exception], ...]:
    """Errors of devices for a wrong tag; the last one they also raise for much else."""
    return (p11.EncryptedDataInvalid, p11.EncryptedDataLenRange, p11.GeneralError)


def _attribute(key: Any, name: Any) -> Any:
    try:
        return key[name]
    except _library().PKCS11Error:  # an RSA key has no VALUE_LEN
        return None


def _name(error: BaseException) -> str:
    return type(error).__name__


def _require_not_writable(module: Path) -> None:
    """Refuse a module that others may change: its code runs in this process."""
    try:
        writable = [is_open(each, _WRITABLE_BY_OTHERS) for each in (module, module.parent)]
    except OSError:
        hint = "Set key_device.module to the device's PKCS#11 library (.so)."
        raise KeyDeviceRefused("there is no such module", where=str(module), hint=hint) from None
    if any(writable):
        hint = chmod_hint(module, module.parent, mode="go-w", done="changed")
        raise KeyDeviceRefused("others may change the module", where=str(module), hint=hint)


def _library() -> Any:
    try:
        import pkcs11
    except ImportError:
        hint = "Install the extra: pip install 'chartside[pkcs11]'."
        raise KeyDeviceRefused("the library for PKCS#11 is not installed", hint=hint) from None
    return pkcs11
