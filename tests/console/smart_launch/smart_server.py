"""An EHR's authorization server, small: Authlib's server side on Flask, on a port of 127.0.0.1.

It checks redirect URI, client, secret and PKCE (S256) itself, keeps each code for one use, and
signs ID tokens with a key of its own. `says` is what the EHR would say of the open chart.
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import flask
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin, grants
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import OpenIDCode
from joserfc.jwk import RSAKey
from werkzeug.serving import make_server

__all__ = ["Says", "SmartServer"]

CLIENT_ID, SECRET = "chartside-app", "s3cret-of-the-app"


@dataclass
class Says:
    """What the EHR says of the next launch; `claims` replace those of the ID token."""

    patient: str | None = "demo-1"
    fhir_user: str | None = "Practitioner/7"
    app_context: str | None = None
    claims: dict[str, Any] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    other_key: bool = False


class _Client(ClientMixin):
    def __init__(self, client_id: str, redirect_uri: str) -> None:
        self.client_id, self._redirect_uri = client_id, redirect_uri

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> str:
        return self._redirect_uri

    def get_allowed_scope(self, scope: str) -> str:
        return scope

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri == self._redirect_uri

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == SECRET

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "client_secret_basic"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


@dataclass
class _Code:
    code: str
    client_id: str
    redirect_uri: str
    scope: str
    nonce: str
    code_challenge: str
    code_challenge_method: str
    launch: str

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str:
        return self.nonce

    def get_auth_time(self) -> int:
        return int(time.time())

    def get_acr(self) -> None:
        return None

    def get_amr(self) -> None:
        return None


class SmartServer:
    """Runs until `stop`. `redirect_uri` is the app's, to be set before the first launch."""

    def __init__(self) -> None:
        self.says = Says()
        self.redirect_uri = ""
        self.configuration: dict[str, Any] = {}
        self.codes: dict[str, _Code] = {}
        self.redeemed = 0
        self.authorized: list[dict[str, str]] = []
        self.key = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig", "alg": "RS256"})
        self.other = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig", "alg": "RS256"})
        app = self._app()
        self._server = make_server("127.0.0.1", 0, app, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.port}"
        self.base = f"{self.url}/fhir"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def _app(self) -> flask.Flask:
        app = flask.Flask("smart")
        server = AuthorizationServer(app, query_client=self._client, save_token=lambda *_: None)
        server.register_grant(_grant_of(self), [CodeChallenge(required=True), _id_code_of(self)])
        app.add_url_rule("/fhir/.well-known/smart-configuration", view_func=self._smart)
        app.add_url_rule("/authorize", view_func=lambda: self._authorize(server))
        app.add_url_rule(
            "/token", view_func=lambda: self._token(server), endpoint="token", methods=["POST"]
        )
        app.add_url_rule("/keys", view_func=self._keys)
        return app

    def _client(self, client_id: str) -> _Client | None:
        return _Client(client_id, self.redirect_uri) if client_id == CLIENT_ID else None

    def _smart(self) -> Any:
        return {
            "issuer": self.url,
            "jwks_uri": f"{self.url}/keys",
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "code_challenge_methods_supported": ["S256"],
            "grant_types_supported": ["authorization_code"],
            "capabilities": ["launch-ehr", "client-confidential-symmetric", "sso-openid-connect",
                             "context-ehr-patient"],
            **self.configuration,
        }  # fmt: skip

    def _authorize(self, server: AuthorizationServer) -> Any:
        self.authorized.append(dict(parse_qsl(urlsplit(flask.request.url).query)))
        return server.create_authorization_response(grant_user="clinician")

    def _token(self, server: AuthorizationServer) -> Any:
        answer = server.create_token_response()
        if answer.status_code == 200:
            self.redeemed += 1
            body = json.loads(answer.get_data())
            said = {"patient": self.says.patient, "appContext": self.says.app_context}
            body |= {name: value for name, value in said.items() if value is not None}
            body = {name: value for name, value in body.items() if name not in self.says.without}
            answer.set_data(json.dumps(body))
        return answer

    def _keys(self) -> Any:
        return {"keys": [self.key.as_dict(private=False)]}


def _grant_of(server: SmartServer) -> type[grants.AuthorizationCodeGrant]:
    class Grant(grants.AuthorizationCodeGrant):
        TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic"]  # noqa: RUF012

        def save_authorization_code(self, code: str, request: Any) -> None:
            sent = request.payload.data
            server.codes[code] = _Code(
                code, request.client.client_id, sent["redirect_uri"], sent["scope"],
                sent.get("nonce", ""), sent["code_challenge"], sent["code_challenge_method"],
                sent.get("launch", ""),
            )  # fmt: skip

        def query_authorization_code(self, code: str, client: _Client) -> _Code | None:
            found = server.codes.get(code)
            return found if found and found.client_id == client.client_id else None

        def delete_authorization_code(self, authorization_code: _Code) -> None:
            del server.codes[authorization_code.code]

        def authenticate_user(self, authorization_code: _Code) -> str:
            return "clinician"

    return Grant


def _id_code_of(server: SmartServer) -> OpenIDCode:
    class IdCode(OpenIDCode):
        def exists_nonce(self, nonce: str, request: Any) -> bool:
            return False

        def resolve_client_private_key(self, client: _Client) -> RSAKey:
            return server.other if server.says.other_key else server.key

        def get_client_algorithm(self, client: _Client) -> str:
            return "RS256"

        def get_encode_header(self, client: _Client) -> dict[str, str]:
            return {"alg": "RS256", "kid": "k1"}

        def get_client_claims(self, client: _Client) -> dict[str, Any]:
            return {"iss": server.url, "aud": client.client_id, "exp": int(time.time()) + 300}

        def generate_user_info(self, user: str, scope: str) -> dict[str, Any]:
            said: dict[str, Any] = {"sub": user, "name": "Dr. Example"}
            if server.says.fhir_user is not None:
                said["fhirUser"] = server.says.fhir_user
            return said | server.says.claims

    return IdCode(require_nonce=True)
