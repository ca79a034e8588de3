"""Secrets Manager's secrets."""

import time

from .registry import on


@on("secretsmanager", "UpdateSecretVersionStage")
def update_secret_version_stage(call):
    """On AWS a secret is changed by this, too."""
    answer = call.forward()
    call.moto("secretsmanager").secrets[call.get("SecretId")].last_changed_date = round(time.time(), 3)
    return answer
