//! What an app may look like.

use super::*;

fn architecture(instance_type: &str) -> Architecture {
    let file = format!("name: shop\napp: {{image: shop, instance_type: {instance_type}.large}}");
    crate::spec::load(&crate::spec::Source::new("f", file), &[], &|_| None)
        .unwrap()
        .app
        .architecture()
}

#[test]
fn graviton_families_are_arm() {
    for family in
        ["a1", "t4g", "m6g", "m6gd", "c7gn", "r8g", "x2gd", "im4gn", "is4gen", "g5g", "hpc7g"]
    {
        assert_eq!(architecture(family), Architecture::Arm64, "{family}");
    }
}

#[test]
fn intel_and_amd_families_are_x86() {
    for family in
        ["t3", "t3a", "m7i", "m7i-flex", "c5n", "g4dn", "g6e", "gr6", "p4de", "x2iezn", "i4i"]
    {
        assert_eq!(architecture(family), Architecture::X86_64, "{family}");
    }
}

#[test]
fn an_instance_type_is_a_family_and_a_size() {
    for good in ["t4g.small", "t3.2xlarge", "m7g.16xlarge", "trn1.32xlarge", "a1.medium"] {
        assert!(instance_type(good).is_ok(), "{good}");
    }
    for bad in ["t4g", "t4g.4xlarge", "mac2.metal", "db.t4g.small", "T4G.small", "large", ""] {
        assert!(instance_type(bad).is_err(), "{bad}");
    }
    assert_eq!(instance_type("t4g").unwrap_err().fix.unwrap(), "did you mean t4g.small?");
    assert_eq!(instance_type("db.t4g.micro").unwrap_err().fix.unwrap(), "did you mean t4g.micro?");
}

#[test]
fn an_ami_is_named_by_its_id() {
    assert!(ami("ami-0abcdef1234567890").is_ok());
    assert!(ami("ami-1a2b3c4d").is_ok());
    for bad in ["", "ami-", "ami-123", "ami-XYZ12345", "al2023", "ami-0abcdef12345678901"] {
        assert!(ami(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_health_check_path_begins_with_a_slash_and_has_an_end() {
    assert!(path("/").is_ok());
    assert!(path("/up?full=1").is_ok());
    assert!(path(&format!("/{}", "a".repeat(1_023))).is_ok());
    for bad in ["", "healthz", "http://host/", "/a b", "/ä", &format!("/{}", "a".repeat(1_024))] {
        assert!(path(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_matcher_is_a_list_of_codes_and_ranges() {
    for good in ["200", "200,302", "200-299", "200-299,404", "499"] {
        assert!(matcher(good).is_ok(), "{good}");
    }
    for bad in ["", "199", "500", "200-", "299-200", "200, 302", "2xx", "+200", "200-250-299"] {
        assert!(matcher(bad).is_err(), "{bad}");
    }
}
