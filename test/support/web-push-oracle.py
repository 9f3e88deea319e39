"""Encrypts for a subscription with http_ece and signs with py-vapid: an independent sender of Web Push.

A line of JSON in: publicKey, authSecret (base64url), text, endpoint.
A line out: body (base64), authorization, senderKey.
"""
import base64
import json
import sys

import http_ece
from cryptography.hazmat.backends import default_backend
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from py_vapid import Vapid02


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encoded(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


for line in sys.stdin:
    case = json.loads(line)
    body = http_ece.encrypt(
        case["text"].encode(),
        private_key=ec.generate_private_key(ec.SECP256R1(), default_backend()),
        dh=decoded(case["publicKey"]),
        auth_secret=decoded(case["authSecret"]),
        version="aes128gcm",
    )
    vapid = Vapid02(ec.generate_private_key(ec.SECP256R1(), default_backend()))
    audience = "/".join(case["endpoint"].split("/")[:3])
    headers = vapid.sign({"aud": audience, "sub": "mailto:push@calendars.example"})
    point = vapid.public_key.public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    print(
        json.dumps(
            {
                "body": base64.b64encode(body).decode(),
                "authorization": headers["Authorization"],
                "senderKey": encoded(point),
            }
        ),
        flush=True,
    )
