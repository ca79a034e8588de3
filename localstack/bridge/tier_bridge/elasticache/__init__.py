"""ElastiCache, kept in memory per account and region.

moto's ElastiCache has no modify, no subnet-group delete, and what is deleted stays "deleting" for good; so this is
written out here. Subnets and security groups are looked up in the EC2 (moto) state of the same LocalStack process,
and states last TIER_DELAY seconds.
"""

# Each enters its operations.
from . import clusters, parameter_groups, replication_groups, subnet_groups, tags  # noqa: F401
from .store import OPS, STORES, run

__all__ = ["OPS", "STORES", "run"]
