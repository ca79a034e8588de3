"""All that is to run, of every account and region, read from what the emulator keeps."""

import json
from collections import namedtuple

from moto.acm.models import AWS_ROOT_CA
from moto.backends import get_backend

from .. import elasticache
from ..rules.instances import user_data
from ..rules.reboots import boots
from ..rules.states import passing

STACK = "stackctl:stack"
HSTS = "routing.http.response.strict_transport_security.header_value"


class Place(namedtuple("Place", "account region")):
    """Where things are: as much of a Call as the rules need."""

    def moto(self, service):
        return get_backend(service)[self.account][self.region]


def wanted():
    """Load balancers, target groups, instances and stores."""
    balancers, groups, instances, stores = [], {}, {}, []
    for place in places("elbv2"):
        elb = place.moto("elbv2")
        balancers += [balancer(place, lb, stack(elb, lb)) for lb in list(elb.load_balancers.values())]
        for group in list(elb.target_groups.values()):
            if group.load_balancer_arns and group.target_type == "instance":
                groups[group.arn] = {"stack": stack(elb, group), **target_group(group)}
    for place in places("ec2"):
        for instance in list(place.moto("ec2").all_instances()):
            tags = {t["key"]: t["value"] for t in instance.get_tags()}
            # Nobody else's scripts are run on this machine.
            if runs(place, instance) and STACK in tags:
                instances[instance.id] = machine(place, instance, tags)
    for (account, region), store in list(elasticache.STORES.items()):
        stores += caches(Place(account, region), store)
    for place in places("rds"):
        stores += databases(place)
    return {"balancers": balancers, "groups": groups, "instances": instances, "stores": stores}


def places(service):
    for account, regions in list(get_backend(service).items()):
        for region in list(regions):
            yield Place(account, region)


def stack(elb, resource):
    return elb.tagging_service.get_tag_dict_for_resource(resource.arn).get(STACK)


def balancer(place, lb, stack):
    return {
        "dns": lb.dns_name,
        "stack": stack,
        "idle_timeout": int(lb.attrs.get("idle_timeout.timeout_seconds", 60)),
        "drop_invalid_headers": lb.attrs.get("routing.http.drop_invalid_header_fields.enabled") == "true",
        "listeners": [listener(place, one) for one in list(lb.listeners.values())],
    }


def listener(place, one):
    here = {"port": int(one.port), "action": action(one.default_actions[-1].data)}
    if one.protocol == "HTTPS" and one.certificates:
        arn = one.certificates[0]
        arn = arn if isinstance(arn, str) else arn["certificate_arn"]
        bundle = place.moto("acm")._certificates.get(arn)
        hsts = (getattr(one, "attributes", None) or {}).get(HSTS)
        if hsts:
            here["hsts"] = hsts
        if bundle:
            # moto puts an authority's certificate behind every chain, and no reader of PEM takes its text.
            chain = bundle.cert.strip() + b"\n" + bundle.chain.replace(AWS_ROOT_CA, b"")
            here["certificate"] = {"chain": chain.decode(), "key": bundle.key.decode()}
    return here


def action(asked):
    """A listener's action, in the balancer's words."""
    kind = asked["Type"]
    if kind == "forward":
        config = asked.get("ForwardConfig", {}).get("TargetGroups") or [{}]
        return {"forward": asked.get("TargetGroupArn") or config[0].get("TargetGroupArn")}
    if kind == "redirect":
        to = asked["RedirectConfig"]
        kept = {k: to.get(k.capitalize()) or f"#{{{k}}}" for k in ("protocol", "host", "port", "query")}
        path = to.get("Path") or "/#{path}"
        return {"redirect": {**kept, "path": path, "status": int(to["StatusCode"].removeprefix("HTTP_"))}}
    fixed = asked.get("FixedResponseConfig", {})
    content = {"content_type": fixed.get("ContentType") or "text/plain", "body": fixed.get("MessageBody") or ""}
    return {"fixed_response": {"status": int(fixed.get("StatusCode") or 503), **content}}


def target_group(group):
    has = group.attributes
    kind = has.get("stickiness.type") or "lb_cookie"
    cookie = has.get("stickiness.app_cookie.cookie_name") if kind == "app_cookie" else None
    sticky = {"cookie": cookie, "seconds": int(has.get(f"stickiness.{kind}.duration_seconds", 86400))}
    return {
        "stickiness": sticky if str(has.get("stickiness.enabled")).lower() == "true" else None,
        "algorithm": has.get("load_balancing.algorithm.type", "round_robin"),
        "deregistration_delay": float(has.get("deregistration_delay.timeout_seconds", 300)),
        "health": {
            "path": group.health_check_path or "/",
            "interval": float(group.health_check_interval_seconds),
            "timeout": float(group.health_check_timeout_seconds),
            "healthy": int(group.healthy_threshold_count),
            "unhealthy": int(group.unhealthy_threshold_count),
            "matcher": (group.matcher or {}).get("HttpCode") or "200",
        },
        "targets": list(group.targets),
    }


def runs(place, instance):
    return instance._state.name == "running" and not passing(place, "instance", instance.id)


def machine(place, instance, tags):
    return {
        "account": place.account,
        "region": place.region,
        "stack": tags[STACK],
        "name": tags.get("Name", instance.id),
        "user_data": user_data(instance).decode(errors="replace"),
    }


def at(endpoint):
    return f"{endpoint['Address']}:{endpoint['Port']}"


def caches(place, store):
    """Replication groups, and Memcached clusters node by node, once they are there."""
    for group in list(store.kinds["group"].values()):
        shard = group.shown["NodeGroups"][0]
        members = [m for m in shard["NodeGroupMembers"] if "ReadEndpoint" in m]
        if group.busy != "creating" and members:
            primary = next((m for m in members if m.get("CurrentRole") == "primary"), members[0])
            names = [at(shard["PrimaryEndpoint"])] + [at(m["ReadEndpoint"]) for m in members]
            yield {
                "id": f"{place.account}/{place.region}/{group.name}",
                "stack": group.tags.get(STACK),
                "kind": "redis",
                "tls": bool(group.hidden["TransitEncryptionEnabled"]),
                "names": names + [at(shard["ReaderEndpoint"])],
                "nodes": [m["CacheClusterId"] for m in members],
                "primary": primary["CacheClusterId"],
            }
    for cluster in list(store.kinds["cluster"].values()):
        if cluster.busy == "creating" or cluster.hidden["Engine"] != "memcached":
            continue
        for node in cluster.shown["CacheNodes"]:
            yield {
                "id": f"{place.account}/{place.region}/{cluster.name}-{node['CacheNodeId']}",
                "stack": cluster.tags.get(STACK),
                "kind": "memcached",
                "tls": bool(cluster.hidden["TransitEncryptionEnabled"]),
                "names": [at(node["Endpoint"])],
            }


def databases(place):
    """Clusters, and the instances that are in none, once they are there."""
    rds = place.moto("rds")
    for cluster in list(rds.clusters.values()):
        names = [f"{name}:{cluster.port}" for name in (cluster.endpoint, cluster.reader_endpoint)]
        name = cluster.db_cluster_identifier
        if cluster._status != "stopped" and passing(place, "dbcluster", name) != "creating":
            yield database(place, name, cluster, names, cluster.database_name)
    for db in list(rds.databases.values()):
        name = db.db_instance_identifier
        alone = not getattr(db, "db_cluster_identifier", None)
        if alone and db.status != "stopped" and passing(place, "db", name) != "creating":
            yield database(place, name, db, [f"{db.address}:{db.port}"], db.db_name)


def database(place, name, db, names, schema):
    return {
        "id": f"{place.account}/{place.region}/{name}",
        "stack": next((t["Value"] for t in db.tags if t["Key"] == STACK), None),
        "kind": "postgres" if "postgres" in db.engine else "mysql",
        "tls": True,
        "names": names,
        "database": schema,
        "user": db.master_username,
        "password": password(db),
        "boots": boots(place, name),
    }


def password(db):
    managed = getattr(db, "master_user_secret", None)
    if not managed:
        return getattr(db, "_master_user_password", None) or ""
    secret = managed.secret
    return json.loads(secret.versions[secret.default_version_id]["secret_string"])["password"]
