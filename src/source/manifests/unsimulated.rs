//! Kinds whose controllers create Pods, and that are not simulated: their Pods are not known in a folder.
//!
//! A kind is recognised by its group and name, or by a Pod template anywhere in the object. The labels of its
//! templates tell which Services would select the Pods.

use serde_json::Value;

use super::kinds;
use crate::model::{LabelSet, NsName};

/// An object that makes a cluster create Pods which are not simulated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unsimulated {
    /// Its kind as messages write it.
    pub(super) kind: String,
    /// Its namespace and name.
    pub(super) name: NsName,
    /// The line on which it begins.
    pub(super) line: u32,
    /// The labels of each of its templates; none if the labels of its Pods are not known.
    pub(super) templates: Vec<LabelSet>,
}

/// A kind that creates Pods, by its API group.
struct Known {
    group: &'static str,
    kind: &'static str,
    /// Labels with the object's name that its controller adds to every Pod.
    own_labels: &'static [&'static str],
}

const fn known(group: &'static str, kind: &'static str) -> Known {
    Known { group, kind, own_labels: &[] }
}

const fn labelled(group: &'static str, kind: &'static str, own_labels: &'static [&'static str]) -> Known {
    Known { group, kind, own_labels }
}

/// Kinds that create Pods although no template of theirs has containers, or whose Pods have labels that no template
/// has. All other kinds are recognised by their templates.
const KNOWN: [Known; 21] = [
    labelled("batch", "Job", &["job-name", "batch.kubernetes.io/job-name"]),
    labelled("", "DeploymentConfig", &["deploymentconfig"]),
    labelled("apps.openshift.io", "DeploymentConfig", &["deploymentconfig"]),
    labelled("serving.knative.dev", "Service", &["serving.knative.dev/service"]),
    labelled("sparkoperator.k8s.io", "SparkApplication", &["sparkoperator.k8s.io/app-name"]),
    known("sparkoperator.k8s.io", "ScheduledSparkApplication"),
    known("argoproj.io", "Workflow"),
    known("argoproj.io", "CronWorkflow"),
    labelled("kubevirt.io", "VirtualMachine", &["vm.kubevirt.io/name"]),
    labelled("kubevirt.io", "VirtualMachineInstance", &["vm.kubevirt.io/name"]),
    known("kubevirt.io", "VirtualMachineInstanceReplicaSet"),
    labelled("tekton.dev", "TaskRun", &["tekton.dev/taskRun"]),
    labelled("tekton.dev", "PipelineRun", &["tekton.dev/pipelineRun"]),
    labelled("ray.io", "RayCluster", &["ray.io/cluster"]),
    labelled("acid.zalan.do", "postgresql", &["cluster-name"]),
    labelled("postgresql.cnpg.io", "Cluster", &["cnpg.io/cluster"]),
    labelled("kafka.strimzi.io", "Kafka", &["strimzi.io/cluster"]),
    labelled("monitoring.coreos.com", "Prometheus", &["prometheus"]),
    labelled("monitoring.coreos.com", "Alertmanager", &["alertmanager"]),
    known("flink.apache.org", "FlinkDeployment"),
    known("elasticsearch.k8s.elastic.co", "Elasticsearch"),
];

/// Kinds with a Pod template from which nothing is created: `v1` PodTemplate, and policies about other objects.
const WITHOUT_PODS: [(&str, &str); 5] = [
    ("", "PodTemplate"),
    ("kyverno.io", ""),
    ("policies.kyverno.io", ""),
    ("constraints.gatekeeper.sh", ""),
    ("templates.gatekeeper.sh", ""),
];

/// Recognises an object of that group, kind and name that creates Pods; `None` if no Pods come of it.
pub(super) fn read(
    api_version: &str,
    kind: &str,
    name: NsName,
    value: &Value,
    line: u32,
) -> Option<Unsimulated> {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let no_pods = |(of, only): &(&str, &str)| *of == group && (only.is_empty() || *only == kind);
    if WITHOUT_PODS.iter().any(no_pods) || is_finished(value) {
        return None;
    }
    let known = KNOWN.iter().find(|known| (known.group, known.kind) == (group, kind));
    let own = known.map_or(&[][..], |known| known.own_labels).iter().map(|key| (*key, name.name.as_str()));
    let mut templates: Vec<_> = templates(value)
        .into_iter()
        .map(|labels| LabelSet::new(labels.into_iter().chain(own.clone())))
        .collect();
    if templates.is_empty() {
        known?;
        templates.extend(Some(LabelSet::new(own)).filter(|labels| !labels.is_empty()));
    }
    Some(Unsimulated { kind: kinds::foreign(api_version, kind), name, line, templates })
}

/// Whether the object is a Job that has ended, as the dump of a cluster has many.
fn is_finished(job: &Value) -> bool {
    job.pointer("/status/completionTime").is_some_and(Value::is_string)
}

/// The labels of every Pod template in an object: a mapping below a field called `template` or `..Template` that
/// has containers.
fn templates(object: &Value) -> Vec<Vec<(&str, &str)>> {
    let mut found = Vec::new();
    let mut open = vec![object];
    while let Some(value) = open.pop() {
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(fields) => {
                for (field, value) in fields {
                    let is_template = field.ends_with("emplate")
                        && ["containers", "domain"].iter().any(|field| {
                            // A virtual machine has a domain where a Pod has containers.
                            value.get("spec").and_then(|spec| spec.get(field)).is_some_and(is_filled)
                        });
                    if is_template { found.push(labels(value)) } else { open.push(value) }
                }
            }
            _ => {}
        }
    }
    found
}

fn is_filled(value: &Value) -> bool {
    match value {
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => false,
    }
}

fn labels(template: &Value) -> Vec<(&str, &str)> {
    let labels = template.pointer("/metadata/labels").and_then(Value::as_object);
    let labels = labels.into_iter().flatten();
    labels.filter_map(|(key, value)| Some((key.as_str(), value.as_str()?))).collect()
}
