"""Elastic Load Balancing v2."""

import re

from .registry import match, rule, within

NAME_32 = r"(?!-)[A-Za-z0-9-]{1,32}(?<!-)"
TARGET_GROUP = {
    "stickiness.enabled": r"true|false",
    "stickiness.type": r"lb_cookie|app_cookie",
    "stickiness.lb_cookie.duration_seconds": (1, 604800),
    "stickiness.app_cookie.duration_seconds": (1, 604800),
    "stickiness.app_cookie.cookie_name": r"(?!AWSALB)[!#$%&'*+\-.^_`|~0-9A-Za-z]+",
    "deregistration_delay.timeout_seconds": (0, 3600),
    "load_balancing.algorithm.type": r"round_robin|least_outstanding_requests|weighted_random",
    "load_balancing.algorithm.anomaly_mitigation": r"on|off",
    "load_balancing.cross_zone.enabled": r"true|false|use_load_balancer_configuration",
    "slow_start.duration_seconds": r"0|[3-9]\d|[1-8]\d\d|900",
}
LOAD_BALANCER = {
    "deletion_protection.enabled": r"true|false", "idle_timeout.timeout_seconds": (1, 4000),
    "client_keep_alive.seconds": (60, 604800), "routing.http.drop_invalid_header_fields.enabled": r"true|false",
    "routing.http.desync_mitigation_mode": r"monitor|defensive|strictest", "routing.http2.enabled": r"true|false",
    "routing.http.preserve_host_header.enabled": r"true|false", "routing.http.xff_client_port.enabled": r"true|false",
    "routing.http.xff_header_processing.mode": r"append|preserve|remove", "access_logs.s3.enabled": r"true|false",
    "access_logs.s3.bucket": r"[a-z0-9][a-z0-9.\-]{1,61}[a-z0-9]", "access_logs.s3.prefix": r"(?!/)(?!.*AWSLogs)(|.*[^/])",
    "waf.fail_open.enabled": r"true|false", "zonal_shift.config.enabled": r"true|false",
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": r"true|false",
}

# "Strict-Transport-Security": "max-age=value", with includeSubDomains and preload; "" for none.
LISTENER = {
    "routing.http.response.strict_transport_security.header_value": r"(max-age=\d+(; ?includeSubDomains)?(; ?preload)?)?",
    "routing.http.response.server.enabled": r"true|false",
}


def attributes(request, params, known, source):
    if not params.get("Attributes"):
        request.problem("Attributes", "attributes-none", "a call that changes nothing", source)
    if len(params.get("Attributes", [])) > 20:
        request.problem("Attributes", "attributes-20", "more than 20", source)
    for i, one in enumerate(params.get("Attributes", [])):
        key, value, at = one.get("Key"), one.get("Value"), f"Attributes[{i}]"
        if key not in known:
            request.problem(at, "attribute-key", f"{key!r} is none for an application load balancer", source)
        elif isinstance(known[key], tuple):
            if not re.fullmatch(r"\d+", value or "") or not known[key][0] <= int(value) <= known[key][1]:
                request.problem(at, "attribute-value", f"{key}={value!r} is not in {known[key]}", source)
        elif not re.fullmatch(known[key], value or ""):
            request.problem(at, "attribute-value", f"{key}={value!r}", source)


@rule("elbv2", "ModifyLoadBalancerAttributes")
def balancer_attributes(request, params, world):
    attributes(request, params, LOAD_BALANCER, "B:elbv2 LoadBalancerAttribute")
    sent = {one.get("Key"): one.get("Value") for one in params.get("Attributes", [])}
    if sent.get("access_logs.s3.enabled") == "true" and not sent.get("access_logs.s3.bucket"):
        request.problem("Attributes", "access-logs-bucket", "access logs without a bucket", "B:elbv2", "doubt")


@rule("elbv2", "ModifyListenerAttributes")
def listener_attributes(request, params, world):
    attributes(request, params, LISTENER, "B:elbv2 ListenerAttribute")


@rule("elbv2", "ModifyTargetGroupAttributes")
def group_attributes(request, params, world):
    """Each attribute alone, and what the group would have after the call."""
    source = "B:elbv2 TargetGroupAttribute"
    attributes(request, params, TARGET_GROUP, source)
    sent = {one.get("Key"): one.get("Value") for one in params.get("Attributes", [])}
    after = {**world.attributes[params.get("TargetGroupArn")], **sent}
    algorithm, sticky = after.get("load_balancing.algorithm.type", "round_robin"), after.get("stickiness.enabled") == "true"
    slow = after.get("slow_start.duration_seconds", "0") != "0"
    if sticky and algorithm == "weighted_random":
        request.problem("Attributes", "sticky-and-weighted", "stickiness with weighted_random is refused", "T#35083")
    if slow and algorithm != "round_robin":
        request.problem("Attributes", "slow-start-and-algorithm", f"slow start with {algorithm} is refused", "B:elbv2")
    if sticky and after.get("load_balancing.cross_zone.enabled") == "false":
        request.problem("Attributes", "sticky-and-cross-zone", "stickiness without cross-zone is refused", "B:elbv2")
    if sent.get("stickiness.type") == "app_cookie" and not after.get("stickiness.app_cookie.cookie_name"):
        request.problem("Attributes", "app-cookie-name", "app_cookie without a cookie name", "B:elbv2")
    if sticky and not after.get("stickiness.type"):
        request.problem("Attributes", "sticky-type", "stickiness on without a type ever sent", "B:elbv2", "doubt")
    name = sent.get("stickiness.app_cookie.cookie_name", "")
    if name.upper().startswith("AWSALB") and not name.startswith("AWSALB"):
        request.problem("Attributes", "cookie-case", f"{name!r}: is the reserved AWSALB compared by case?", "B:elbv2", "notice")
    if after.get("load_balancing.algorithm.anomaly_mitigation") == "on" and algorithm != "weighted_random":
        request.problem("Attributes", "anomaly-and-algorithm", "anomaly mitigation needs weighted_random", "B:elbv2")
    request.once_served(world.attributes.__setitem__, params.get("TargetGroupArn"), after)


@rule("elbv2", "CreateTargetGroup", "ModifyTargetGroup")
def target_group(request, params, world):
    source = "B:elbv2 CreateTargetGroupInput"
    if request.operation == "CreateTargetGroup":
        match(request, "Name", params.get("Name", ""), NAME_32, "tg-name", "B:elbv2")
        for name in ("Protocol", "Port", "VpcId"):
            if not params.get(name):
                request.problem(name, "tg-needs", "needed for instance and ip targets", "B:elbv2")
        if params.get("Protocol") not in ("HTTP", "HTTPS"):
            request.problem("Protocol", "tg-protocol", "cookie stickiness wants HTTP or HTTPS", "B:elbv2")
    interval, limit = params.get("HealthCheckIntervalSeconds"), params.get("HealthCheckTimeoutSeconds")
    within(request, "HealthCheckIntervalSeconds", interval, 5, 300, "check-interval", source)
    within(request, "HealthCheckTimeoutSeconds", limit, 2, 120, "check-timeout", source)
    within(request, "HealthyThresholdCount", params.get("HealthyThresholdCount"), 2, 10, "check-threshold", source)
    within(request, "UnhealthyThresholdCount", params.get("UnhealthyThresholdCount"), 2, 10, "check-threshold", source)
    if interval and limit and limit >= interval:
        request.problem("HealthCheckTimeoutSeconds", "check-timeout-below-interval", f"{limit} s in {interval} s", "B:elbv2")
    if limit is None and request.operation == "CreateTargetGroup":
        request.problem("HealthCheckTimeoutSeconds", "check-timeout-sent", "defaults differ: send it", "B:elbv2", "doubt")
    match(request, "HealthCheckPath", params.get("HealthCheckPath"), r"/[\x21-\x7e]{0,1023}", "check-path", source)
    if params.get("HealthCheckEnabled") is False:
        request.problem("HealthCheckEnabled", "check-off", "cannot be off for instances", "B:elbv2")
    codes = (params.get("Matcher") or {}).get("HttpCode")
    for part in (codes or "200").split(","):
        ends = part.split("-")
        if not all(re.fullmatch(r"[2-4]\d\d", end) for end in ends) or len(ends) > 2 or ends != sorted(ends):
            request.problem("Matcher.HttpCode", "check-matcher", f"{codes!r}", source)


@rule("elbv2", "CreateLoadBalancer", "SetSubnets")
def balancer(request, params, world):
    if request.operation == "CreateLoadBalancer":
        name = params.get("Name", "")
        match(request, "Name", name, NAME_32, "lb-name", "B:elbv2")
        if name.lower().startswith("internal-"):
            request.problem("Name", "lb-internal", f"{name!r} begins with internal-", "B:elbv2")
        if params.get("Type", "application") == "application" and not params.get("SecurityGroups"):
            request.problem("SecurityGroups", "lb-groups", "the VPC's default group would be taken", "B:elbv2", "doubt")
    subnets = params.get("Subnets", [])
    if len(subnets) < 2 or len(set(subnets)) != len(subnets):
        request.problem("Subnets", "lb-subnets", f"{subnets}: two different zones at least", "B:elbv2")
    if subnets and params.get("SubnetMappings"):
        request.problem("Subnets", "lb-subnets-or-mappings", "one or the other", "B:elbv2")


@rule("elbv2", "CreateListener", "ModifyListener")
def listener(request, params, world):
    protocol, certificates = params.get("Protocol"), params.get("Certificates", [])
    if protocol == "HTTPS":
        if len(certificates) != 1 or "IsDefault" in certificates[0]:
            request.problem("Certificates", "https-certificate", "exactly one, without IsDefault", "B:elbv2")
        if not params.get("SslPolicy"):
            request.problem("SslPolicy", "tls-policy", "without one AWS takes ELBSecurityPolicy-2016-08", "B:elbv2", "doubt")
        for one in certificates:
            arn = one.get("CertificateArn", "")
            match(request, "Certificates", arn, r"arn:aws[\w-]*:(acm:[\w-]+:\d{12}:certificate/[\w-]+|iam::\d{12}:server-certificate/.+)",
                  "certificate-arn", "B:elbv2")
            if f":{request.record.region}:" not in arn and ":iam:" not in arn:
                request.problem("Certificates", "certificate-region", f"{arn} in {request.record.region}", "B:elbv2")
    elif protocol == "HTTP" and (certificates or params.get("SslPolicy")):
        request.problem("Certificates", "http-certificate", "HTTP with certificate or policy", "B:elbv2")
    within(request, "Port", params.get("Port"), 1, 65535, "port", "B:elbv2")
    for i, action in enumerate(params.get("DefaultActions", [])):
        at, kind = f"DefaultActions[{i}]", action.get("Type")
        if kind == "forward" and not (action.get("TargetGroupArn") or action.get("ForwardConfig")):
            request.problem(at, "forward-to", "no target group", "B:elbv2")
        if kind == "redirect":
            to = action.get("RedirectConfig", {})
            if protocol == "HTTPS" and to.get("Protocol") == "HTTP":
                request.problem(at, "redirect-down", "HTTPS to HTTP is refused", "B:elbv2")
            if not {"Protocol", "Port", "Host", "Path", "Query"} & set(to):
                request.problem(at, "redirect-loop", "no part is changed", "B:elbv2")
            if to.get("Path") and not to["Path"].startswith("/"):
                request.problem(at, "redirect-path", to["Path"], "B:elbv2 RedirectActionConfig")
            if to.get("StatusCode") not in ("HTTP_301", "HTTP_302"):
                request.problem(at, "redirect-code", repr(to.get("StatusCode")), "B:elbv2")


@rule("elbv2", "DescribeTags")
def describe_tags(request, params, world):
    within(request, "ResourceArns", len(params.get("ResourceArns", [])), 1, 20, "arns-20", "B:elbv2")


@rule("elbv2", "Describe*")
def elb_pages(request, params, world):
    within(request, "PageSize", params.get("PageSize"), 1, 400, "page-size", "B:elbv2")
    chosen = [k for k in ("Names", "LoadBalancerArns", "TargetGroupArns", "LoadBalancerArn", "ListenerArns") if params.get(k)]
    if params.get("PageSize") and set(chosen) & {"Names", "LoadBalancerArns", "TargetGroupArns"}:
        request.problem("PageSize", "names-and-page", f"with {chosen}", "B:elbv2", "doubt")
    if len(chosen) > 1 and request.operation in ("DescribeTargetGroups", "DescribeListeners"):
        request.problem("", "one-way", f"exactly one of {chosen}", "B:elbv2")
    if request.operation == "DescribeLoadBalancers":
        for name in ("Names", "LoadBalancerArns"):
            if len(params.get(name, [])) > 20:
                request.problem(name, "balancers-20", "more than 20", "B:elbv2")
