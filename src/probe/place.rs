//! Where an answer tells the session, the counter and the server: a JSON pointer or a header.

use hyper::header::{HeaderMap, HeaderName};
use serde_json::Value;
use std::{fmt, str::FromStr};

/// A place in an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A JSON pointer (RFC 6901) into the body.
    Pointer(String),
    /// A header.
    Header(HeaderName),
    /// Nowhere: answers do not tell it.
    Nowhere,
}

impl Place {
    /// Whether the body has to be read for it.
    pub fn is_in_body(&self) -> bool {
        matches!(self, Self::Pointer(_))
    }

    /// What stands there: a string, a number or a truth value.
    pub fn read(&self, headers: &HeaderMap, body: &Value) -> Option<String> {
        match self {
            Self::Nowhere => None,
            Self::Header(name) => headers.get(name)?.to_str().ok().map(str::to_owned),
            Self::Pointer(pointer) => match body.pointer(pointer)? {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                Value::Bool(truth) => Some(truth.to_string()),
                Value::Null | Value::Array(_) | Value::Object(_) => None,
            },
        }
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self::Nowhere);
        }
        if let Some(name) = text.strip_prefix("header:") {
            let name = name.parse().map_err(|_| format!("`{name}` is not a header's name"))?;
            return Ok(Self::Header(name));
        }
        if !text.is_empty() && !text.starts_with('/') {
            return Err(
                "a JSON pointer begins with `/`, as /session_id does; a header is written \
                        header:X-Session, and `none` means that answers do not tell it"
                    .into(),
            );
        }
        if text.split('~').skip(1).any(|rest| !rest.starts_with(['0', '1'])) {
            return Err("in a JSON pointer `~` is written `~0`, and `/` in a name `~1`".into());
        }
        Ok(Self::Pointer(text.to_owned()))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pointer(pointer) => f.write_str(pointer),
            Self::Header(name) => write!(f, "header:{name}"),
            Self::Nowhere => f.write_str("none"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(place: &str, body: &Value) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert("x-instance", "app-1".parse().unwrap());
        place.parse::<Place>().unwrap().read(&headers, body)
    }

    #[test]
    fn pointers_and_headers_are_read() {
        let body = json!({"session": {"a/b": "s1"}, "visits": 3, "list": [{"id": 7}], "no": null});
        assert_eq!(read("/session/a~1b", &body).as_deref(), Some("s1"));
        assert_eq!(read("/visits", &body).as_deref(), Some("3"));
        assert_eq!(read("/list/0/id", &body).as_deref(), Some("7"));
        assert_eq!(read("header:X-Instance", &body).as_deref(), Some("app-1"));
        assert_eq!(read("", &json!("whole")).as_deref(), Some("whole"));
        for nothing in ["/no", "/session", "/other", "header:x-other", "none"] {
            assert_eq!(read(nothing, &body), None, "{nothing}");
        }
    }

    #[test]
    fn what_is_neither_pointer_nor_header_is_refused_with_what_would_be_right() {
        assert!("session_id".parse::<Place>().unwrap_err().contains("/session_id"));
        assert!("/a~2".parse::<Place>().unwrap_err().contains("~0"));
        assert!("/a~".parse::<Place>().unwrap_err().contains("~0"));
        assert!("header:a b".parse::<Place>().unwrap_err().contains("not a header"));
    }

    #[test]
    fn a_place_is_shown_as_it_is_written() {
        for text in ["/session_id", "header:x-instance", "none"] {
            assert_eq!(text.parse::<Place>().unwrap().to_string(), text);
        }
    }
}
