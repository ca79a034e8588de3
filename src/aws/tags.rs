//! Ownership and the user's tags: written on everything that can bear them, read to find it again.

use super::Aws;
use crate::engine::{Address, Plain, Taken};
use std::{collections::BTreeMap, fmt};

/// The tag that names the stack a resource belongs to.
pub const STACK: &str = "stackctl:stack";
/// The tag that names the resource within its kind.
pub const NAME: &str = "stackctl:name";
/// The tag that lists the keys of the user's tags, so that tags of others are left alone.
pub const KEYS: &str = "stackctl:keys";

/// The user's tags on a resource; tags that others put there are not among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags(pub BTreeMap<String, String>);

impl fmt::Display for Tags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: Vec<_> = self.0.iter().map(|(k, v)| format!("{k}={v}")).collect();
        write!(f, "{{{}}}", shown.join(", "))
    }
}

impl Plain for Tags {}

/// Every tag of a resource, as AWS stores it: key and value.
pub type Labels = Vec<(String, String)>;

/// What the tags of a resource of ours say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owned {
    /// The name within its kind.
    pub name: String,
    /// The user's tags.
    pub tags: Tags,
    /// All tags.
    pub all: BTreeMap<String, String>,
}

impl Tags {
    /// The value of the tag that remembers which keys are the user's.
    pub fn keys(&self) -> String {
        self.0.keys().map(String::as_str).collect::<Vec<_>>().join(" ")
    }

    /// What to set and which keys to remove so that `found` becomes `self`.
    pub fn changes_from(&self, found: &Self) -> (Labels, Vec<String>) {
        let mut set: Labels = self
            .0
            .iter()
            .filter(|(key, value)| found.0.get(*key) != Some(value))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        if self.keys() != found.keys() {
            set.push((KEYS.into(), self.keys()));
        }
        let unset = found.0.keys().filter(|key| !self.0.contains_key(*key)).cloned().collect();
        (set, unset)
    }
}

impl Aws {
    /// Every tag of the resource at `address`: who owns it, what it is, and the user's own.
    pub fn labels(&self, address: &Address, tags: &Tags) -> Labels {
        let mut labels: Labels = vec![
            ("Name".into(), self.named(&address.name)),
            (STACK.into(), self.stack.to_string()),
            (NAME.into(), address.name.to_string()),
            (KEYS.into(), tags.keys()),
        ];
        labels.extend(tags.0.iter().map(|(k, v)| (k.clone(), v.clone())));
        labels
    }

    /// What the tags of a resource say, if they say that it is this stack's.
    pub fn owned<'a>(
        &self,
        tags: impl IntoIterator<Item = (Option<&'a str>, Option<&'a str>)>,
    ) -> Option<Owned> {
        let all: BTreeMap<String, String> = tags
            .into_iter()
            .filter_map(|(key, value)| {
                Some((key?.to_owned(), value.unwrap_or_default().to_owned()))
            })
            .collect();
        if all.get(STACK)? != &*self.stack {
            return None;
        }
        let name = all.get(NAME)?.clone();
        let keys = all.get(KEYS).map(String::as_str).unwrap_or_default();
        let tags = keys
            .split(' ')
            .filter_map(|key| Some((key.to_owned(), all.get(key)?.clone())))
            .collect();
        Some(Owned { name, tags: Tags(tags), all })
    }

    /// Whose a thing is that has a name we need, going by its tags; `None` when it is this stack's.
    pub fn whose<'a>(
        &self,
        tags: impl IntoIterator<Item = (Option<&'a str>, Option<&'a str>)>,
    ) -> Option<String> {
        let all: Vec<_> = tags.into_iter().collect();
        if self.owned(all.iter().copied()).is_some() {
            return None;
        }
        let stack = all.iter().find(|(key, _)| *key == Some(STACK)).and_then(|(_, value)| *value);
        Some(match stack {
            None => "without a tag of stackctl's".into(),
            Some(stack) if *stack == *self.stack => {
                format!("of this stack by its tag {STACK}, but its tag {NAME} is gone")
            }
            Some(stack) => format!("of the stack {stack}"),
        })
    }

    /// What has a name we need, as a plan tells it; `None` when it is this stack's.
    pub fn taken<'a>(
        &self,
        what: impl Into<String>,
        tags: impl IntoIterator<Item = (Option<&'a str>, Option<&'a str>)>,
    ) -> Option<Taken> {
        Some(Taken { what: what.into(), whose: self.whose(tags)? })
    }
}

/// Writes the conversions between labels and one service's own tag type.
macro_rules! tag_type {
    ($to:ident, $from:ident, $tag:ty, $what:literal, $($build:ident)?) => {
        #[doc = concat!("Labels as ", $what, " takes them.")]
        pub fn $to(labels: &Labels) -> Vec<$tag> {
            labels
                .iter()
                .map(|(k, v)| <$tag>::builder().key(k).value(v).build()$(.$build("key and value are set"))?)
                .collect()
        }

        #[doc = concat!("Tags as ", $what, " gives them, for [`Aws::owned`].")]
        pub fn $from(tags: &[$tag]) -> impl Iterator<Item = (Option<&str>, Option<&str>)> {
            tags.iter().map(|tag| (Some(tag.key()).into(), Some(tag.value()).into()))
                .map(|(k, v): (Text<'_>, Text<'_>)| (k.0, v.0))
        }
    };
}

/// A tag's key or value, which some services' types make optional and others do not.
struct Text<'a>(Option<&'a str>);

impl<'a> From<Option<&'a str>> for Text<'a> {
    fn from(text: Option<&'a str>) -> Self {
        Self(text)
    }
}

impl<'a> From<Option<Option<&'a str>>> for Text<'a> {
    fn from(text: Option<Option<&'a str>>) -> Self {
        Self(text.flatten())
    }
}

tag_type!(for_ec2, of_ec2, aws_sdk_ec2::types::Tag, "EC2",);
tag_type!(for_elb, of_elb, aws_sdk_elasticloadbalancingv2::types::Tag, "ELBv2",);
tag_type!(for_elasticache, of_elasticache, aws_sdk_elasticache::types::Tag, "ElastiCache",);
tag_type!(for_rds, of_rds, aws_sdk_rds::types::Tag, "RDS",);
tag_type!(for_route53, of_route53, aws_sdk_route53::types::Tag, "Route 53",);
tag_type!(for_iam, of_iam, aws_sdk_iam::types::Tag, "IAM", expect);
tag_type!(for_ssm, of_ssm, aws_sdk_ssm::types::Tag, "Systems Manager", expect);
