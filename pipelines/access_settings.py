"""Settings of sign-in: the key that secrets are sealed with, and the identity provider, if there is one.

Environment variables with the prefix ``LEADPULSE_``, read once by whoever wires the parts together.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

if TYPE_CHECKING:
    from crm_store.services.single_sign_on import SingleSignOn
    from crm_store.services.vault import Vault

# In the data folder, for its owner only. Whoever has it and the database can read what is sealed in it.
KEY_FILE = "secret.key"
_CALLBACK = "/sign-in/sso/callback"


class AccessSettings(BaseSettings):
    """What sign-in is set up by; single sign-on needs an issuer, a client id and the workbench's address."""

    model_config = SettingsConfigDict(env_prefix="LEADPULSE_")

    secret_key: SecretStr = Field(
        SecretStr(""),
        description="seals secrets, 32 characters or more; a file of the data folder unless given",
    )
    oidc_issuer: str = Field("", description="identity provider for single sign-on, its https address")
    oidc_client_id: str = Field("", description="who we are to the identity provider")
    oidc_client_secret: SecretStr = Field(SecretStr(""), description="for a confidential client")

    def vault(self, folder: Path) -> Vault:
        """Return the vault of a data folder. Raises StoreError ``secret_key_short``."""
        from crm_store.services.vault import Vault, key_in

        given = self.secret_key.get_secret_value()
        return Vault.from_key(given.encode() if given else key_in(folder / KEY_FILE))

    def single_sign_on(self, workbench: str, vault: Vault) -> SingleSignOn | None:
        """Return single sign-on for a workbench at this address, None where it is not set up."""
        from crm_store.services.single_sign_on import Provider, SingleSignOn

        if not self.oidc_issuer or not self.oidc_client_id:
            return None
        secret = self.oidc_client_secret.get_secret_value()
        back = f"{workbench.rstrip('/')}{_CALLBACK}"
        return SingleSignOn(Provider(self.oidc_issuer, self.oidc_client_id, back, secret or None), vault)
