//! Edits that take the last ready endpoint of a Service.

use std::fs;

use crate::server::switchyard;

const WEB: &str = "
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: main, image: x, ports: [{name: http, containerPort: 8080}]}]
";

/// Plans over these manifests; the edit is a file with this content, or nothing. Returns the exit code and the output.
async fn plan(manifests: &str, edit: &str, flags: &[&str]) -> (i32, String) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("a.yaml"), manifests).expect("written");
    fs::write(folder.path().join("edit.yaml"), edit).expect("written");
    let applied = if edit.is_empty() { &[][..] } else { &["-f", "edit.yaml"] };
    let mut command = switchyard(&[&["plan", "--manifests", "a.yaml"], applied, flags].concat());
    let output = command.current_dir(folder.path()).output().await.expect("it runs");
    let text = String::from_utf8(output.stdout).expect("text");
    (output.status.code().expect("it ends by itself"), text)
}

fn service(change: (&str, &str)) -> String {
    let service = WEB.split("---").next().expect("the Service");
    assert!(service.contains(change.0));
    service.replace(change.0, change.1)
}

#[tokio::test]
async fn edit_that_takes_the_last_endpoint_warns_with_the_reason_and_fails() {
    let (code, out) = plan(WEB, &service(("app: web", "app: wbe")), &[]).await;
    assert_eq!(code, 3, "{out}");
    let warning = "edit.yaml:6: Service default/web spec.selector: selector app=wbe matches no Pod (nearest: app=web of Deployment \
                   web): clients get no endpoints on port 80; ";
    assert!(out.contains("1 warning comes") && out.contains(warning), "{out}");
}

#[tokio::test]
async fn removing_the_only_workload_warns_although_a_folder_without_pods_could_have_them_elsewhere() {
    let (code, out) = plan(WEB, "", &["--remove", "Deployment/web"]).await;
    assert_eq!(code, 3, "{out}");
    assert!(
        out.contains("Service default/web spec.selector: ")
            && out.contains("clients get no endpoints on port 80"),
        "{out}"
    );
}

#[tokio::test]
async fn edit_that_empties_one_more_port_warns_of_it() {
    let two = WEB.replace(
        "[{port: 80, targetPort: 8080}]",
        "[{name: a, port: 80}, {name: b, port: 81, targetPort: nope}]",
    );
    let edit = service((
        "[{port: 80, targetPort: 8080}]",
        "[{name: a, port: 80, targetPort: nope}, {name: b, port: 81, targetPort: nope}]",
    ));
    let (code, out) = plan(&two, &edit, &[]).await;
    assert!(code == 3 && out.contains("clients get no endpoints on ports 80, 81;"), "{out}");
}

#[tokio::test]
async fn edit_of_a_service_that_had_no_endpoints_before_is_no_failure() {
    let empty = WEB.replace("selector: {app: web}", "selector: {app: wbe}");
    let other = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: api}\nspec: {selector: {matchLabels: {app: wbf}}, template: \
                 {metadata: {labels: {app: wbf}}, spec: {containers: [{name: x, image: x}]}}}\n";
    let (code, out) = plan(&empty, other, &[]).await;
    assert!(
        code == 0 && out.contains("no warning comes or goes"),
        "the hint changes, the warning does not: {out}"
    );
    let (code, out) = plan(WEB, "", &["--remove", "Service/web", "--remove", "Deployment/web"]).await;
    assert_eq!(code, 0, "{out}");
}
