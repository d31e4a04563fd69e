//! For tests: completes an object with fields that an API server requires and that a test does not care about.

use serde_json::{Value, json};

/// Adds what is missing: names and images of containers, the selector of a workload, identity of owners.
pub(super) fn complete(mut object: Value) -> Value {
    for owner in
        object.pointer_mut("/metadata/ownerReferences").and_then(Value::as_array_mut).into_iter().flatten()
    {
        default(owner, "apiVersion", json!("apps/v1"));
        default(owner, "uid", json!("1"));
    }
    let kind = object["kind"].as_str().unwrap_or_default().to_owned();
    match kind.as_str() {
        "Pod" => {
            default(&mut object, "spec", json!({}));
            pod(&mut object["spec"]);
        }
        "EndpointSlice" => default(&mut object, "addressType", json!("IPv4")),
        "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" | "ReplicationController" | "Job" => {
            default(&mut object, "spec", json!({}));
            let spec = &mut object["spec"];
            default(spec, "template", json!({}));
            let template = &mut spec["template"];
            default(template, "spec", json!({}));
            pod(&mut template["spec"]);
            if kind == "Job" {
                default(&mut template["spec"], "restartPolicy", json!("Never"));
                return object;
            }
            default(template, "metadata", json!({}));
            default(&mut template["metadata"], "labels", json!({ "app": "any" }));
            if kind != "ReplicationController" {
                let labels = template["metadata"]["labels"].clone();
                default(spec, "selector", json!({ "matchLabels": labels }));
            }
        }
        _ => {}
    }
    object
}

fn pod(spec: &mut Value) {
    default(spec, "containers", json!([{}]));
    for list in ["containers", "initContainers"] {
        for (index, container) in
            spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten().enumerate()
        {
            default(container, "name", json!(format!("{}-{index}", list.to_lowercase())));
            default(container, "image", json!("x"));
        }
    }
}

fn default(object: &mut Value, field: &str, value: Value) {
    if let Value::Object(fields) = object {
        fields.entry(field).or_insert(value);
    }
}
