//! Kustomizations and Helm charts in a folder: which files are plain manifests, and what has to be rendered first.
//!
//! Neither is applied. Patches, templates and values are inputs of kustomize and Helm and are not read as objects;
//! every kustomization or chart that no other one includes is reported once, with the command that renders it. Plain
//! manifests beside them are read.
//!
//! Pure: paths are compared as they are written, without following links.

use std::{
    collections::{BTreeMap, HashSet},
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use serde_json::Value;

use super::yaml;
use crate::{
    model::Reason,
    source::{Finding, Location},
};

/// File names of a kustomization, each as good as the others.
const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// File name that makes a folder a Helm chart.
const CHART: &str = "Chart.yaml";

/// File names that make a folder a kustomization or a chart.
pub(super) const MARKERS: [&str; 4] = [KUSTOMIZATIONS[0], KUSTOMIZATIONS[1], KUSTOMIZATIONS[2], CHART];

/// Folders of a chart whose files are not plain manifests: templates, and the charts that it includes.
const CHART_FOLDERS: [&str; 2] = ["templates", "charts"];

/// Files of a chart that are not plain manifests, besides `values*.yaml`.
const CHART_FILES: [&str; 3] = ["requirements.yaml", "Chart.lock", "artifacthub-repo.yml"];

/// Fields of a kustomization that list files which are not objects to be created.
const INPUTS: [&str; 10] = [
    "patches",
    "patchesStrategicMerge",
    "patchesJson6902",
    "replacements",
    "configurations",
    "crds",
    "openapi",
    "configMapGenerator",
    "secretGenerator",
    "helmCharts",
];

/// Fields of a kustomization that list other kustomizations.
const INCLUDES: [&str; 6] = ["resources", "bases", "components", "generators", "transformers", "validators"];

/// What a file tells about the folder in which it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Marker {
    /// It is a kustomization.
    Kustomization {
        /// Paths of files that are not objects, from the folder.
        inputs: Vec<String>,
        /// Paths of files and of other kustomizations that it includes, from the folder.
        includes: Vec<String>,
        /// It is a component, which only another kustomization can apply.
        is_component: bool,
    },
    /// It is a Helm chart.
    Chart,
}

/// Whether a file has one of the names that say what its folder is.
pub(super) fn is_marker(path: &Path) -> bool {
    path.file_name().is_some_and(|name| MARKERS.iter().any(|marker| name == *marker))
}

impl Marker {
    /// Reads a file; `None` if it says nothing about its folder.
    pub(super) fn read(path: &Path, content: &[u8]) -> Option<Self> {
        if path.file_name()? == CHART {
            return Some(Self::Chart);
        }
        if !is_marker(path) {
            return None;
        }
        let document = yaml::parse(content).into_iter().find_map(Result::ok);
        let value = document.map(|document| document.value).unwrap_or_default();
        let text = |field| value.get(field).and_then(Value::as_str);
        // Flux has a kind of the same name.
        if text("apiVersion").is_some_and(|version| !version.starts_with("kustomize.config.k8s.io/")) {
            return None;
        }
        let listed = |fields: &[&str]| -> Vec<String> {
            fields.iter().filter_map(|field| value.get(*field)).flat_map(paths).collect()
        };
        Some(Self::Kustomization {
            inputs: listed(&INPUTS),
            includes: listed(&INCLUDES),
            is_component: text("kind") == Some("Component"),
        })
    }
}

/// All texts in a list of paths, or of mappings that have paths among their fields. Inline patches are among them,
/// and no file has such a name.
fn paths(list: &Value) -> Vec<String> {
    let (mut texts, mut open) = (Vec::new(), vec![list]);
    while let Some(value) = open.pop() {
        match value {
            // `files` of a generator may name the key: `key=path`.
            Value::String(text) => texts.push(text.rsplit('=').next().unwrap_or_default().to_owned()),
            Value::Array(items) => open.extend(items),
            Value::Object(fields) => open.extend(fields.values()),
            _ => {}
        }
    }
    texts
}

/// The kustomizations and charts among some files.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// Where paths begin.
    base: PathBuf,
    /// Folders of kustomizations.
    kustomizations: BTreeMap<PathBuf, Found>,
    /// Folders of charts.
    charts: BTreeMap<PathBuf, Found>,
    /// Files that kustomizations use and that are not objects.
    inputs: HashSet<PathBuf>,
    /// What kustomizations include.
    included: HashSet<PathBuf>,
}

/// A kustomization or a chart.
#[derive(Debug)]
struct Found {
    /// Its file, as messages write it.
    file: Arc<Path>,
    /// Whether the file is outside of what was given.
    is_outside: bool,
    is_component: bool,
}

impl Layout {
    /// Sorts out files. `prefix` is what stands before their paths to open them, and `root` what was given.
    pub(super) fn new<'f>(
        prefix: &Path,
        root: &Path,
        markers: impl Iterator<Item = (&'f Arc<Path>, &'f Marker)>,
    ) -> Self {
        let prefix = if prefix.as_os_str().is_empty() { Path::new(".") } else { prefix };
        // Without a current folder no path can be relative.
        let base = std::path::absolute(prefix).unwrap_or_default();
        let mut layout = Self { base, ..Self::default() };
        let root = normal(&std::path::absolute(root).unwrap_or_default());
        for (file, marker) in markers {
            let place = layout.place(file);
            let folder = place.parent().unwrap_or(Path::new("/")).to_owned();
            let is_outside = !place.starts_with(&root);
            let found = |is_component| Found { file: file.clone(), is_outside, is_component };
            match marker {
                Marker::Chart => {
                    layout.charts.insert(folder, found(false));
                }
                Marker::Kustomization { inputs, includes, is_component } => {
                    let named = |path: &String| normal(&folder.join(path));
                    layout.inputs.extend(inputs.iter().map(named));
                    layout.included.extend(includes.iter().map(named));
                    layout.kustomizations.insert(folder, found(*is_component));
                }
            }
        }
        layout
    }

    /// Whether a file may be a plain manifest.
    pub(super) fn reads(&self, file: &Path) -> bool {
        if self.kustomizations.is_empty() && self.charts.is_empty() {
            return true;
        }
        let place = self.place(file);
        let is_read_elsewhere = self.inputs.contains(&place) || self.is_of_chart(&place);
        !is_read_elsewhere
            && (!is_marker(file) || self.folders().all(|(folder, _)| place.parent() != Some(folder)))
    }

    /// Whether a file is in a chart, where anything may be that is no manifest.
    pub(super) fn is_in_chart(&self, file: &Path) -> bool {
        !self.charts.is_empty() && self.place(file).ancestors().any(|folder| self.charts.contains_key(folder))
    }

    /// Whether a file is in a kustomization.
    pub(super) fn is_in_kustomization(&self, file: &Path) -> bool {
        self.kustomization_of(file).is_some()
    }

    /// Whether two files are of different kustomizations, such as two overlays: objects of one name in them are variants.
    pub(super) fn are_variants(&self, one: &Path, other: &Path) -> bool {
        let (one, other) = (self.kustomization_of(one), self.kustomization_of(other));
        one.is_some() && other.is_some() && one != other
    }

    /// A finding for each kustomization and each chart that no other one includes, where `files` are read. `reader` is
    /// the command that reads what was rendered.
    pub(super) fn findings<'f>(
        &self,
        prefix: &Path,
        files: impl Iterator<Item = &'f Arc<Path>>,
        reader: &str,
    ) -> Vec<Finding> {
        if self.kustomizations.is_empty() && self.charts.is_empty() {
            return Vec::new();
        }
        let places: Vec<_> = files.filter(|file| !is_marker(file)).map(|file| self.place(file)).collect();
        // What is outside concerns only those of the files that are its inputs.
        let concerns = |folder: &Path, found: &Found, is_input: &dyn Fn(&Path) -> bool| {
            !found.is_outside || places.iter().any(|place| place.starts_with(folder) && is_input(place))
        };
        let mut findings = Vec::new();
        let mut report = |found: &Found, what: &str, command: &str| {
            let folder = prefix.join(found.file.parent().unwrap_or(Path::new("")));
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { &folder };
            findings.push(Finding {
                reason: Reason::NotRendered,
                object: None,
                location: Location { file: found.file.clone(), line: 0 },
                message: format!("{what}; render it: {command} {} | switchyard {reader}", folder.display()),
            });
        };
        let is_top = |folder: &Path| !self.included.contains(folder);
        let has_kustomization = self.kustomizations.values().any(|found| !found.is_component);
        for (folder, found) in &self.kustomizations {
            if is_top(folder)
                && !(found.is_component && has_kustomization)
                && concerns(folder, found, &|place| self.inputs.contains(place))
            {
                let what = "this kustomization is not applied, and its patches are not read";
                report(found, what, "kustomize build");
            }
        }
        for (folder, found) in &self.charts {
            if !self.is_of_chart(folder) && concerns(folder, found, &|place| self.is_of_chart(place)) {
                report(
                    found,
                    "this Helm chart is not rendered, and its templates are not read",
                    "helm template",
                );
            }
        }
        findings
    }

    fn folders(&self) -> impl Iterator<Item = (&Path, &Found)> {
        self.kustomizations.iter().chain(&self.charts).map(|(folder, found)| (folder.as_path(), found))
    }

    /// Whether a path is a template, a value or a chart inside of a chart.
    fn is_of_chart(&self, place: &Path) -> bool {
        let charts = place.ancestors().skip(1).filter(|folder| self.charts.contains_key(*folder));
        let mut inside = charts.filter_map(|chart| place.strip_prefix(chart).ok());
        inside.any(|inside| {
            let first = inside.components().next().map(Component::as_os_str).unwrap_or_default();
            let first = first.to_string_lossy();
            let is_file = inside.components().count() == 1;
            CHART_FOLDERS.contains(&&*first)
                || is_file && (first.starts_with("values") || CHART_FILES.contains(&&*first))
        })
    }

    fn kustomization_of(&self, file: &Path) -> Option<PathBuf> {
        if self.kustomizations.is_empty() {
            return None;
        }
        let place = self.place(file);
        place.ancestors().find(|folder| self.kustomizations.contains_key(*folder)).map(Path::to_owned)
    }

    /// The full path of a file.
    fn place(&self, file: &Path) -> PathBuf {
        normal(&self.base.join(file))
    }
}

/// A path without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                normal.pop();
            }
            component => normal.push(component),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(markers: &[(&str, &str)]) -> (Layout, Vec<Finding>) {
        let read: Vec<_> = markers
            .iter()
            .map(|(path, text)| {
                let path: Arc<Path> = Path::new(path).into();
                let marker = Marker::read(&path, text.as_bytes()).expect("a marker");
                (path, marker)
            })
            .collect();
        let root = Path::new("/served");
        let layout = Layout::new(root, root, read.iter().map(|(path, marker)| (path, marker)));
        let findings = layout.findings(root, std::iter::empty(), "serve --manifests -");
        (layout, findings)
    }

    #[test]
    fn files_that_a_kustomization_lists_as_inputs_are_not_read() {
        let text = "
resources: [deployment.yaml, ../base]
patches: [{path: patch.yaml, target: {kind: Deployment}}, {patch: 'a: 1'}]
patchesStrategicMerge: [older.yaml]
patchesJson6902: [{path: ../shared/ops.yaml}]
replacements: [{path: replacement.yaml}]
configMapGenerator: [{name: c, files: [config.yaml=settings/config.yaml]}]
";
        let (layout, _) = layout(&[("prod/kustomization.yaml", text)]);
        for (path, reads) in [
            ("prod/patch.yaml", false),
            ("prod/older.yaml", false),
            ("shared/ops.yaml", false),
            ("prod/replacement.yaml", false),
            ("prod/settings/config.yaml", false),
            ("prod/kustomization.yaml", false),
            ("prod/deployment.yaml", true),
            ("base/patch.yaml", true),
        ] {
            assert_eq!(layout.reads(Path::new(path)), reads, "{path}");
        }
    }

    #[test]
    fn only_what_no_other_includes_is_reported() {
        let (layout, findings) = layout(&[
            ("base/kustomization.yaml", "resources: [all.yaml]"),
            ("dev/kustomization.yml", "resources: [../base]"),
            ("prod/Kustomization", "resources: [../base]\ncomponents: [../extra]"),
            ("extra/kustomization.yaml", "kind: Component\napiVersion: kustomize.config.k8s.io/v1alpha1"),
            ("unused/kustomization.yaml", "kind: Component\napiVersion: kustomize.config.k8s.io/v1alpha1"),
        ]);
        let files: Vec<_> = findings.iter().map(|finding| finding.location.to_string()).collect();
        assert_eq!(files, ["dev/kustomization.yml", "prod/Kustomization"]);
        assert!(
            findings[0].message.ends_with("kustomize build /served/dev | switchyard serve --manifests -")
        );
        assert!(layout.are_variants(Path::new("dev/a.yaml"), Path::new("prod/a.yaml")));
        assert!(!layout.are_variants(Path::new("dev/a.yaml"), Path::new("dev/b.yaml")));
        assert!(!layout.are_variants(Path::new("dev/a.yaml"), Path::new("a.yaml")));
    }

    #[test]
    fn templates_values_and_charts_of_a_chart_are_not_read() {
        let (layout, findings) = layout(&[("app/Chart.yaml", ""), ("app/charts/db/Chart.yaml", "")]);
        for (path, reads) in [
            ("app/templates/service.yaml", false),
            ("app/values.yaml", false),
            ("app/values-prod.yaml", false),
            ("app/charts/db/templates/pod.yaml", false),
            ("app/Chart.yaml", false),
            ("app/crds/split.yaml", true),
            ("other/templates/service.yaml", true),
        ] {
            assert_eq!(layout.reads(Path::new(path)), reads, "{path}");
        }
        let [finding] = &findings[..] else { panic!("{findings:?}") };
        assert!(finding.message.ends_with("helm template /served/app | switchyard serve --manifests -"));
    }

    #[test]
    fn kustomization_of_flux_is_an_ordinary_object() {
        let text = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n";
        assert_eq!(Marker::read(Path::new("kustomization.yaml"), text.as_bytes()), None);
        assert_eq!(Marker::read(Path::new("a.yaml"), b""), None);
    }
}
