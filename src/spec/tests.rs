//! What the top of a stack file may look like.

use super::*;

#[test]
fn a_stack_name_can_be_the_prefix_of_every_resource_name() {
    for good in ["a", "shop", "shop-2", "s3", "internally", "sgx", "abcdefghijklmnopqrst"] {
        assert!(stack_name(good).is_ok(), "{good}");
    }
    for bad in [
        "",
        "Shop",
        "2shop",
        "-shop",
        "shop-",
        "sh--op",
        "sh_op",
        "shöp",
        "internal",
        "internal-x",
        "sg",
        "sg-1",
        "abcdefghijklmnopqrstu",
    ] {
        assert!(stack_name(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_zone_is_told_its_region() {
    assert!(region("eu-west-1").is_ok());
    assert_eq!(
        region("eu-west-1a").unwrap_err().fix.unwrap(),
        "this is a zone; its region is eu-west-1"
    );
    assert_eq!(region("Ireland").unwrap_err().fix, None);
}

#[test]
fn an_account_has_twelve_digits() {
    assert!(account("012345678901").is_ok());
    for bad in ["12345678901", "1234567890123", "12345678901a", "1.2e11"] {
        assert!(account(bad).is_err(), "{bad}");
    }
    let fix = account("1234-5678-9012").unwrap_err().fix.unwrap();
    assert_eq!(fix, "write it without hyphens: \"123456789012\"");
}
