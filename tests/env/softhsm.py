"""A PKCS#11 device in software: SoftHSM2 with one token in a folder of its own, as a YubiKey would be plugged in."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote_plus

from tests.env._build import ensure_parts
from tests.env._errors import NOT_FOR_THIS_MACHINE, EnvError

SO_PIN = "19283746"
_GENERATE = """
import os, sys
import pkcs11
from pkcs11.util.ec import encode_named_curve_parameters

label, number, curve = sys.argv[1:]
token = pkcs11.lib(os.environ["PYKCS11LIB"]).get_token(token_label=label)
with token.open(rw=True, user_pin=sys.stdin.readline().strip()) as session:
    parameters = {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters(curve)}
    domain = session.create_domain_parameters(pkcs11.KeyType.EC, parameters, local=True)
    domain.generate_keypair(store=True, id=bytes([int(number)]), label=f"key-{number}")
"""


@dataclass(frozen=True)
class Token:
    """An initialised token; `environment` is what a program needs to find it."""

    label: str
    pin: str
    environment: dict[str, str]

    @classmethod
    def make(cls, folder: Path, *, label: str, pin: str) -> Token:
        """Initialise a token in `folder`; raise EnvError when there is no SoftHSM2."""
        module = ensure_parts(["softhsm2"])["softhsm2"]
        beside = module.with_name("softhsm2-util")
        tool = str(beside) if beside.is_file() else shutil.which("softhsm2-util")
        if tool is None:
            raise EnvError(
                NOT_FOR_THIS_MACHINE,
                "part softhsm2",
                "softhsm2-util is not on PATH",
                remedy="install the package that it comes in (softhsm2, softhsm)",
            )
        tokens = folder / "tokens"
        tokens.mkdir(parents=True, mode=0o700)
        settings = folder / "softhsm2.conf"
        settings.write_text(f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = DEBUG\n")
        environment = {"PYKCS11LIB": str(module), "SOFTHSM2_CONF": str(settings)}
        subprocess.run(
            [tool, "--module", module, "--init-token", "--free", "--label", label, "--pin", pin, "--so-pin", SO_PIN],
            env=os.environ | environment,
            check=True,
            capture_output=True,
            timeout=60,
        )
        return cls(label, pin, environment)

    def generate(self, number: int, curve: str = "secp256r1") -> str:
        """Make a key that never leaves the token; return its URI. A process of its own: a module loads once in each."""
        subprocess.run(
            [sys.executable, "-c", _GENERATE, self.label, str(number), curve],
            input=f"{self.pin}\n",
            text=True,
            env=os.environ | self.environment,
            check=True,
            capture_output=True,
            timeout=60,
        )
        return f"hsm:{number}?label={quote_plus(self.label)}"
