"""The secrets RDS makes for its master users."""

import json

# LocalStack patches moto's secrets when this is loaded; RDS makes secrets, which may happen before anyone else does.
import localstack.services.secretsmanager.provider  # noqa: F401


def give_name(database):
    """Let the secret of an instance or cluster hold the master user it was made with; moto writes another one."""
    managed = getattr(database, "master_user_secret", None)
    if managed:
        for version in managed.secret.versions.values():
            value = {**json.loads(version["secret_string"]), "username": database.master_username}
            version["secret_string"] = json.dumps(value)
