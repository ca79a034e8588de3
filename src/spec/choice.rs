//! Values that are one word of a few.

/// An enum whose values the file writes as words.
pub(super) trait Choice: Copy + PartialEq + 'static {
    /// Every value, in the order in which messages list them.
    const ALL: &'static [Self];

    /// The word.
    fn word(self) -> &'static str;

    /// The value a word stands for.
    fn of(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|value| value.word() == word)
    }
}

/// The words of an enum.
pub(super) fn names<C: Choice>() -> Vec<&'static str> {
    C::ALL.iter().map(|value| value.word()).collect()
}

/// Implements [`Choice`] for an enum that spells itself with `as_str`.
macro_rules! choice {
    ($name:ident: $($variant:ident),+) => {
        impl $crate::spec::choice::Choice for $name {
            const ALL: &'static [Self] = &[$(Self::$variant),+];

            fn word(self) -> &'static str {
                self.as_str()
            }
        }
    };
}
pub(super) use choice;

/// The word that was probably meant, if one of `known` is near.
pub(crate) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let plain = |word: &str| word.to_lowercase().replace(['_', '-', ' '], "");
    let sought = plain(word);
    let far = |known: &&str| strsim::damerau_levenshtein(&sought, &plain(known));
    // One slip in three letters: `prot` is `port`, `cat` is not `lb`.
    known.into_iter().min_by_key(far).filter(|known| far(known) * 3 <= known.len().max(3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_a_different_word_is_not() {
        let known = ["port", "instance_type", "health_check", "env"];
        assert_eq!(nearest("prot", known), Some("port"));
        assert_eq!(nearest("instanceType", known), Some("instance_type"));
        assert_eq!(nearest("healthcheck", known), Some("health_check"));
        assert_eq!(nearest("envs", known), Some("env"));
        assert_eq!(nearest("color", known), None);
        assert_eq!(nearest("", known), None);
    }
}
