"""Certificates that a run makes anew: only its own processes hold one, so only they can connect.

Scheduler, workers and client show each other the same certificate, which vouches for itself.
"""

import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from distributed import Security

_NAME = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "lt2f")])
_LIFE = datetime.timedelta(days=365)  # longer than any run
_SKEW = datetime.timedelta(days=1)  # by which the clock of another machine may be late


def in_memory() -> Security:
    """Make a certificate whose key lies in no file, but for the instant in which OpenSSL reads it.

    That instant is Dask's, in a temporary folder that only we may read.
    """
    return _shared(*_made())


def in_files(folder: Path) -> Security:
    """Make a certificate, and write it where processes that somebody else starts can read it."""
    paths = folder / "cert.pem", folder / "key.pem"
    for path, text in zip(paths, _made(), strict=True):
        path.touch(0o600)
        path.write_text(text, encoding="ascii")
    return _shared(*map(str, paths))


def _shared(cert: str, key: str) -> Security:
    """Let all roles show one certificate, given as text or as file, and ask for the same."""
    roles = ("client", "scheduler", "worker")
    certs = {f"tls_{role}_cert": cert for role in roles}
    keys = {f"tls_{role}_key": key for role in roles}
    return Security(require_encryption=True, tls_ca_file=cert, **certs, **keys)


def _made() -> tuple[str, str]:
    """Make a certificate and its key, in PEM format; on P-256, for RSA takes up to 0.2 s."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(_NAME, _NAME, key.public_key(), x509.random_serial_number())
    dated = builder.not_valid_before(now - _SKEW).not_valid_after(now + _LIFE)
    cert = dated.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return cert.decode(), key.private_bytes(serialization.Encoding.PEM, *form).decode()
