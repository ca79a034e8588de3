//! What a reader of a plan wants to see of each kind, and under which heading it stands.

/// A heading, and the kinds below it.
pub(super) const GROUPS: &[(&str, &[&str])] = &[
    (
        "network",
        &[
            "vpc",
            "internet-gateway",
            "subnet",
            "elastic-ip",
            "nat-gateway",
            "route-table",
            "vpc-endpoint",
        ],
    ),
    ("access", &["security-group", "security-group-rule", "instance-role", "role-policy"]),
    ("load balancer", &["load-balancer", "target-group", "listener"]),
    ("app", &["secret", "dynamodb-table", "parameter", "instance", "target"]),
    (
        "cache",
        &["cache-subnet-group", "cache-parameter-group", "replication-group", "cache-cluster"],
    ),
    ("database", &["db-subnet-group", "db-cluster", "db-instance"]),
    ("dns", &["hosted-zone", "dns-record"]),
];

/// The attributes that tell a new resource of a kind from others; the rest is detail.
pub(super) fn telling(kind: &str) -> &'static [&'static str] {
    match kind {
        "vpc" => &["cidr"],
        "subnet" => &["zone", "cidr"],
        "dynamodb-table" => &["key", "ttl"],
        "load-balancer" => &["scheme"],
        "target-group" => &["stickiness"],
        "listener" => &["port", "action"],
        "instance" => &["image", "instance_type"],
        "replication-group" => &["engine", "version", "node_type", "replicas"],
        "cache-cluster" => &["version", "node_type", "nodes"],
        "db-cluster" => &["engine", "version", "snapshot"],
        "db-instance" => {
            &["engine", "version", "instance_class", "storage", "multi_az", "snapshot"]
        }
        "hosted-zone" => &["domain"],
        _ => &[],
    }
}

/// Whether a value says enough without its attribute's name.
pub(super) fn speaks_for_itself(attribute: &str) -> bool {
    matches!(
        attribute,
        "cidr"
            | "zone"
            | "scheme"
            | "image"
            | "instance_type"
            | "engine"
            | "version"
            | "node_type"
            | "instance_class"
            | "domain"
            | "action"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds;

    #[test]
    fn every_kind_stands_under_one_heading() {
        for kind in kinds::all() {
            let headings = GROUPS.iter().filter(|(_, kinds)| kinds.contains(&kind.name()));
            assert_eq!(headings.count(), 1, "{}", kind.name());
        }
    }
}
