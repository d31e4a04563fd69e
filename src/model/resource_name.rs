//! Names of resource types as kubectl accepts them in `TYPE/NAME`.

/// Short names of built-in types, and those that the CRDs of SMI and Linkerd define.
const SHORT_NAMES: [(&str, &str); 12] = [
    ("svc", "Service"),
    ("ep", "Endpoints"),
    ("po", "Pod"),
    ("no", "Node"),
    ("ts", "TrafficSplit"),
    ("sp", "ServiceProfile"),
    ("srv", "Server"),
    ("rs", "ReplicaSet"),
    ("rc", "ReplicationController"),
    ("sts", "StatefulSet"),
    ("ds", "DaemonSet"),
    ("deploy", "Deployment"),
];

/// API groups of types outside the core group. A type that is not listed matches with any group.
const GROUPS: [(&str, &str); 10] = [
    ("EndpointSlice", "discovery.k8s.io"),
    ("TrafficSplit", "split.smi-spec.io"),
    ("ServiceProfile", "linkerd.io"),
    ("Server", "policy.linkerd.io"),
    ("ExternalWorkload", "workload.linkerd.io"),
    ("ReplicaSet", "apps"),
    ("Deployment", "apps"),
    ("StatefulSet", "apps"),
    ("DaemonSet", "apps"),
    ("Job", "batch"),
];

/// Returns whether `text` names the resource type of this kind: the kind, its plural or its short name, in upper or
/// lower case. `.group` or `.version.group` may follow, as in `deployment.apps`, which kubectl prints.
#[must_use]
pub fn names_kind(text: &str, kind: &str) -> bool {
    let (resource, group) = text.split_once('.').unwrap_or((text, ""));
    let is_short = |(short, of): (&str, &str)| of == kind && short.eq_ignore_ascii_case(resource);
    let plural = resource.strip_suffix(['s', 'S']).is_some_and(|one| one.eq_ignore_ascii_case(kind));
    let is_named = resource.eq_ignore_ascii_case(kind) || plural;
    let expected = GROUPS.into_iter().find(|(of, _)| *of == kind).map(|(_, group)| group);
    let in_group = group.is_empty()
        || expected.is_none_or(|expected| group == expected || group.ends_with(&format!(".{expected}")));
    in_group && (is_named || SHORT_NAMES.into_iter().any(is_short))
}

#[cfg(test)]
mod tests {
    use super::names_kind;

    #[test]
    fn resource_type_is_matched_in_every_form_of_kubectl() {
        for (kind, texts) in [
            ("Service", &["svc", "service", "services", "Service", "SVC"][..]),
            ("TrafficSplit", &["ts", "trafficsplit", "trafficsplits", "trafficsplits.split.smi-spec.io"]),
            ("TrafficSplit", &["trafficsplit.v1alpha2.split.smi-spec.io"]),
            ("Deployment", &["deploy", "deployments", "deployment.apps", "deployment.v1.apps"]),
            ("Endpoints", &["ep", "endpoints", "Endpoints"]),
            ("Pod", &["po", "pods"]),
        ] {
            for text in texts {
                assert!(names_kind(text, kind), "{text} is {kind}");
            }
        }
        for (kind, text) in [
            ("Service", "ts"),
            ("Service", ""),
            ("Service", "serv"),
            ("Server", "server.networking.istio.io"),
            ("Endpoints", "endpoint"),
            ("Deployment", "deployment.extensions"),
        ] {
            assert!(!names_kind(text, kind), "{text} is not {kind}");
        }
    }
}
