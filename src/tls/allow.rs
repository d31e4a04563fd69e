//! `--allow-clients`: who of those that have a certificate may ask.

use std::str::FromStr;

use tonic::Status;

use super::{Identity, identity::dns_name, spiffe::SpiffeId};

/// Who may ask, as patterns of which one must fit; none at all means everybody.
#[derive(Clone, Debug, Default)]
pub struct AllowClients(Vec<Pattern>);

/// One of the patterns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// `*`: whoever has a certificate that is accepted.
    Anybody,
    /// This DNS name.
    Name(Box<str>),
    /// A DNS name that ends so; begins with a dot.
    Suffix(Box<str>),
    /// This SPIFFE ID.
    Id(SpiffeId),
    /// A SPIFFE ID below this one.
    Below(SpiffeId),
}

/// Why a text is no [`Pattern`]; says what one looks like.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}; write a DNS name, *.suffix, spiffe://trust-domain/path, spiffe://trust-domain/path/* or *")]
pub struct BadPattern(&'static str);

impl AllowClients {
    /// Whether a client may ask. Who proved nothing may only where everybody may.
    #[must_use]
    pub fn permits(&self, identity: Option<&Identity>) -> bool {
        self.0.is_empty()
            || identity.is_some_and(|identity| self.0.iter().any(|pattern| pattern.fits(identity)))
    }
}

impl FromIterator<Pattern> for AllowClients {
    fn from_iter<I: IntoIterator<Item = Pattern>>(patterns: I) -> Self {
        Self(patterns.into_iter().collect())
    }
}

impl Pattern {
    fn fits(&self, identity: &Identity) -> bool {
        match &self.0 {
            Kind::Anybody => true,
            Kind::Name(wanted) => identity.dns().any(|name| name == &**wanted),
            Kind::Suffix(suffix) => identity.dns().any(|name| name.ends_with(&**suffix)),
            Kind::Id(wanted) => identity.spiffe().contains(wanted),
            Kind::Below(above) => identity.spiffe().iter().any(|id| id.is_below(above)),
        }
    }
}

impl FromStr for Pattern {
    type Err = BadPattern;

    fn from_str(text: &str) -> Result<Self, BadPattern> {
        let text = text.trim();
        if text.is_empty() {
            // Never "everybody": a list that came out empty by mistake must not open the door.
            return Err(BadPattern("one of the names is empty"));
        }
        if text == "*" {
            return Ok(Self(Kind::Anybody));
        }
        if SpiffeId::is_meant(text) {
            let id = |text| SpiffeId::parse(text).ok_or(BadPattern("this is no SPIFFE ID"));
            return Ok(Self(match text.strip_suffix("/*") {
                Some(above) => Kind::Below(id(above)?),
                None => Kind::Id(id(text)?),
            }));
        }
        if text.contains("://") {
            return Err(BadPattern("of URIs only those of SPIFFE are looked at"));
        }
        let name = |text| dns_name(text).ok_or(BadPattern("this is no DNS name"));
        Ok(Self(match text.strip_prefix("*.") {
            Some(suffix) => Kind::Suffix(format!(".{}", name(suffix)?).into()),
            None if text.contains('*') => {
                return Err(BadPattern(
                    "a * stands only at the beginning of a DNS name or the end of a SPIFFE ID",
                ));
            }
            None => Kind::Name(name(text)?),
        }))
    }
}

/// What somebody is told that may not ask.
#[must_use]
pub fn refusal(identity: Option<&Identity>) -> Status {
    Status::permission_denied(match identity {
        Some(identity) => {
            format!("{identity} may not ask here: the server's --allow-clients does not name it")
        }
        None => "only clients that prove who they are may ask here (--allow-clients); \
                 connect with TLS and a client certificate"
            .to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::{AllowClients, Pattern, refusal};
    use crate::tls::{Identity, identity::tests::identity};

    fn allow(patterns: &str) -> AllowClients {
        patterns.split(',').map(|pattern| pattern.parse::<Pattern>().unwrap()).collect()
    }

    #[test]
    fn without_patterns_everybody_may() {
        assert!(AllowClients::default().permits(None));
        assert!(AllowClients::default().permits(Some(&Identity::default())));
    }

    #[test]
    fn who_proved_nothing_may_not() {
        for patterns in ["*", "web.default", "spiffe://td/*"] {
            assert!(!allow(patterns).permits(None), "{patterns}");
        }
    }

    #[test]
    fn one_name_and_one_pattern_that_fit_are_enough() {
        const WEB: &str = "web.default.serviceaccount.identity.linkerd.cluster.local";
        for (patterns, names, expect) in [
            ("*", &[][..], true),
            (WEB, &[WEB], true),
            ("WEB.default.serviceaccount.identity.linkerd.CLUSTER.local.", &[WEB], true),
            (WEB, &["web.default"], false),
            (WEB, &["evil.web.default.serviceaccount.identity.linkerd.cluster.local"], false),
            ("a.b,c.d", &["x.y", "c.d"], true),
            ("*.default.serviceaccount.identity.linkerd.cluster.local", &[WEB], true),
            ("*.linkerd.cluster.local", &[WEB], true),
            ("*.cluster.local", &["cluster.local"], false),
            ("*.cluster.local", &["evilcluster.local"], false),
            ("*.cluster.local", &["*.cluster.local"], false),
            ("*.cluster.local", &["a.cluster.local.evil"], false),
            ("spiffe://td/ns/a/sa/b", &["spiffe://td/ns/a/sa/b"], true),
            ("spiffe://TD/ns/a/sa/b", &["spiffe://td/ns/a/sa/b"], true),
            ("spiffe://td/ns/a/sa/b", &["spiffe://td/ns/a/sa/B"], false),
            ("spiffe://td/ns/a/sa/b", &["spiffe://td/ns/a/sa/b/c"], false),
            ("spiffe://td/ns/a/*", &["spiffe://td/ns/a/sa/b"], true),
            ("spiffe://td/ns/a/*", &["spiffe://td/ns/ab/sa/b"], false),
            ("spiffe://td/ns/a/*", &["spiffe://td/ns/a"], false),
            ("spiffe://td/*", &["spiffe://td/ns/a"], true),
            ("spiffe://td/*", &["spiffe://td.evil/ns/a"], false),
            ("spiffe://td/ns/a/*", &["spiffe://td/ns/a/../b/sa/c"], false),
            // A name of one kind is never taken for one of the other.
            ("*.local", &["spiffe://cluster.local"], false),
            ("spiffe://td/*", &["td"], false),
        ] {
            assert_eq!(allow(patterns).permits(Some(&identity(names))), expect, "{patterns} {names:?}");
        }
    }

    #[test]
    fn errors_say_what_would_be_right() {
        for (text, expect) in [
            ("", "one of the names is empty"),
            ("  ", "one of the names is empty"),
            ("a b", "this is no DNS name"),
            ("a..b", "this is no DNS name"),
            ("*.", "this is no DNS name"),
            ("*.*.b", "this is no DNS name"),
            ("a.*.b", "a * stands only at the beginning"),
            ("*a.b", "a * stands only at the beginning"),
            ("https://a", "of URIs only those of SPIFFE are looked at"),
            ("spiffe://", "this is no SPIFFE ID"),
            ("spiffe://td/ns/*/sa/b", "this is no SPIFFE ID"),
            ("spiffe://td/a*", "this is no SPIFFE ID"),
            ("spiffe://*/a", "this is no SPIFFE ID"),
        ] {
            let error = text.parse::<Pattern>().unwrap_err().to_string();
            assert!(error.starts_with(expect) && error.contains("; write a DNS name"), "{text}: {error}");
        }
    }

    #[test]
    fn a_refusal_names_who_was_refused() {
        let status = refusal(Some(&identity(&["web.default"])));
        assert_eq!(status.code(), Code::PermissionDenied);
        assert_eq!(
            status.message(),
            "web.default may not ask here: the server's --allow-clients does not name it"
        );
        assert!(refusal(None).message().contains("connect with TLS and a client certificate"));
    }
}
