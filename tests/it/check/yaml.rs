//! Files that are YAML to `kubectl`, in part or as a whole.

use super::check;

/// A Service `name` and a Deployment that it selects.
fn app(name: &str) -> String {
    format!(
        "apiVersion: v1
kind: Service
metadata: {{ name: {name} }}
spec:
  selector: {{ app: {name} }}
  ports: [{{ port: 80, targetPort: 8080 }}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {{ name: {name} }}
spec:
  replicas: 1
  selector: {{ matchLabels: {{ app: {name} }} }}
  template:
    metadata: {{ labels: {{ app: {name} }} }}
    spec:
      containers: [{{ name: main, image: x, ports: [{{ containerPort: 8080 }}] }}]
"
    )
}

const CONFIG_MAP: &str = "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\n";

/// Checks a file that is served whole, with one warning that begins so.
#[track_caller]
fn one_warning((code, text): (i32, String), start: &str) {
    assert_eq!(code, 1, "{text}");
    assert!(text.starts_with(start), "{text}");
    assert!(text.contains("1 thing to look at in 1 file: 1 Service, 0 TrafficSplits"), "{text}");
}

#[tokio::test]
async fn repeated_label_is_one_warning_about_its_object() {
    let yaml = app("web") + CONFIG_MAP + "  labels:\n    app: x\n    app: x\n";
    one_warning(check(&yaml).await, "a.yaml:25: ConfigMap c: expected each key once, found \"app\" again");
}

#[tokio::test]
async fn object_without_a_name_is_left_out() {
    let pod = "---\napiVersion: v1\nkind: Pod\nmetadata: { generateName: x- }\nspec: {}\n";
    one_warning(check(&(app("web") + pod)).await, "a.yaml:19: Pod x-*: expected metadata.name");
}

#[tokio::test]
async fn unreadable_document_does_not_cost_the_others() {
    let broken = "---\napiVersion: v1\nkind: Service\nmetadata:\n  name: x\n\tnamespace: y\n";
    let (code, text) = check(&(app("web") + broken)).await;
    assert_eq!(code, 1, "{text}");
    assert!(
        text.starts_with("a.yaml:23: expected spaces at the beginning of the line, found a tab"),
        "{text}"
    );
    assert!(text.contains("1 Service"), "{text}");
}

#[tokio::test]
async fn file_that_kubectl_accepts_has_nothing_odd() {
    let bom = "\u{feff}";
    let flow_map = "  labels: {\n    a: b\n}\n";
    for yaml in [
        format!("{bom}{}", app("web").replace("---\n", &format!("---\n{bom}"))),
        app("web").replace("replicas: 1", "replicas:\t1"),
        app("web").replace("replicas: 1", "replicas: 0b1"),
        app("web").replace('\n', "\r\n"),
        app("web") + CONFIG_MAP + flow_map,
        app("web") + "...\n--- # more\n# nothing\n",
    ] {
        let (code, text) = check(&yaml).await;
        assert_eq!(code, 0, "{yaml}\n{text}");
        assert!(text.starts_with("nothing odd in 1 file: 1 Service"), "{text}");
    }
}
