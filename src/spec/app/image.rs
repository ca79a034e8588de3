//! The form of a container image reference: `registry/path:tag@digest`.

use crate::spec::Wrong;

/// Reads a reference the way Docker does.
pub(super) fn reference(text: &str) -> Result<String, Wrong> {
    let wrong = |says: &'static str| Wrong::new(says).help("such as ghcr.io/acme/shop:1.4.2");
    if text.is_empty() || text.contains(char::is_whitespace) {
        return Err(wrong("an image reference is one word without spaces"));
    }
    if let Some((scheme, rest)) = text.split_once("://") {
        return Err(wrong("an image reference is no URL")
            .fix((!scheme.is_empty()).then(|| format!("write {rest}"))));
    }
    let (text_before, digest) = match text.split_once('@') {
        Some((before, digest)) => (before, Some(digest)),
        None => (text, None),
    };
    if !digest.is_none_or(is_digest) {
        return Err(wrong("what stands behind `@` is not a digest")
            .help("a digest is sha256: and 64 hexadecimal digits"));
    }
    // A colon before the last slash separates the registry's port, not a tag.
    let slash = text_before.rfind('/').map_or(0, |slash| slash + 1);
    let (name, tag) = match text_before[slash..].split_once(':') {
        Some((last, tag)) => (&text_before[..slash + last.len()], Some(tag)),
        None => (text_before, None),
    };
    if !tag.is_none_or(is_tag) {
        return Err(wrong("what stands behind `:` is not a tag")
            .help("a tag has up to 128 letters, digits, `_`, `.` and `-`"));
    }
    let path = match name.split_once('/') {
        Some((registry, path)) if registry.contains(['.', ':']) || registry == "localhost" => {
            if !is_registry(registry) {
                return Err(wrong("what stands before the first slash is not a registry"));
            }
            path
        }
        _ => name,
    };
    if path.chars().any(|c| c.is_ascii_uppercase()) {
        return Err(wrong("an image name has no capital letters")
            .fix(Some(format!("did you mean {}?", text.replacen(path, &path.to_lowercase(), 1)))));
    }
    if name.len() > 255 || !path.split('/').all(is_component) {
        return Err(wrong("this is not an image reference"));
    }
    Ok(text.to_owned())
}

fn is_registry(text: &str) -> bool {
    let (host, port) = text.split_once(':').unwrap_or((text, "1"));
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    host.split('.').all(label) && !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit())
}

fn is_component(text: &str) -> bool {
    let ends = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.starts_with(ends)
        && text.ends_with(ends)
        && text.chars().all(|c| ends(c) || matches!(c, '.' | '_' | '-'))
        && !text.contains("..")
        && !text.contains("___")
}

fn is_tag(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && !text.starts_with(['.', '-'])
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

fn is_digest(text: &str) -> bool {
    let length = match text.split_once(':') {
        Some(("sha256", hex)) => Some((64, hex)),
        Some(("sha512", hex)) => Some((128, hex)),
        _ => None,
    };
    length.is_some_and(|(length, hex)| {
        hex.len() == length && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_that_docker_takes_are_taken() {
        let digest = format!("shop@sha256:{}", "0a".repeat(32));
        for good in [
            "nginx",
            "nginx:1.27",
            "acme/shop",
            "ghcr.io/acme/shop:1.4.2",
            "localhost:5000/shop:dev",
            "Registry.Example.com:443/a/b_c-d.e:V1",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop:latest",
            &digest,
            &format!("ghcr.io/acme/{digest}"),
        ] {
            assert_eq!(reference(good).as_deref(), Ok(good));
        }
    }

    #[test]
    fn what_docker_would_refuse_is_refused() {
        for bad in [
            "",
            "my image",
            "Shop:1",
            "acme/Shop",
            "https://ghcr.io/acme/shop",
            "-v",
            "--privileged",
            "shop:",
            "shop:a b",
            "shop:-x",
            "shop@latest",
            "shop@sha256:abc",
            "/shop",
            "acme//shop",
            "shop/",
            "exa_mple.com/shop",
            "host:port/shop",
            "shöp",
        ] {
            assert!(reference(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn capital_letters_are_corrected_in_the_name_alone() {
        let wrong = reference("Example.com/Acme/Shop:V1").unwrap_err();
        assert_eq!(wrong.fix.unwrap(), "did you mean Example.com/acme/shop:V1?");
    }
}
