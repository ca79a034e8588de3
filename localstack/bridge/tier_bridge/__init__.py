"""LocalStack service plugins for the AWS services which open-source LocalStack leaves out, and for AWS's own rules.

plugins.py    what LocalStack loads: one plugin per service, nearly all of it forwarded to moto
call.py       one request on its way to a service
settings.py   the switches
rules/        AWS rules that moto and LocalStack do not enforce, one file per idea
request_check/  what AWS would refuse of each request, by its models and documents
elasticache/  ElastiCache, kept here in memory (moto has no modify and no real delete)
server.py     LocalStack's own server, on the address it was given
"""
