"""The switches, read from the environment once.

TIER_RULES=0      leave the rules out: plain moto behaviour (default 1)
TIER_PAGE=<n>     answer EC2, ELBv2, RDS and ElastiCache lists in pages of n even unasked (default 0: only if asked)
TIER_DELAY=<s>    how many seconds creating, modifying and deleting last (default 0: done at once)
"""

import os

RULES_ON = os.environ.get("TIER_RULES", "1") != "0"
PAGE = int(os.environ.get("TIER_PAGE", "0"))
DELAY = float(os.environ.get("TIER_DELAY", "0"))
