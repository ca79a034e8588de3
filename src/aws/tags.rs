//! Ownership and the user's tags: written on everything that can bear them, read to find it again.

use super::Aws;
use crate::engine::{Address, Plain, Taken};
use std::{collections::BTreeMap, fmt};

/// The tag that names the stack a resource belongs to.
pub const STACK: &str = "stackctl:stack";
/// The tag that names the resource within its kind.
pub const NAME: &str = "stackctl:name";
/// The tag that AWS's console shows as the name.
const NAME_SHOWN: &str = "Name";
/// The tag that lists the keys of the user's tags, so that tags of others are left alone.
pub const KEYS: &str = "stackctl:keys";

/// The user's tags on a resource; tags that others put there are not among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags {
    /// The user's own: key and value.
    pub own: BTreeMap<String, String>,
    /// What is wrong with the tag `Name`, on a resource that was found; nothing is of what is wanted.
    pub misnamed: Option<Misnamed>,
}

/// The tag `Name`, which the console shows: somebody changed it or took it away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misnamed {
    /// What it says, if it is there.
    pub is: Option<String>,
    /// What it should say.
    pub should_be: String,
}

impl<T: Into<BTreeMap<String, String>>> From<T> for Tags {
    fn from(own: T) -> Self {
        Self { own: own.into(), misnamed: None }
    }
}

impl fmt::Display for Tags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: Vec<_> = self.own.iter().map(|(k, v)| format!("{k}={v}")).collect();
        write!(f, "{{{}}}", shown.join(", "))?;
        match &self.misnamed {
            Some(Misnamed { is: Some(is), should_be }) => {
                write!(f, ", and Name is `{is}` in place of `{should_be}`")
            }
            Some(Misnamed { is: None, should_be }) => write!(f, ", and Name is not `{should_be}`"),
            None => Ok(()),
        }
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
    /// The value of the tag that remembers which keys are the user's: the keys, with a space
    /// between two of them and those within them escaped.
    pub fn keys(&self) -> String {
        self.own.keys().map(|key| escaped(key)).collect::<Vec<_>>().join(" ")
    }

    /// The user's tags among all of a resource, going by what [`Tags::keys`] remembered.
    fn remembered(keys: &str, all: &BTreeMap<String, String>) -> Self {
        let words: Vec<_> = keys.split(' ').collect();
        let mut rest = &*words;
        let mut tags = BTreeMap::new();
        while let [word, behind @ ..] = rest {
            // Earlier releases escaped nothing: a key may be one word or several.
            let several = (1..=rest.len()).rev().map(|n| (rest[..n].join(" "), &rest[n..]));
            let mut ways = [(unescaped(word), behind)].into_iter().chain(several);
            if let Some((key, value, after)) =
                ways.find_map(|(key, after)| all.get(&key).map(|value| (key, value.clone(), after)))
            {
                tags.insert(key, value);
                rest = after;
            } else {
                rest = behind;
            }
        }
        tags.into()
    }

    /// What to set and which keys to remove so that `found` becomes `self`.
    pub fn changes_from(&self, found: &Self) -> (Labels, Vec<String>) {
        let mut set: Labels = self
            .own
            .iter()
            .filter(|(key, value)| found.own.get(*key) != Some(value))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        if self.keys() != found.keys() {
            set.push((KEYS.into(), self.keys()));
        }
        if let Some(Misnamed { should_be, .. }) = &found.misnamed {
            set.push((NAME_SHOWN.into(), should_be.clone()));
        }
        let unset = found.own.keys().filter(|key| !self.own.contains_key(*key)).cloned().collect();
        (set, unset)
    }
}

/// A tag's key without spaces, in characters that every service takes in a tag's value.
fn escaped(key: &str) -> String {
    key.replace('=', "=3D").replace(' ', "=20")
}

fn unescaped(key: &str) -> String {
    key.replace("=20", " ").replace("=3D", "=")
}

impl Aws {
    /// Every tag of the resource at `address`: who owns it, what it is, and the user's own.
    pub fn labels(&self, address: &Address, tags: &Tags) -> Labels {
        let mut labels: Labels = vec![
            (NAME_SHOWN.into(), self.named(&address.name)),
            (STACK.into(), self.stack.to_string()),
            (NAME.into(), address.name.to_string()),
            (KEYS.into(), tags.keys()),
        ];
        labels.extend(tags.own.iter().map(|(k, v)| (k.clone(), v.clone())));
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
        let mut tags = Tags::remembered(keys, &all);
        let (is, should_be) = (all.get(NAME_SHOWN), self.named(&name));
        if is != Some(&should_be) {
            tags.misnamed = Some(Misnamed { is: is.cloned(), should_be });
        }
        Some(Owned { name, tags, all })
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

    /// What to say of a thing that has a name we need, is there, and is somebody else's.
    pub fn not_ours(&self, what: &str) -> String {
        format!(
            "{what} exists already and is not this stack's: its tag {STACK} is not {:?}; remove it \
             or give the stack another name",
            self.stack
        )
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

tag_type!(for_dynamodb, of_dynamodb, aws_sdk_dynamodb::types::Tag, "DynamoDB", expect);
tag_type!(for_ec2, of_ec2, aws_sdk_ec2::types::Tag, "EC2",);
tag_type!(for_elb, of_elb, aws_sdk_elasticloadbalancingv2::types::Tag, "ELBv2",);
tag_type!(for_elasticache, of_elasticache, aws_sdk_elasticache::types::Tag, "ElastiCache",);
tag_type!(for_rds, of_rds, aws_sdk_rds::types::Tag, "RDS",);
tag_type!(for_route53, of_route53, aws_sdk_route53::types::Tag, "Route 53",);
tag_type!(for_iam, of_iam, aws_sdk_iam::types::Tag, "IAM", expect);
tag_type!(
    for_secrets_manager,
    of_secrets_manager,
    aws_sdk_secretsmanager::types::Tag,
    "Secrets Manager",
);
tag_type!(for_ssm, of_ssm, aws_sdk_ssm::types::Tag, "Systems Manager", expect);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::btree_map, prelude::*};

    fn pairs(labels: &Labels) -> impl Iterator<Item = (Option<&str>, Option<&str>)> {
        labels.iter().map(|(key, value)| (Some(&**key), Some(&**value)))
    }

    fn read(keys: &str, all: &[(&str, &str)]) -> Vec<String> {
        let all = all.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Tags::remembered(keys, &all).own.into_keys().collect()
    }

    proptest! {
        #[test]
        fn whatever_keys_the_file_may_have_they_read_back_as_they_were_written(
            tags in btree_map("[ab =203D]{1,6}|[\\p{L}\\p{N} _.:/=+@-]{1,9}", "[a-z]{0,2}", 0..6),
        ) {
            let (aws, tags) = (Aws::offline("shop"), Tags::from(tags));
            let address = Address { kind: "vpc", name: "main".into() };
            let labels = aws.labels(&address, &tags);
            prop_assert_eq!(aws.owned(pairs(&labels)).unwrap().tags, tags);
        }
    }

    #[test]
    fn what_earlier_releases_remembered_is_still_read() {
        let all = [("Cost Centre", "42"), ("team", "checkout"), ("a=b", ""), ("of others", "")];
        assert_eq!(read("Cost Centre a=b team", &all), ["Cost Centre", "a=b", "team"]);
        assert_eq!(read("Cost Centre gone team", &all), ["Cost Centre", "team"]);
        assert_eq!(read("", &all), Vec::<String>::new());
    }

    #[test]
    fn a_name_that_somebody_changed_or_took_away_is_a_difference_and_is_put_back() {
        let aws = Aws::offline("shop");
        let (address, wanted) = (Address { kind: "vpc", name: "main".into() }, Tags::default());
        let mut labels = aws.labels(&address, &wanted);
        for (name, shown) in [
            (Some("ours"), "{}, and Name is `ours` in place of `shop-main`"),
            (None, "{}, and Name is not `shop-main`"),
        ] {
            labels.retain(|(key, _)| key != "Name");
            labels.extend(name.map(|name| ("Name".to_owned(), name.to_owned())));
            let found = aws.owned(pairs(&labels)).unwrap().tags;
            assert_ne!(found, wanted);
            assert_eq!(found.to_string(), shown);
            let put_back = vec![("Name".to_owned(), "shop-main".to_owned())];
            assert_eq!(wanted.changes_from(&found), (put_back, vec![]));
        }
    }

    #[test]
    fn a_tag_of_others_is_not_the_users_though_its_key_is_made_of_their_words() {
        let all = [("a", "1"), ("b", "2"), ("a b", "theirs")];
        assert_eq!(read("a b", &all), ["a", "b"]);
    }
}
