//! Names of resources: `<stack>-<role>`, with a hash where two generations must stand side by side.

use super::Aws;
use crate::engine::sealed::digest;

impl Aws {
    /// `<stack>-<role>`: the name of a resource of which there is one at a time.
    ///
    /// A stack's name has at most 20 characters, so that roles of up to 11 fit the tightest limit
    /// (32, load balancers and target groups).
    pub fn named(&self, role: &str) -> String {
        format!("{}-{role}", self.stack)
    }

    /// `<stack>-<role>-<hash>`: the name of a resource whose successor is made before it goes. The
    /// hash is of what cannot be changed in place, so old and new never collide.
    pub fn named_after<'a>(&self, role: &str, fixed: impl IntoIterator<Item = &'a str>) -> String {
        let fixed: Vec<_> = fixed.into_iter().collect();
        format!("{}-{role}-{}", self.stack, &digest(fixed.join("\n"))[..6])
    }

    /// The role in a name that begins like those of this stack. Others' names can begin so, too:
    /// the tags decide.
    pub fn role<'a>(&self, name: &'a str) -> Option<&'a str> {
        name.strip_prefix(&*self.stack)?.strip_prefix('-').filter(|role| !role.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_names_fit_the_tightest_limit() {
        let aws = Aws::offline("a-stack-of-20-chars-");
        assert!(aws.named_after("app", ["vpc-0123456789abcdef0", "80"]).len() <= 32);
    }

    #[test]
    fn generations_have_different_names_and_each_has_one() {
        let aws = Aws::offline("shop");
        assert_eq!(aws.named_after("app", ["a", "b"]), aws.named_after("app", ["a", "b"]));
        assert_ne!(aws.named_after("app", ["a", "b"]), aws.named_after("app", ["ab"]));
    }

    #[test]
    fn a_name_tells_its_role_unless_it_begins_otherwise() {
        let aws = Aws::offline("shop");
        assert_eq!(aws.role("shop-db"), Some("db"));
        assert_eq!(aws.role("shopping-db"), None);
        assert_eq!(aws.role("shop"), None);
    }
}
