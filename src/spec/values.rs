//! Single values: numbers, durations, switches, words, and the shapes that several sections share.

use super::choice::{Choice, names, nearest};
use super::schema::Holds;
use super::{Seconds, Wrong};

pub(super) fn parse_number<T: TryFrom<u32>>(text: &str, holds: Holds) -> Result<T, Wrong> {
    let wrong = || Wrong::new(format!("expected {}", holds.describe()));
    let (Holds::Number(from, to) | Holds::NumberOrTexts(from, to)) = holds else {
        return Err(wrong());
    };
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let number = text.parse::<u32>().ok().filter(|number| (from..=to).contains(number));
    number.and_then(|number| T::try_from(number).ok()).ok_or_else(wrong)
}

pub(super) fn parse_duration(text: &str, holds: Holds) -> Result<Seconds, Wrong> {
    let seconds: Seconds = text.parse()?;
    match holds {
        Holds::Duration(from, to) if !(from..=to).contains(&seconds.0) => {
            Err(Wrong::new(format!("expected {}", holds.describe())))
        }
        _ => Ok(seconds),
    }
}

pub(super) fn parse_switch(text: &str, holds: Holds) -> Result<bool, Wrong> {
    let wrong = || Wrong::new(format!("expected {}", holds.describe()));
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        "True" | "TRUE" | "yes" | "Yes" | "on" | "On" => Err(wrong().help("write `true`")),
        "False" | "FALSE" | "no" | "No" | "off" | "Off" => Err(wrong().help("write `false`")),
        _ => Err(wrong()),
    }
}

pub(super) fn parse_choice<C: Choice>(text: &str, holds: Holds) -> Result<C, Wrong> {
    C::of(text).ok_or_else(|| one_of(text, &names::<C>(), holds))
}

/// The refusal of a word that is none of a few.
pub(super) fn one_of(text: &str, words: &[&str], holds: Holds) -> Wrong {
    let near = nearest(text, words.iter().copied());
    Wrong::new(format!("expected {}", holds.describe()))
        .fix(near.map(|near| format!("did you mean `{near}`?")))
}

/// The parts of an ARN, after its form has been looked at.
#[derive(Clone, Copy, Debug)]
pub struct Arn<'a> {
    /// Where AWS is a world of its own: `aws`, `aws-cn`, `aws-us-gov`.
    pub partition: &'a str,
    /// The service: `acm`.
    pub service: &'a str,
    /// The region.
    pub region: &'a str,
    /// The account's 12 digits.
    pub account: &'a str,
    /// What it is, in the service's own words.
    pub resource: &'a str,
}

impl<'a> Arn<'a> {
    /// Takes an ARN apart; `None` when the text is not one with a region and an account.
    pub fn read(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next();
        let (arn, partition) = (next()?, next()?);
        let (service, region, account, resource) = (next()?, next()?, next()?, next()?);
        let good = arn == "arn"
            && (partition == "aws" || partition.starts_with("aws-"))
            && is_region(region)
            && is_account(account)
            && !resource.is_empty()
            && text.chars().all(|c| c.is_ascii_graphic());
        good.then_some(Self { partition, service, region, account, resource })
    }
}

/// The partition that a region is in, going by its name.
pub(super) fn partition_of(region: &str) -> &'static str {
    let begins = [
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("us-iso-", "aws-iso"),
        ("us-isob-", "aws-iso-b"),
        ("eu-isoe-", "aws-iso-e"),
        ("us-isof-", "aws-iso-f"),
        ("eusc-", "aws-eusc"),
    ];
    let of = begins.iter().find(|(begin, _)| region.starts_with(begin));
    of.map_or("aws", |(_, partition)| partition)
}

/// Whether this has the form of an AWS region: `eu-west-1`, `us-gov-east-1`.
pub(super) fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let word = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    match &*parts {
        [area, middle @ .., number] => {
            area.len() == 2
                && word(area)
                && !middle.is_empty()
                && middle.iter().all(word)
                && matches!(number.len(), 1 | 2)
                && number.bytes().all(|b| b.is_ascii_digit())
        }
        _ => false,
    }
}

/// Whether this has the form of an AWS account id.
pub(super) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Splits `t4g.small` into its family and its size, if both have the form of one.
pub(super) fn split_type(text: &str) -> Option<(&str, &str)> {
    let (family, size) = text.split_once('.')?;
    let word = |part: &str| {
        part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let good = family.starts_with(|c: char| c.is_ascii_lowercase())
        && family.contains(|c: char| c.is_ascii_digit())
        && word(family)
        && is_size(size);
    good.then_some((family, size))
}

fn is_size(size: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    matches!(size, "nano" | "micro" | "small" | "medium" | "large" | "xlarge" | "metal")
        || size.strip_suffix("xlarge").is_some_and(number)
        || size.strip_prefix("metal-").and_then(|rest| rest.strip_suffix("xl")).is_some_and(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_have_an_area_words_and_a_number() {
        for region in ["eu-west-1", "us-gov-east-1", "ap-southeast-5", "us-isob-east-1"] {
            assert!(is_region(region), "{region}");
        }
        for region in ["", "eu-west", "eu-west-1a", "EU-west-1", "europe", "eu--1", "eu-1", "-1"] {
            assert!(!is_region(region), "{region}");
        }
    }

    #[test]
    fn a_region_tells_its_partition() {
        for (region, partition) in [
            ("eu-west-1", "aws"),
            ("cn-north-1", "aws-cn"),
            ("us-gov-east-1", "aws-us-gov"),
            ("us-iso-east-1", "aws-iso"),
            ("us-isob-east-1", "aws-iso-b"),
            ("eusc-de-east-1", "aws-eusc"),
        ] {
            assert_eq!(partition_of(region), partition);
        }
    }

    #[test]
    fn types_have_a_family_with_a_generation_and_a_size() {
        assert_eq!(split_type("t4g.small"), Some(("t4g", "small")));
        for good in ["m7i-flex.2xlarge", "u-6tb1.metal", "c7g.metal-48xl", "a1.xlarge"] {
            assert!(split_type(good).is_some(), "{good}");
        }
        for bad in
            ["t4g", "t4g.", ".small", "small", "t.small", "T4G.small", "t4g.tiny", "t4g.xxlarge"]
        {
            assert!(split_type(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_number_is_whole_and_in_range() {
        let parse = |text| parse_number::<u8>(text, Holds::Number(2, 6)).ok();
        assert_eq!((parse("2"), parse("6")), (Some(2), Some(6)));
        for text in ["", "1", "7", "-2", "2.0", "0x2", "99999999999999", "two"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
