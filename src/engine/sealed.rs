//! Values that can be written but not read back: they are compared by a digest kept in a tag.

use super::{attribute::Attribute, plan::Ids};
use sha2::{Digest, Sha256};

/// A value whose digest, and not the value itself, is remembered by the cloud.
#[derive(Clone, Debug, PartialEq)]
pub enum Sealed<T> {
    /// What is wanted, in full.
    Open(T),
    /// The digest read from a found resource's tag.
    Digest(String),
}

impl<T: AsRef<[u8]>> Sealed<T> {
    /// The digest to keep in a tag: 16 hexadecimal digits of SHA-256.
    pub fn digest(&self) -> String {
        match self {
            Self::Open(value) => digest(value),
            Self::Digest(digest) => digest.clone(),
        }
    }
}

/// 16 hexadecimal digits of the SHA-256 of `value`.
pub fn digest(value: impl AsRef<[u8]>) -> String {
    let hash = Sha256::digest(value.as_ref());
    let (first, _) = hash.split_at(8);
    let number = first.iter().fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    format!("{number:016x}")
}

impl<T: AsRef<[u8]> + 'static> Attribute for Sealed<T> {
    fn show(&self) -> String {
        self.digest()
    }
    fn met_by(&self, found: &Self, _: &Ids) -> bool {
        self.digest() == found.digest()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_value_is_met_by_its_own_digest_and_by_no_other() {
        let wanted = Sealed::Open("#!/bin/sh");
        let ids = Ids::default();
        assert!(wanted.met_by(&Sealed::Digest(wanted.digest()), &ids));
        assert!(!wanted.met_by(&Sealed::Digest(digest("#!/bin/bash")), &ids));
    }

    #[test]
    fn a_sealed_value_is_shown_as_its_digest_only() {
        assert!(!Sealed::Open("secret").show().contains("secret"));
    }
}
