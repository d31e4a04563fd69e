//! IP families of Services and addresses.
//!
//! The simulated cluster is dual-stack, and IPv4 is its first family.

use std::net::IpAddr;

use crate::source::convert::read::At;

/// An IP family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Family {
    V4,
    V6,
}

/// The families of a Service in their order, the first one being that of `clusterIP`. Empty if the Service names none:
/// then its cluster IP is IPv4, and a Pod is reached at its first address.
pub(super) type Families = &'static [Family];

impl Family {
    /// The family of an address.
    pub(super) fn of(address: &IpAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }
}

/// Reads the families of a Service from its `spec`, as an API server sets defaults for them: a family follows from a
/// cluster IP too, and a Service that asks for two families gets both. `cluster_ips` are those that the Service names.
pub(super) fn read(spec: &At<'_, '_>, cluster_ips: &[IpAddr]) -> Families {
    let named = spec.field("ipFamilies").list().next().map(|family| match family.str() {
        "IPv6" => Family::V6,
        _ => Family::V4,
    });
    let first = named.or_else(|| cluster_ips.first().map(Family::of));
    let is_dual = matches!(spec.field("ipFamilyPolicy").str(), "PreferDualStack" | "RequireDualStack");
    match (first, is_dual) {
        (Some(Family::V6), true) => &[Family::V6, Family::V4],
        (_, true) => &[Family::V4, Family::V6],
        (Some(Family::V6), false) => &[Family::V6],
        (Some(Family::V4), false) if named.is_some() => &[Family::V4],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn families_are_those_that_an_api_server_sets() {
        const V4: Family = Family::V4;
        const V6: Family = Family::V6;
        let cases: [(Value, &[&str], Families); 13] = [
            (json!({}), &[], &[]),
            (json!({ "ipFamilyPolicy": "SingleStack" }), &[], &[]),
            (json!({}), &["10.96.0.7"], &[]),
            (json!({}), &["fd00::7"], &[V6]),
            (json!({ "ipFamilies": ["IPv4"] }), &[], &[V4]),
            (json!({ "ipFamilies": ["IPv6"] }), &[], &[V6]),
            (json!({ "ipFamilies": ["IPv6"], "ipFamilyPolicy": "SingleStack" }), &[], &[V6]),
            (json!({ "ipFamilies": ["IPv6"], "ipFamilyPolicy": "PreferDualStack" }), &[], &[V6, V4]),
            (json!({ "ipFamilyPolicy": "PreferDualStack" }), &[], &[V4, V6]),
            (json!({ "ipFamilyPolicy": "RequireDualStack" }), &["fd00::7"], &[V6, V4]),
            (json!({ "ipFamilyPolicy": "RequireDualStack" }), &["10.96.0.7", "fd00::7"], &[V4, V6]),
            (json!({ "ipFamilies": ["IPv6", "IPv4"], "ipFamilyPolicy": "RequireDualStack" }), &[], &[V6, V4]),
            (json!({ "ipFamilies": [], "ipFamilyPolicy": null }), &[], &[]),
        ];
        for (spec, ips, families) in cases {
            let ips: Vec<IpAddr> = ips.iter().map(|ip| ip.parse().expect("an address")).collect();
            assert_eq!(read(&At::root(&spec), &ips), families, "{spec} {ips:?}");
        }
    }
}
