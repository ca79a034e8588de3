"""Target groups and their attributes."""

from ..call import fault
from .load_balancers import bad
from .registry import on

BOOL = ("true", "false")
WEEK = range(1, 604801)
PERCENT = ("off", *map(str, range(1, 101)))
COUNT = ("off", *map(str, range(1, 1001)))
TG_ATTRIBUTES = {  # key -> (allowed values, default)
    "stickiness.enabled": (BOOL, "false"),
    "stickiness.type": (("lb_cookie", "app_cookie"), "lb_cookie"),
    "stickiness.lb_cookie.duration_seconds": (WEEK, "86400"),
    "stickiness.app_cookie.cookie_name": (None, ""),
    "stickiness.app_cookie.duration_seconds": (WEEK, "86400"),
    "deregistration_delay.timeout_seconds": (range(0, 3601), "300"),
    "slow_start.duration_seconds": ((0, *range(30, 901)), "0"),
    "load_balancing.algorithm.type": (
        ("round_robin", "least_outstanding_requests", "weighted_random"),
        "round_robin",
    ),
    "load_balancing.algorithm.anomaly_mitigation": (("on", "off"), "off"),
    "load_balancing.cross_zone.enabled": (
        (*BOOL, "use_load_balancer_configuration"),
        "use_load_balancer_configuration",
    ),
    "target_group_health.dns_failover.minimum_healthy_targets.count": (COUNT, "1"),
    "target_group_health.dns_failover.minimum_healthy_targets.percentage": (PERCENT, "off"),
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": (COUNT, "1"),
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": (PERCENT, "off"),
}
RANGES = {  # of the health check
    "HealthCheckIntervalSeconds": range(5, 301),
    "HealthCheckTimeoutSeconds": range(2, 121),
    "HealthyThresholdCount": range(2, 11),
    "UnhealthyThresholdCount": range(2, 11),
}


def check_health_check(call):
    for key, allowed in RANGES.items():
        if call.get(key) is not None and call.get(key) not in allowed:
            raise bad(f"{key} must be from {allowed[0]} to {allowed[-1]}, not {call.get(key)}")
    interval, timeout = call.get("HealthCheckIntervalSeconds"), call.get("HealthCheckTimeoutSeconds")
    if interval and timeout and timeout >= interval:
        raise bad("Health check timeout must be smaller than the interval")


@on("elbv2", "CreateTargetGroup")
def create_target_group(call):
    check_health_check(call)
    old = next((g for g in list(call.moto("elbv2").target_groups.values()) if g.name == call.get("Name")), None)
    if not old:
        return call.forward()
    same = (old.protocol, int(old.port or 0), old.vpc_id, old.target_type) == (
        call.get("Protocol"),
        call.get("Port", 0),
        call.get("VpcId"),
        call.get("TargetType", "instance"),
    )
    checks = {
        "HealthCheckPath": old.health_check_path,
        "HealthCheckProtocol": old.health_check_protocol,
        "HealthCheckIntervalSeconds": int(old.health_check_interval_seconds),
    }
    if not same or any(call.get(k) not in (None, v) for k, v in checks.items()):
        raise fault(
            "DuplicateTargetGroupName",
            f"A target group with the same name '{old.name}' exists, but with different settings",
        )
    shown = call.client("elbv2").describe_target_groups(TargetGroupArns=[old.arn])
    return {"TargetGroups": shown["TargetGroups"]}


@on("elbv2", "ModifyTargetGroup")
def modify_target_group(call):
    check_health_check(call)
    return call.forward()


@on("elbv2", "DescribeTargetGroups")
def describe_target_groups(call):
    answer = call.forward()
    for g in answer.get("TargetGroups", []):  # moto names a load balancer once per listener
        g["LoadBalancerArns"] = sorted(set(g.get("LoadBalancerArns", [])) & set(call.moto("elbv2").load_balancers))
    return answer


def check_value(key, value):
    if key not in TG_ATTRIBUTES:
        raise bad(f"Target group attribute key '{key}' is not recognized")
    if value == "":
        raise bad(f"Target group attribute value must not be empty for '{key}'")
    allowed = TG_ATTRIBUTES[key][0]
    if allowed is None:
        fits = True
    elif isinstance(allowed[0], int):
        fits = value.isdigit() and int(value) in allowed
    else:
        fits = value in allowed
    if not fits:
        raise bad(f"Target group attribute value '{value}' is not valid for '{key}'")
    if key == "stickiness.app_cookie.cookie_name" and value.upper().startswith(("AWSALB", "AWSALBAPP", "AWSALBTG")):
        raise bad(f"Cookie name '{value}' is reserved")


@on("elbv2", "ModifyTargetGroupAttributes")
def modify_target_group_attributes(call):
    group = call.moto("elbv2").target_groups.get(call.get("TargetGroupArn"))
    if not group:
        return call.forward()
    asked = {a["Key"]: a.get("Value", "") for a in call.get("Attributes", [])}
    for key, value in asked.items():
        check_value(key, value)
    defaults = {k: d for k, (_, d) in TG_ATTRIBUTES.items()}
    after = {**defaults, **{k: str(v) for k, v in group.attributes.items()}, **asked}
    sticky, algorithm = after["stickiness.enabled"] == "true", after["load_balancing.algorithm.type"]
    if sticky and after["stickiness.type"] == "app_cookie" and not after["stickiness.app_cookie.cookie_name"]:
        raise bad("stickiness.app_cookie.cookie_name must be given for app_cookie stickiness")
    if sticky and algorithm == "weighted_random":
        raise fault(
            "InvalidConfigurationRequest",
            "You cannot have both stickiness and weighted random algorithm enabled on the same target group.",
        )
    if sticky and after["load_balancing.cross_zone.enabled"] == "false":
        raise fault("InvalidConfigurationRequest", "Stickiness needs cross-zone load balancing on the target group")
    if after["slow_start.duration_seconds"] != "0" and algorithm != "round_robin":
        raise fault("InvalidConfigurationRequest", "Slow start is possible only with the round_robin algorithm")
    if after["load_balancing.algorithm.anomaly_mitigation"] == "on" and algorithm != "weighted_random":
        raise fault("InvalidConfigurationRequest", "Anomaly mitigation needs the weighted_random algorithm")
    return call.forward()


@on("elbv2", "DescribeTargetGroupAttributes")
def describe_target_group_attributes(call):
    answer = call.forward()
    # moto shows one of a load balancer's too.
    answer["Attributes"] = [a for a in answer.get("Attributes", []) if a["Key"] in TG_ATTRIBUTES]
    have = {a["Key"] for a in answer["Attributes"]}
    answer["Attributes"] += [{"Key": k, "Value": d} for k, (_, d) in TG_ATTRIBUTES.items() if k not in have]
    return answer
