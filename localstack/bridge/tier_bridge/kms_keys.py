"""KMS keys on Python 3.11, where LocalStack cannot make one: its uuid5 takes no bytes as name."""

import uuid

from localstack.services.kms import models


def generate_key_material_id(self, key_material):
    return uuid.uuid5(self._internal_key_id, key_material.hex()).hex * 2


models.KmsKey.generate_key_material_id = generate_key_material_id
