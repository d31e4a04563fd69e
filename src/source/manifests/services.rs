//! What of a Service its endpoints are made from.

use crate::{
    model::Labels,
    source::convert::{Rejection, read::At},
};

/// A Service that selects Pods.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Selecting {
    /// `spec.selector`, not empty.
    pub(super) selector: Labels,
    /// The name of each TCP port and where it leads, in the order of the spec.
    pub(super) ports: Vec<(Box<str>, Target)>,
    /// `spec.publishNotReadyAddresses`.
    pub(super) publish_not_ready: bool,
}

/// Where a port of a Service leads on a Pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// To this port.
    Number(u16),
    /// To the container port of this name, which may differ from Pod to Pod.
    Name(Box<str>),
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
                ports.push((port.get("name")?.text()?.unwrap_or_default().into(), target(&port)?));
            }
        }
        let publish_not_ready = spec.get("publishNotReadyAddresses")?.flag()?.unwrap_or(false);
        Ok(Some(Self { selector, ports, publish_not_ready }))
    }

    /// The number of each port, on what has these ports by name.
    pub(super) fn numbers(&self, port: impl Fn(&str) -> Option<u16>) -> Vec<Option<u16>> {
        let number = |target: &Target| match target {
            Target::Number(number) => Some(*number),
            Target::Name(name) => port(name),
        };
        self.ports.iter().map(|(_, target)| number(target)).collect()
    }

    /// Whether it selects what has such labels.
    pub(super) fn selects<'t>(&self, label: impl Fn(&str) -> Option<&'t str>) -> bool {
        self.selector.iter().all(|(key, value)| label(key) == Some(&**value))
    }
}

/// `targetPort`, which is `port` if it is not said.
fn target(port: &At<'_, '_>) -> Result<Target, Rejection> {
    let at = port.get("targetPort")?;
    if let Some(name) = at.value().as_str().filter(|name| !name.is_empty()) {
        return Ok(Target::Name(name.into()));
    }
    let is_unsaid = at.is_absent() || at.value().as_str() == Some("") || at.value().as_u64() == Some(0);
    let number = if is_unsaid { port.get("port")? } else { at };
    let number = number.port()?.ok_or_else(|| number.wrong("the number that clients use"))?;
    Ok(Target::Number(number))
}
