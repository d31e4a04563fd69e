//! Folders that kustomize or Helm renders.

use super::{WEB, folder, run};

const PATCH: &str = "$patch: delete\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n";

/// The lines of `check` about something to look at.
#[track_caller]
fn warnings(files: &[(&str, &str)], path: &str) -> Vec<String> {
    let folder = folder(files);
    let checked = run(folder.path(), &["check", path]);
    let lines = checked.out.lines().filter(|line| line.ends_with(']') && line.contains(" ["));
    // A Service without Pods is not what these tests are about.
    lines
        .filter(|line| line.contains("yaml") && !line.contains("Service default/web"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn kustomization_is_reported_once_and_its_patches_are_no_objects() {
    let files = [
        ("base/all.yaml", WEB),
        ("overlay/kustomization.yaml", "resources: [../base]\npatches: [{path: drop.yaml}]\n"),
        ("overlay/drop.yaml", PATCH),
    ];
    let found = warnings(&files, ".");
    let [line] = &found[..] else { panic!("{found:?}") };
    assert!(line.starts_with("./overlay/kustomization.yaml: this kustomization is not applied"), "{line}");
    assert!(line.contains("kustomize build ./overlay | switchyard serve --manifests -"), "{line}");
}

#[test]
fn patches_of_every_field_and_unlisted_patches_are_no_objects() {
    let partial = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 3}\n";
    let kustomization = "
patchesStrategicMerge: [a.yaml]
patches: [{path: b.yaml}]
patchesJson6902: [{path: ops.yaml, target: {kind: Deployment, name: web}}]
";
    let files = [
        ("Kustomization", kustomization),
        ("a.yaml", partial),
        ("b.yaml", partial),
        ("ops.yaml", "- {op: replace, path: /spec/replicas, value: 2}\n"),
        ("unlisted.yaml", PATCH),
        ("all.yaml", WEB),
    ];
    let folder = folder(&files);
    let checked = run(folder.path(), &["check", "."]);
    assert_eq!(checked.out.matches("[not_rendered]").count(), 1, "{checked:?}");
    assert!(
        !checked.out.contains("invalid_object") && !checked.out.contains("unreadable_file"),
        "{checked:?}"
    );
    assert!(checked.out.contains("1 Service"), "{checked:?}");
}

#[test]
fn overlays_that_define_the_same_object_are_no_duplicates() {
    let files = [
        ("base/kustomization.yaml", "resources: [all.yaml]"),
        ("base/all.yaml", WEB),
        ("dev/kustomization.yaml", "resources: [../base, web.yaml]"),
        ("dev/web.yaml", WEB),
        ("prod/kustomization.yaml", "resources: [../base, web.yaml]"),
        ("prod/web.yaml", WEB),
    ];
    let folder = folder(&files);
    let checked = run(folder.path(), &["check", "."]);
    assert!(!checked.out.contains("duplicate_object"), "{checked:?}");
    assert_eq!(checked.out.matches("[not_rendered]").count(), 2, "{checked:?}");
}

#[test]
fn patch_outside_of_a_kustomization_is_reported_as_one() {
    let found = warnings(&[("a.yaml", PATCH)], ".");
    let [line] = &found[..] else { panic!("{found:?}") };
    assert!(line.starts_with("./a.yaml:1: this document is a patch of kustomize"), "{line}");
}

#[test]
fn helm_chart_is_reported_once_and_its_templates_are_no_objects() {
    let files = [
        ("chart/Chart.yaml", "apiVersion: v2\nname: app\nversion: 1.0.0\n"),
        ("chart/values.yaml", "replicas: 1\n"),
        ("chart/ci/test-values.yaml", "replicas: 2\n"),
        ("chart/templates/service.yaml", "{{- if .Values.on }}\nkind: Service\n{{- end }}\n"),
        ("chart/templates/tests/test.yaml", "metadata: {name: {{ .Release.Name }}}\n"),
        ("chart/charts/db/Chart.yaml", "apiVersion: v2\nname: db\nversion: 1.0.0\n"),
        ("chart/charts/db/templates/pod.yaml", "kind: {{ .Kind }}\n"),
        ("plain.yaml", WEB),
    ];
    let found = warnings(&files, ".");
    let [line] = &found[..] else { panic!("{found:?}") };
    assert!(line.starts_with("./chart/Chart.yaml: this Helm chart is not rendered"), "{line}");
    assert!(line.contains("helm template ./chart | switchyard serve --manifests -"), "{line}");
    let inside = warnings(&files, "chart");
    assert!(matches!(&inside[..], [line] if line.contains("helm template chart |")), "{inside:?}");
}

#[test]
fn what_is_given_may_be_a_part_of_a_kustomization_or_chart() {
    let files = [
        ("overlay/kustomization.yaml", "resources: [all.yaml]\npatches: [{path: drop.yaml}]\n"),
        ("overlay/drop.yaml", PATCH),
        ("overlay/all.yaml", WEB),
        ("chart/Chart.yaml", "name: app\n"),
        ("chart/templates/service.yaml", "kind: {{ .Kind }}\n"),
    ];
    for (path, command) in [
        ("overlay/drop.yaml", Some("kustomize build overlay |")),
        ("overlay/kustomization.yaml", Some("kustomize build overlay |")),
        ("chart/templates", Some("helm template chart/templates/.. |")),
        ("chart/templates/service.yaml", Some("helm template chart/templates/.. |")),
        ("overlay/all.yaml", None),
    ] {
        let found = warnings(&files, path);
        match command {
            Some(command) => {
                assert!(matches!(&found[..], [line] if line.contains(command)), "{path}: {found:?}");
            }
            None => assert!(found.is_empty(), "{path}: {found:?}"),
        }
    }
}

#[test]
fn plan_of_a_kustomization_or_chart_names_the_command_that_renders_it() {
    let files = [
        ("now/all.yaml", WEB),
        ("overlay/kustomization.yaml", "resources: [all.yaml]\npatches: [{path: drop.yaml}]\n"),
        ("overlay/all.yaml", WEB),
        ("overlay/drop.yaml", PATCH),
    ];
    let folder = folder(&files);
    let planned = run(folder.path(), &["plan", "--manifests", "now", "-f", "overlay"]);
    assert_eq!(planned.code, Some(1), "{planned:?}");
    assert!(planned.err.contains("kustomize build overlay/ | switchyard plan -f -"), "{planned:?}");
    let planned = run(folder.path(), &["plan", "--manifests", "now", "-f", "overlay/all.yaml"]);
    assert_eq!(planned.err, "");
}
