//! SPIFFE IDs: `spiffe://trust-domain/path`, as the specification of that name has them.

use std::fmt;

/// The specification's own bound.
const MAX_LENGTH: usize = 2048;
const SCHEME: &str = "spiffe://";

/// A SPIFFE ID. What compares equal is the same one: the specification leaves one spelling but for the case of
/// scheme and trust domain, which is lower here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SpiffeId(Box<str>);

impl SpiffeId {
    /// Whether a text means to be one.
    pub(super) fn is_meant(text: &str) -> bool {
        text.get(..SCHEME.len()).is_some_and(|scheme| scheme.eq_ignore_ascii_case(SCHEME))
    }

    /// Reads one; `None` if the text is none. Nothing is decoded or resolved: what would need that (`%`, `..`, an
    /// empty segment) is no SPIFFE ID, so that no two spellings of one path can slip past a comparison.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_LENGTH || !Self::is_meant(text) {
            return None;
        }
        let rest = &text[SCHEME.len()..];
        let (domain, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let domain = domain.to_ascii_lowercase();
        let plain = |text: &str| {
            text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
                && !text.is_empty()
        };
        let segment = |segment: &str| plain(segment) && segment != "." && segment != "..";
        let path_is_fine = path.is_empty() || path[1..].split('/').all(segment);
        (plain(&domain) && path_is_fine).then(|| Self(format!("{SCHEME}{domain}{path}").into()))
    }

    /// Whether it is below another one: that one, a slash, and more.
    pub(super) fn is_below(&self, above: &Self) -> bool {
        self.0.strip_prefix(&*above.0).is_some_and(|rest| rest.starts_with('/'))
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::SpiffeId;

    #[test]
    fn reads_what_the_specification_allows() {
        for (text, expect) in [
            ("spiffe://cluster.local/ns/a/sa/b", "spiffe://cluster.local/ns/a/sa/b"),
            ("SPIFFE://Cluster.Local/ns/A", "spiffe://cluster.local/ns/A"),
            ("spiffe://td", "spiffe://td"),
            ("spiffe://td/a-b_c.d/...", "spiffe://td/a-b_c.d/..."),
        ] {
            assert_eq!(SpiffeId::parse(text).unwrap().to_string(), expect);
        }
        let long = format!("spiffe://td/{}", "a".repeat(2048));
        for text in [
            "",
            "spiffe://",
            "spiffe:///ns",
            "https://td/ns",
            "spiffe://td/",
            "spiffe://td/a/",
            "spiffe://td//a",
            "spiffe://td/a/../b",
            "spiffe://td/./b",
            "spiffe://td/a%2fb",
            "spiffe://user@td/a",
            "spiffe://td:80/a",
            "spiffe://td/a?b",
            "spiffe://td/a#b",
            "spiffe://td/ä",
            "spiffä://td",
            &long,
        ] {
            assert_eq!(SpiffeId::parse(text), None, "{text:.40}");
        }
    }

    #[test]
    fn below_is_whole_segments() {
        let below =
            |id: &str, above: &str| SpiffeId::parse(id).unwrap().is_below(&SpiffeId::parse(above).unwrap());
        assert!(below("spiffe://td/ns/a/sa/b", "spiffe://td/ns/a"));
        assert!(below("spiffe://td/ns", "spiffe://td"));
        assert!(!below("spiffe://td/ns/ab", "spiffe://td/ns/a"));
        assert!(!below("spiffe://td/ns/a", "spiffe://td/ns/a"));
        assert!(!below("spiffe://td.evil/ns", "spiffe://td"));
    }
}
