//! Everything that is odd about a state, and which of it an edit brings or removes.

use std::collections::BTreeSet;

use super::State;
use crate::{
    context::Reading,
    engine::{Engine, Warning},
    model::{Kind, ObjectId, Reason, ServiceKind},
    resolve::{Client, Options, Query, Target, no_endpoints::no_endpoints},
    status::Notice,
};

/// Asks for every port of every Service, because some oddities show only to those who ask. That an ExternalName
/// has no endpoints is none where nobody asks for it.
pub fn ask_for_everything(engine: &mut Engine) {
    let services: Vec<_> = engine.cluster().services().cloned().collect();
    for service in services.iter().filter(|service| !matches!(service.kind, ServiceKind::ExternalName(_))) {
        for port in &service.ports {
            let (service, instance, reading) = (service.name.clone(), None, Reading::Leaf);
            let query = Query::Endpoints { service, instance, port: port.port, reading };
            engine.watch(&Target { query, client: Client::default() });
        }
    }
}

/// What makes two warnings the same one: not the line, which moves with whatever is written above it.
type Same<'a> = (&'a Option<String>, &'a str, Reason, &'a str, Option<&'a str>);

fn same(warning: &Notice) -> Same<'_> {
    let Notice { location, object, path, reason, message } = warning;
    // A hint about other objects may change while the warning stays the same.
    let describes_others =
        reason.is_about_endpoints() || matches!(reason, Reason::ServerUnused | Reason::ServerConflict);
    let message = if describes_others { "" } else { message };
    // One about no object is about its file.
    let file = location.as_deref().filter(|_| object.is_none()).map(|location| {
        location.rsplit_once(':').filter(|(_, line)| line.parse::<u32>().is_ok()).map_or(location, |(f, _)| f)
    });
    (object, path, *reason, message, file)
}

/// Warnings of Services that lose their last ready endpoint on a port between two states, as far as they are not among
/// those that are `known` to come. A folder without Pods does not tell whether a Service has endpoints; that an edit
/// takes them is certain all the same, so that such reasons are among them if the caller wants.
pub(super) fn emptied(
    before: &State,
    after: &State,
    options: &Options,
    known: &[Notice],
    uncertain_too: bool,
) -> Vec<Notice> {
    let mut emptied = Vec::new();
    for service in after.cluster().services().map(|service| &service.name) {
        let Some(old) = before.cluster().service(service) else { continue };
        let now = no_endpoints(after.cluster(), options, service);
        if now.is_empty() {
            continue;
        }
        let had_none = no_endpoints(before.cluster(), options, service);
        let had_some = |port: &u16| {
            old.port(*port).is_some() && !had_none.iter().any(|reason| reason.ports.contains(port))
        };
        for mut reason in now.into_iter().filter(|reason| uncertain_too || reason.is_certain) {
            reason.ports.retain(had_some);
            let object = ObjectId { kind: Kind::Service, name: service.clone() };
            let notice = after.notice(&Warning { object, problem: reason.problem() });
            let id = |notice: &Notice| (notice.object.clone(), notice.path.clone(), notice.reason);
            if !reason.ports.is_empty() && !known.iter().any(|known| id(known) == id(&notice)) {
                emptied.push(notice);
            }
        }
    }
    emptied
}

/// Those that are only after, and those that are only before.
pub(super) fn differences(before: &[Notice], after: &[Notice]) -> (Vec<Notice>, Vec<Notice>) {
    let only_in = |these: &[Notice], others: &[Notice]| {
        let others: BTreeSet<_> = others.iter().map(same).collect();
        these.iter().filter(|warning| !others.contains(&same(warning))).cloned().collect()
    };
    (only_in(after, before), only_in(before, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(location: &str, object: Option<&str>, message: &str) -> Notice {
        let (path, reason) = (String::new(), Reason::BadWeight);
        let (location, object) = (Some(location.to_owned()), object.map(str::to_owned));
        Notice { location, object, path, reason, message: message.to_owned() }
    }

    #[test]
    fn a_warning_that_only_moved_is_the_same() {
        let before = [notice("a.yaml:3", Some("o"), "x"), notice("b.yaml:1", None, "y")];
        let after = [notice("edit.yaml:9", Some("o"), "x"), notice("b.yaml:2", None, "y")];
        assert_eq!(differences(&before, &after), (vec![], vec![]));
    }

    #[test]
    fn another_object_file_or_message_makes_another_warning() {
        let before = [notice("a.yaml:3", Some("o"), "x"), notice("b.yaml:1", None, "y")];
        for after in [
            [notice("a.yaml:3", Some("p"), "x"), before[1].clone()],
            [notice("a.yaml:3", Some("o"), "z"), before[1].clone()],
            [before[0].clone(), notice("c.yaml:1", None, "y")],
        ] {
            let (brought, removed) = differences(&before, &after);
            assert_eq!((brought.len(), removed.len()), (1, 1), "{after:?}");
        }
    }
}
