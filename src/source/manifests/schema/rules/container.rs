//! Rules for containers.

use crate::{source::convert::read::At, weight::Milli};

use super::{
    super::{
        Faults,
        names::{
            ENVIRONMENT, LABEL, PORT_NAME, QUALIFIED, in_range, one_of, port, port_or_name, required_port,
        },
    },
    service::protocol,
    unique,
};

/// Which list a container is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// `containers`.
    Main,
    /// `initContainers`.
    Init,
}

/// Handlers of a probe or of a hook.
const HANDLERS: [&str; 4] = ["exec", "httpGet", "tcpSocket", "grpc"];

/// Checks a container of a Pod whose volumes are known.
pub(super) fn check(
    at: &At<'_, '_>,
    role: Role,
    is_on_host: bool,
    has_volume: &dyn Fn(&str) -> bool,
    faults: &mut Faults,
) {
    LABEL.check_required(&at.field("name"), faults);
    let image = at.field("image");
    if image.str().is_empty() {
        faults.add(image.wrong("an image"));
    }
    ports(&at.field("ports"), is_on_host, faults);
    environment(at, faults);
    one_of(&at.field("imagePullPolicy"), &["Always", "IfNotPresent", "Never"], faults);
    one_of(&at.field("terminationMessagePolicy"), &["File", "FallbackToLogsOnError"], faults);
    for mount in at.field("volumeMounts").list() {
        let (name, path) = (mount.field("name"), mount.field("mountPath"));
        if name.str().is_empty() || !has_volume(name.str()) {
            faults.add(name.wrong("the name of a volume of the Pod"));
        }
        if path.str().is_empty() {
            faults.add(path.wrong("a path"));
        }
    }
    unique(&at.field("volumeMounts"), "mountPath", faults);
    resources(&at.field("resources"), faults);
    let policy = at.field("restartPolicy");
    let is_sidecar = role == Role::Init && policy.str() == "Always";
    one_of(&policy, &["Always", "OnFailure", "Never"], faults);
    for field in ["livenessProbe", "readinessProbe", "startupProbe"] {
        let at = at.field(field);
        if at.is_absent() {
            continue;
        }
        if role == Role::Init && !is_sidecar {
            faults.add(at.reject("expected no probe of an init container whose restartPolicy is not Always"));
        }
        probe(&at, field != "readinessProbe", faults);
    }
}

fn ports(ports: &At<'_, '_>, is_on_host: bool, faults: &mut Faults) {
    unique(ports, "name", faults);
    for item in ports.list() {
        PORT_NAME.check(&item.field("name"), faults);
        let (number, host) = (item.field("containerPort"), item.field("hostPort"));
        required_port(&number, faults);
        port(&host, faults);
        protocol(&item.field("protocol"), faults);
        if is_on_host && host.int().is_some_and(|host| host != 0 && Some(host) != number.int()) {
            faults.add(host.reject("expected the containerPort, as the Pod uses the host's network"));
        }
    }
}

fn environment(container: &At<'_, '_>, faults: &mut Faults) {
    for variable in container.field("env").list() {
        ENVIRONMENT.check_required(&variable.field("name"), faults);
        let from = variable.field("valueFrom");
        if from.is_absent() {
            continue;
        }
        if !variable.field("value").str().is_empty() {
            faults.add(from.reject("expected value or valueFrom, found both"));
        }
        let sources = from.entries().filter(|(_, source)| !source.is_absent()).count();
        if sources != 1 {
            faults.add(from.reject(format!("expected one source of the value, found {sources}")));
        }
        for (source, field) in [
            ("configMapKeyRef", "key"),
            ("secretKeyRef", "key"),
            ("fieldRef", "fieldPath"),
            ("resourceFieldRef", "resource"),
        ] {
            let parent = from.field(source);
            let at = parent.field(field);
            if parent.value().is_object() && at.str().is_empty() {
                faults.add(at.wrong("a string that is not empty"));
            }
        }
    }
}

fn resources(resources: &At<'_, '_>, faults: &mut Faults) {
    let (requests, limits) = (resources.field("requests"), resources.field("limits"));
    for (name, amount) in requests.entries().chain(limits.entries()) {
        let is_known =
            ["cpu", "memory", "ephemeral-storage"].contains(&name) || name.starts_with("hugepages-");
        let is_of_domain = name.contains('/') && QUALIFIED.accepts(name);
        if !is_known && !is_of_domain {
            faults
                .add(amount.reject(format!(
                    "expected the name of a resource such as cpu or memory, found {name:?}"
                )));
        }
        if amount.str().starts_with('-') || amount.value().as_f64().is_some_and(|number| number < 0.0) {
            faults.add(amount.wrong("a quantity, 0 or more"));
        }
    }
    for (name, request) in requests.entries() {
        if let (Some(least), Some(most)) = (quantity(&request), quantity(&limits.field(name)))
            && least > most
        {
            faults.add(request.reject(format!("expected no more than the limit of {name}")));
        }
    }
}

fn quantity(at: &At<'_, '_>) -> Option<Milli> {
    let reading = match at.value().as_str() {
        Some(text) => Milli::parse(text.trim()),
        None => Milli::from_f64(at.value().as_f64()?),
    };
    reading.ok().map(|reading| reading.milli)
}

fn probe(at: &At<'_, '_>, must_succeed_once: bool, faults: &mut Faults) {
    let handlers = HANDLERS.iter().filter(|handler| !at.field(handler).is_absent()).count();
    if handlers != 1 {
        faults.add(at.reject(format!("expected one of {}, found {handlers}", HANDLERS.join(", "))));
    }
    let (exec, http) = (at.field("exec"), at.field("httpGet"));
    if exec.value().is_object() && exec.field("command").list().next().is_none() {
        faults.add(exec.field("command").wrong("a command"));
    }
    for handler in [&http, &at.field("tcpSocket")] {
        let at = handler.field("port");
        if handler.value().is_object() {
            if at.is_absent() {
                faults.add(at.wrong("a port"));
            }
            port_or_name(&at, faults);
        }
    }
    let grpc = at.field("grpc");
    if grpc.value().is_object() {
        required_port(&grpc.field("port"), faults);
    }
    one_of(&http.field("scheme"), &["HTTP", "HTTPS"], faults);
    for field in
        ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"]
    {
        in_range(&at.field(field), 0..=i64::MAX, faults);
    }
    if must_succeed_once {
        let threshold = at.field("successThreshold");
        if threshold.int().is_some_and(|times| times > 1) {
            faults.add(threshold.wrong("1"));
        }
    }
}
