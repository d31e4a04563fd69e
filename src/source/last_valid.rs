//! What a warning about an invalid object reports besides the error: whether an earlier version is in force.
//!
//! An object whose new version is invalid keeps its last valid version until it becomes valid or is deleted. Which
//! version that is each process knows for itself: one that starts after the error has none, and ignores the object.

use std::fmt::Display;

use serde_json::Value;

use super::convert::read::At;

/// Longest name of a Service that a message repeats, in bytes.
const MAX_NAME: usize = 253;

/// The end of a warning about an invalid object whose last valid version is in force. `version` names that version.
pub(super) fn in_force(version: impl Display) -> String {
    format!(
        "; its last valid version, {version}, stays in force; a server that starts now has none and ignores the object"
    )
}

/// The end of a warning about an invalid object of which no valid version is known.
pub(super) fn ignored(consequence: &str) -> String {
    format!(
        "; no earlier valid version is known, so the object is ignored: {consequence}; a server that has read a valid \
         version keeps that one in force"
    )
}

/// What follows for traffic if an object of that kind is ignored.
pub(super) fn consequence(kind: &str, value: &Value) -> String {
    match kind {
        "TrafficSplit" => match apex(value) {
            Some(apex) => {
                format!("the split does not exist, and traffic to Service {apex} goes to its own endpoints")
            }
            None => {
                "the split does not exist, and traffic goes to the apex Service's own endpoints".to_owned()
            }
        },
        "ServiceProfile" => "its routes, retries and overrides do not apply".to_owned(),
        "Service" => "clients get no endpoints of the Service".to_owned(),
        "EndpointSlice" | "Endpoints" | "Pod" | "ExternalWorkload" => "no endpoint comes from it".to_owned(),
        "Node" => "the zone of its Pods is not known".to_owned(),
        "Server" => "it marks no port as opaque".to_owned(),
        "Job" => "it is not known as the owner of Pods".to_owned(),
        _ => "no Pods are simulated for it".to_owned(),
    }
}

/// The Service that an invalid TrafficSplit is for, if that can be read.
fn apex(split: &Value) -> Option<&str> {
    let (root, what) = (At::root(split), "a name");
    root.get("spec").ok()?.get("service").ok()?.fit_text(what, MAX_NAME).ok()?
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn consequence_of_an_ignored_split_names_its_apex_where_that_can_be_read() {
        let split = |service: Value| json!({ "spec": { "service": service, "backends": "x" } });
        assert_eq!(
            consequence("TrafficSplit", &split(json!("web"))),
            "the split does not exist, and traffic to Service web goes to its own endpoints"
        );
        for unreadable in [split(json!(5)), split(json!("a\nb")), json!({ "spec": [] }), json!(null)] {
            assert_eq!(
                consequence("TrafficSplit", &unreadable),
                "the split does not exist, and traffic goes to the apex Service's own endpoints"
            );
        }
    }
}
