//! An explanation as a tree.

use super::{
    address,
    endpoints::serving,
    tree::{Line, Node, columns},
};
use crate::{
    cli::{
        percent::percent,
        style::{BAD, GOOD, HEADING, WHY},
    },
    resolve::explain::{
        Asker, Backend, BackendState, Explanation, Fact, Get, Ignored, Listed, Oddity, Outcome, Override,
        ProfileKind, ProfileSaid, ServiceSaid, Splits, Standing, Subject, SubjectKind, count,
    },
};

/// Parts per billion.
const BILLION: u64 = 1_000_000_000;

/// The whole explanation.
pub(super) fn tree(explanation: &Explanation) -> Node {
    let Explanation { authority, asker, subject, splits, get, profile, whereabouts, warnings } = explanation;
    let mut root = Node::new(Line::default().paint(HEADING, authority)).with([client(asker), about(subject)]);
    let total = get.as_ref().map_or(0, |get| get.total_weight);
    root = root.with(splits.iter().map(|splits| split(splits, total)));
    root = root.with(get.iter().map(self::get));
    root = root.with(profile.iter().map(self::profile));
    root = root.with(whereabouts.items.iter().map(address::node));
    root.with([self::warnings(warnings, explanation)])
}

/// A line `name  what it is  (why)`.
pub(super) fn fact(name: &str, fact: &Fact) -> Line {
    let line = Line::new(&format!("{name}: "));
    let line = match &fact.is {
        Some(is) => line.text(is),
        None => line.text("none"),
    };
    because(line, &fact.why)
}

/// The line with its reason behind it.
pub(super) fn because(line: Line, why: &str) -> Line {
    if why.is_empty() { line } else { line.paint(WHY, format!("  ({why})")) }
}

/// `.. and 12 more`, if there are more.
pub(super) fn more<T>(listed: &Listed<T>, what: &str) -> Option<Node> {
    (listed.more > 0)
        .then(|| Node::new(Line::default().paint(WHY, format!("and {} more {what}", listed.more))))
}

fn client(asker: &Asker) -> Node {
    let line = because(Line::new(&format!("asked in the {} reading", asker.reading)), &asker.reading_why);
    let mut node = Node::new(line);
    if let Some(namespace) = &asker.namespace {
        node = node.and(Line::new(&format!("namespace: {namespace}")));
    }
    if let Some(name) = &asker.node {
        node = node.and(Line::new(&format!("node: {name}"))).and(fact("zone", &asker.zone));
    }
    node
}

fn about(subject: &Subject) -> Node {
    let Subject { kind, name, why, service } = subject;
    let kind = match kind {
        SubjectKind::Service => "Service",
        SubjectKind::NoService => "no Service",
        SubjectKind::Instance => "endpoint",
        SubjectKind::Pod => "Pod",
        SubjectKind::Workload => "ExternalWorkload",
        SubjectKind::Several | SubjectKind::Address => "address",
    };
    let node = Node::new(because(Line::new(&format!("{kind} {name}")), why));
    node.with(service.iter().flat_map(service_lines))
}

fn service_lines(service: &ServiceSaid) -> Vec<Node> {
    let ServiceSaid { kind, cluster_ips, ports, has_port, problem, is_backend } = service;
    let ips = if cluster_ips.is_empty() { String::new() } else { format!(" {}", cluster_ips.join(", ")) };
    let more = if ports.more > 0 { format!(", and {} more", ports.more) } else { String::new() };
    let listed = if ports.items.is_empty() { "none".to_owned() } else { ports.items.join(", ") };
    let mut lines = vec![Line::new(&format!("{kind}{ips}"))];
    let mut line = Line::new(&format!("ports: {listed}{more}"));
    if !has_port && problem.is_none() {
        line = line.paint(BAD, "  not the one that is asked for");
    }
    lines.push(line);
    lines.extend(problem.iter().map(|problem| Line::default().paint(BAD, problem)));
    if *is_backend {
        lines.push(Line::new("a TrafficSplit names it as a backend"));
    }
    lines.into_iter().map(Node::new).collect()
}

fn split(splits: &Splits, total_weight: u64) -> Node {
    let Splits { applied, why, standings, total, backends, ignored, .. } = splits;
    let line = match applied {
        Some(name) => Line::new("split by ").paint(GOOD, format!("TrafficSplit {name}")),
        None => Line::new("not split"),
    };
    let mut node = Node::new(because(line, why));
    // The only one is named already.
    let others = standings.total() > 1 || applied.is_none();
    node = node.with(standings.items.iter().filter(|_| others).map(standing));
    node = node.with(more(standings, "TrafficSplits").filter(|_| others));
    let rows: Vec<_> = backends.items.iter().map(|one| [one.service.clone(), one.weight.clone()]).collect();
    for (backend, [name, weight]) in backends.items.iter().zip(columns(&rows)) {
        node = node.with([self::backend(backend, &name, &weight, total, total_weight)]);
    }
    node.with(more(backends, "backends")).with(ignored.items.iter().map(passed_over))
}

fn standing(standing: &Standing) -> Node {
    let created = standing.created.as_deref().unwrap_or("at an unknown time");
    let line = match standing.wins {
        true => Line::default().paint(GOOD, "wins "),
        false => Line::default().paint(BAD, "loses"),
    };
    let line = line.text(&format!(" {}, created {created}", standing.name));
    Node::new(because(line, &standing.why))
}

fn passed_over(ignored: &Ignored) -> Node {
    let line = Line::default().paint(BAD, "ignored").text(&format!(" {}", ignored.service));
    Node::new(because(line, &ignored.why))
}

fn backend(backend: &Backend, name: &str, weight: &str, total: &str, total_weight: u64) -> Node {
    let declared = percent(backend.share, BILLION);
    let line = Line::new("backend ").paint(HEADING, name);
    let line = line.text(&format!("  weight {weight} of {total}, {declared}"));
    let line = match backend.state {
        BackendState::Serves => line,
        BackendState::Empty => line.paint(BAD, "  empty"),
        BackendState::NoWeight => line.paint(WHY, "  gets nothing"),
        BackendState::Missing => line.paint(BAD, "  missing"),
        BackendState::Unsuitable => line.paint(BAD, "  unsuitable"),
        BackendState::NoPort => line.paint(BAD, "  lacks the port"),
    };
    let node = Node::new(because(line, &backend.why));
    node.with(backend.serving.iter().flat_map(|one| serving(one, total_weight)))
}

fn get(get: &Get) -> Node {
    let endpoints = count(get.endpoints, "endpoint");
    let line = match get.outcome {
        Outcome::Split => Line::new("Get: ").paint(GOOD, format!("{endpoints} of the backends")),
        Outcome::Own => Line::new("Get: ").paint(GOOD, format!("{endpoints} of the service itself")),
        Outcome::Empty => Line::new("Get: ").paint(BAD, "no endpoints, exists: true"),
        Outcome::Absent => Line::new("Get: ").paint(BAD, "no endpoints, exists: false"),
    };
    let mut node = Node::new(because(line, &get.why));
    if get.outcome == Outcome::Split {
        node = node.and(Line::new("each endpoint stands above, under its backend"));
    }
    node = node.with(get.own.iter().flat_map(|own| serving(own, get.total_weight)));
    if get.endpoints > 0 {
        node = node.with([Node::new(Line::new("labels of all")).with(address::labels(&get.labels))]);
    }
    node
}

fn profile(profile: &ProfileSaid) -> Node {
    let line = Line::new("GetProfile: ");
    let line = match profile.kind {
        ProfileKind::Empty => line.paint(BAD, "the empty profile"),
        ProfileKind::Endpoint => line.paint(GOOD, "a single endpoint"),
        ProfileKind::Service => match profile.overrides.total() {
            0 => line.paint(GOOD, "no overrides"),
            n => line.paint(GOOD, count(n, "override")),
        },
    };
    if profile.kind != ProfileKind::Service {
        let node = Node::new(because(line, &profile.why));
        if profile.kind == ProfileKind::Empty {
            return node;
        }
        return node.with([opaque(profile)]).with(profile.endpoint.iter().map(address::node));
    }
    let mut node = Node::new(because(line, &profile.overrides_why));
    node = node.with(overrides(&profile.overrides.items));
    node = node.with(more(&profile.overrides, "overrides"));
    node = node.with(profile.left_out.items.iter().map(passed_over));
    let mut by = fact("ServiceProfile", &profile.defined_by);
    if profile.routes > 0 {
        by = by.text(&format!(", {}", count(profile.routes, "route")));
    }
    node.with([Node::new(by), opaque(profile)])
}

fn opaque(profile: &ProfileSaid) -> Node {
    let opaque = if profile.opaque { "opaque: yes" } else { "opaque: no" };
    Node::new(because(Line::new(opaque), &profile.opaque_why))
}

fn overrides(overrides: &[Override]) -> Vec<Node> {
    let total = overrides.iter().map(|to| u64::from(to.weight)).sum();
    let row = |to: &Override| {
        [to.authority.clone(), format!("weight {}", to.weight), percent(to.weight.into(), total)]
    };
    let rows: Vec<_> = overrides.iter().map(row).collect();
    let node = |(to, [authority, weight, share]): (&Override, [String; 3])| {
        Node::new(because(Line::new(&format!("{authority}  {weight}  {share}")), &to.why))
    };
    overrides.iter().zip(columns(&rows)).map(node).collect()
}

fn warnings(warnings: &Listed<Oddity>, explanation: &Explanation) -> Node {
    if warnings.total() == 0 {
        let line = |text| Line::default().paint(BAD, text);
        return match (&explanation.get, &explanation.profile) {
            (Some(Get { endpoints: 0, why, .. }), _) => {
                Node::new(because(line("clients get no endpoints"), why))
            }
            (_, Some(ProfileSaid { kind: ProfileKind::Empty, why, .. })) => {
                Node::new(because(line("clients get the empty profile"), why))
            }
            _ => Node::new(Line::new("nothing odd")),
        };
    }
    let line = Line::default().paint(BAD, count(warnings.total(), "warning"));
    let warning = |oddity: &Oddity| {
        let path = if oddity.path.is_empty() { String::new() } else { format!(" {}", oddity.path) };
        Node::new(Line::new(&format!("{}{path}: {} [{}]", oddity.object, oddity.message, oddity.reason)))
    };
    Node::new(line).with(warnings.items.iter().map(warning)).with(more(warnings, "warnings"))
}
