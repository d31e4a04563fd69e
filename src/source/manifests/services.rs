//! What of a Service its endpoints are made from.

use crate::{
    model::{Labels, TargetPort},
    source::convert::{Rejection, read::At, service::target},
};

/// A Service that selects Pods.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Selecting {
    /// `spec.selector`, not empty.
    pub(super) selector: Labels,
    /// The name of each TCP port and where it leads, in the order of the spec.
    pub(super) ports: Vec<(Box<str>, TargetPort)>,
    /// `spec.publishNotReadyAddresses`.
    pub(super) publish_not_ready: bool,
    /// `spec.trafficDistribution` asks for hints: each endpoint is for clients of its own zone.
    pub(super) prefers_zone: bool,
}

/// Annotations that replace `trafficDistribution` with hints by the CPUs of the zones. Those are not simulated.
const HINTS_BY_CPU: [&str; 2] =
    ["service.kubernetes.io/topology-mode", "service.kubernetes.io/topology-aware-hints"];

fn prefers_zone(root: &At<'_, '_>) -> bool {
    let (metadata, spec) = (root.field("metadata"), root.field("spec"));
    let annotations = metadata.field("annotations");
    let by_cpu = |key| matches!(annotations.field(key).str(), "Auto" | "auto");
    let distribution = spec.field("trafficDistribution");
    matches!(distribution.str(), "PreferClose" | "PreferSameZone" | "PreferSameNode")
        && !HINTS_BY_CPU.into_iter().any(by_cpu)
}

impl Selecting {
    /// Reads a Service; `None` if it selects nothing, so that its endpoints are somebody else's business.
    pub(super) fn read(root: &At<'_, '_>) -> Result<Option<Self>, Rejection> {
        let spec = root.get("spec")?;
        let selector = spec.get("selector")?.labels()?;
        if selector.is_empty() || spec.get("type")?.text()? == Some("ExternalName") {
            return Ok(None);
        }
        let mut ports = Vec::new();
        for port in spec.get("ports")?.items()? {
            if port.is_tcp_port()? {
                let number = port.get("port")?;
                let number = number.port()?.ok_or_else(|| number.wrong("the number that clients use"))?;
                ports.push((port.get("name")?.text()?.unwrap_or_default().into(), target(&port, number)?));
            }
        }
        let publish_not_ready = spec.get("publishNotReadyAddresses")?.flag()?.unwrap_or(false);
        Ok(Some(Self { selector, ports, publish_not_ready, prefers_zone: prefers_zone(root) }))
    }

    /// The number of each port, on what has these ports by name.
    pub(super) fn numbers(&self, port: impl Fn(&str) -> Option<u16>) -> Vec<Option<u16>> {
        let number = |target: &TargetPort| match target {
            TargetPort::Number(number) => Some(*number),
            TargetPort::Name(name) => port(name),
        };
        self.ports.iter().map(|(_, target)| number(target)).collect()
    }

    /// Whether it selects what has such labels.
    pub(super) fn selects<'t>(&self, label: impl Fn(&str) -> Option<&'t str>) -> bool {
        self.selector.iter().all(|(key, value)| label(key) == Some(&**value))
    }
}
