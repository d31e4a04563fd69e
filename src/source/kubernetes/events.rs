//! What is odd about a split, told where its author looks: as Events on the TrafficSplit.
//!
//! An Event is named by what it says, so that all replicas, and one that restarts, mean the same one: whoever
//! comes first creates it, the others find it there. One that has been there for a while is said to be going
//! on, before the API server forgets it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use http::Method;
use serde_json::{Value, json};
use tokio::{
    sync::watch,
    time::{Duration, Instant, MissedTickBehavior, interval, sleep},
};

use super::{
    api::{Api, Trouble},
    kinds::{RESOURCES, Resource},
};
use crate::{
    model::{Kind, NsName, Reason},
    status::{Notice, Status},
};

/// An Event is forgotten by the API server after an hour; it is renewed before that.
const RENEWED_AFTER: Duration = Duration::from_secs(30 * 60);
/// How often new warnings are looked for. A split that is applied together with its backends is odd for a
/// moment; nobody needs to read of that.
const LOOK: Duration = Duration::from_secs(3);
/// Between two requests, so that a thousand odd splits are no storm.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest note that the API server takes, in bytes.
const LONGEST_NOTE: usize = 1024;
/// Who reports, as it stands in each Event.
const CONTROLLER: &str = "switchyard/destination";

/// Which warnings become Events, and the reason in their form.
fn event_reason(reason: Reason) -> Option<&'static str> {
    Some(match reason {
        Reason::BackendMissing => "BackendMissing",
        Reason::BackendUnsuitable => "BackendUnsuitable",
        Reason::BackendEmpty => "BackendEmpty",
        Reason::DuplicateBackend => "DuplicateBackend",
        Reason::PortMissing => "PortLeftOut",
        Reason::BadWeight => "BadWeight",
        Reason::InvalidObject => "Invalid",
        Reason::OddWeight => "OddWeight",
        Reason::NothingWeighted => "NothingWeighted",
        Reason::ForeignReference => "ForeignReference",
        Reason::ApexMissing => "ApexMissing",
        Reason::SplitOverridden => "SplitOverridden",
        Reason::ApexUnsuitable | Reason::SplitConflict | Reason::MatchesUnsupported => "SplitIgnored",
        _ => return None,
    })
}

/// Writes Events until the status has no source any more.
pub(super) async fn write(api: Api, mut status: watch::Receiver<Arc<Status>>) {
    let mut writer = Writer { api, told: BTreeMap::new(), is_refused: false };
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut before: BTreeSet<Notice> = BTreeSet::new();
    loop {
        look.tick().await;
        if status.has_changed().is_err() {
            return;
        }
        // Not under the lock of the channel, for which the controller would wait.
        let status = status.borrow_and_update().clone();
        let now: BTreeSet<Notice> = status.warnings.iter().cloned().collect();
        // What was there at the last look already is there to stay.
        for notice in now.intersection(&before) {
            writer.tell(notice).await;
        }
        writer.told.retain(|notice, _| now.contains(notice));
        before = now;
    }
}

struct Writer {
    api: Api,
    /// What was told, when, and how often it was found to go on.
    told: BTreeMap<Notice, (Instant, u32)>,
    is_refused: bool,
}

impl Writer {
    async fn tell(&mut self, notice: &Notice) {
        let Some((split, reason)) = split_of(notice).zip(event_reason(notice.reason)) else { return };
        let renewals = match self.told.get(notice) {
            Some((when, _)) if when.elapsed() < RENEWED_AFTER => return,
            Some((_, renewals)) => renewals + 1,
            None => 0,
        };
        match self.write(&split, reason, notice, renewals).await {
            Ok(()) => self.is_refused = false,
            Err(trouble) => {
                if !std::mem::replace(&mut self.is_refused, true) {
                    tracing::warn!(
                        "cannot write Events (--events): {trouble}; what clients are told does not depend on them"
                    );
                }
            }
        }
        // Also where it failed: it is tried again as if it had been told, not at every look.
        self.told.insert(notice.clone(), (Instant::now(), renewals));
        sleep(PAUSE).await;
    }

    async fn write(
        &self,
        split: &NsName,
        reason: &str,
        notice: &Notice,
        renewals: u32,
    ) -> Result<(), Trouble> {
        let resource = splits();
        let served = self.api.versions_of(resource.group).await?;
        let understood = resource.versions.iter().find(|version| served.iter().any(|s| s == *version));
        let Some(version) = understood else { return Ok(()) };
        let path = format!(
            "/apis/{}/{version}/namespaces/{}/{}/{}",
            resource.group, split.namespace, resource.plural, split.name
        );
        let text = match self.api.send(Method::GET, &path, "application/json", None).await {
            Ok(answer) => answer.whole().await?,
            // It is gone, and with it whatever was odd.
            Err(trouble) if trouble.code() == Some(404) => return Ok(()),
            Err(trouble) => return Err(trouble),
        };
        let object: Value = serde_json::from_slice(&text).map_err(|e| Trouble::Garbled(e.to_string()))?;
        let path = format!("/apis/events.k8s.io/v1/namespaces/{}/events", split.namespace);
        let event = event(split, &object, reason, notice);
        let created = self.api.send(Method::POST, &path, "application/json", Some(&event)).await;
        match created {
            Ok(answer) => answer.whole().await.map(|_| ()),
            // Another replica, or this one before it was restarted, has told it.
            Err(trouble) if trouble.code() == Some(409) && renewals == 0 => Ok(()),
            Err(trouble) if trouble.code() == Some(409) => {
                let name = event.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
                let series = json!({ "series": { "count": renewals + 1, "lastObservedTime": now() } });
                let path = format!("{path}/{name}");
                let patched = self.api.send(Method::PATCH, &path, "application/json", Some(&series)).await;
                patched?.whole().await.map(|_| ())
            }
            Err(trouble) => Err(trouble),
        }
    }
}

fn splits() -> &'static Resource {
    RESOURCES.iter().find(|resource| resource.kind == Kind::TrafficSplit).expect("it is watched")
}

/// The split that a warning is about.
fn split_of(notice: &Notice) -> Option<NsName> {
    let name = notice.object.as_deref()?.strip_prefix("TrafficSplit ")?;
    let (namespace, name) = name.split_once('/')?;
    Some(NsName::new(namespace, name))
}

fn event(split: &NsName, object: &Value, reason: &str, notice: &Notice) -> Value {
    let metadata = |field: &str| object.pointer(&format!("/metadata/{field}")).cloned();
    let note = if notice.path.is_empty() {
        notice.message.clone()
    } else {
        format!("{}: {}", notice.path, notice.message)
    };
    let end = note.floor_char_boundary(LONGEST_NOTE);
    json!({
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": { "name": event_name(split, metadata("uid"), notice), "namespace": split.namespace.as_str() },
        "eventTime": now(),
        "reportingController": CONTROLLER,
        "reportingInstance": std::env::var("HOSTNAME").unwrap_or_else(|_| "switchyard".to_owned()),
        "action": "Resolving",
        "reason": reason,
        "type": "Warning",
        "note": &note[..end],
        "regarding": {
            "apiVersion": object.get("apiVersion"),
            "kind": "TrafficSplit",
            "namespace": split.namespace.as_str(),
            "name": split.name.as_str(),
            "uid": metadata("uid"),
            "resourceVersion": metadata("resourceVersion"),
        },
    })
}

/// The split's name and sixteen digits that stand for what is said of it.
fn event_name(split: &NsName, uid: Option<Value>, notice: &Notice) -> String {
    let said = format!("{uid:?} {} {} {}", notice.reason, notice.path, notice.message);
    // FNV-1a: the same in every replica and every version, which the standard library does not promise.
    let hash = said.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    // Names have 253 bytes.
    let name = split.name.as_str();
    format!("{}.{hash:016x}", &name[..name.floor_char_boundary(230)])
}

/// As the API server writes the time of an Event.
fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(reason: Reason, message: &str) -> Notice {
        Notice {
            location: None,
            object: Some("TrafficSplit shop/reviews".to_owned()),
            path: "spec.backends[0].service".to_owned(),
            reason,
            message: message.to_owned(),
        }
    }

    #[test]
    fn an_event_says_what_and_about_which_object() {
        let object = json!({
            "apiVersion": "split.smi-spec.io/v1alpha1",
            "metadata": { "uid": "u-1", "resourceVersion": "7" },
        });
        let split = NsName::new("shop", "reviews");
        let notice = notice(Reason::BackendMissing, &"é".repeat(2000));

        let event = event(&split, &object, "BackendMissing", &notice);

        assert_eq!(split_of(&notice), Some(split));
        assert_eq!(event["regarding"]["uid"], "u-1");
        assert_eq!(event["metadata"]["namespace"], "shop");
        let note = event["note"].as_str().expect("text");
        assert!(note.len() <= LONGEST_NOTE && note.starts_with("spec.backends[0].service: é"));
    }

    #[test]
    fn what_is_the_same_has_the_same_name_and_nothing_else_has() {
        let split = NsName::new("shop", "reviews");
        let name =
            |uid: &str, reason, message: &str| event_name(&split, Some(uid.into()), &notice(reason, message));
        let one = name("u-1", Reason::BackendMissing, "gone");
        assert_eq!(one, name("u-1", Reason::BackendMissing, "gone"));
        assert_ne!(one, name("u-2", Reason::BackendMissing, "gone"));
        assert_ne!(one, name("u-1", Reason::BackendEmpty, "gone"));
        assert_ne!(one, name("u-1", Reason::BackendMissing, "lost"));
        assert!(one.starts_with("reviews.") && one.len() == "reviews.".len() + 16);
    }

    #[test]
    fn every_reason_why_a_split_divides_the_traffic_otherwise_has_an_event() {
        for reason in [
            Reason::InvalidObject,
            Reason::BadWeight,
            Reason::NothingWeighted,
            Reason::DuplicateBackend,
            Reason::BackendMissing,
            Reason::BackendEmpty,
            Reason::BackendUnsuitable,
            Reason::PortMissing,
            Reason::ForeignReference,
            Reason::ApexMissing,
            Reason::ApexUnsuitable,
            Reason::SplitConflict,
            Reason::MatchesUnsupported,
            Reason::SplitOverridden,
        ] {
            assert!(event_reason(reason).is_some(), "{reason}");
        }
    }

    #[test]
    fn only_splits_have_events() {
        let profile =
            Notice { object: Some("ServiceProfile shop/x".to_owned()), ..notice(Reason::BadProfile, "") };
        assert_eq!(split_of(&profile), None);
        assert_eq!(event_reason(Reason::BadProfile), None);
        assert_eq!(event_reason(Reason::InvalidObject), Some("Invalid"));
    }
}
