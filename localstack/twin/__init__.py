"""The local twin: makes the tiers that the emulator keeps on record serve on this machine.

It asks the emulator what is to run (`follow`), and runs it: a load balancer (`balancer`), the instances with their real
user data (`instances`, `standins`), and the caches and databases (`stores`). Everything listens on loopback and ends
with it.
"""
