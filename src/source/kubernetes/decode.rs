//! From the API server's JSON to objects of the model, one object at a time.
//!
//! A page of a list and a line of a watch are read as far as the text of each object. Each text becomes a tree
//! and then an object of ours, and the tree is gone before the next one is read: what a cluster's objects
//! weigh on the wire never adds up here.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, de::Error as _};
use serde_json::{Value, value::RawValue};

use super::last_valid::Uid;
use crate::{
    model::{Kind, NsName, Object, ObjectId},
    source::{
        convert::{Rejection, convert},
        last_valid::consequence,
    },
};

/// A resource version. They are compared as numbers, which is what every supported Kubernetes makes of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Version(pub(super) String);

impl Version {
    fn number(&self) -> Option<u128> {
        self.0.parse().ok()
    }

    /// Whether this is surely older than another.
    pub(super) fn is_before(&self, other: &Self) -> bool {
        self.number().zip(other.number()).is_some_and(|(own, other)| own < other)
    }
}

/// An object as it was read.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) id: ObjectId,
    pub(super) version: Version,
    pub(super) uid: Uid,
    pub(super) object: Result<Object, Invalid>,
    /// When it was changed last, if a watch says that it was.
    pub(super) changed: Option<Timestamp>,
}

/// An object that is not valid.
#[derive(Debug)]
pub(super) struct Invalid {
    /// The fields that are wrong.
    pub(super) rejection: Rejection,
    /// What follows for traffic if no valid version of it is in force.
    pub(super) consequence: String,
}

/// A page of a list.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) items: Vec<Read>,
    pub(super) version: Version,
    /// Where the next page begins.
    pub(super) next: Option<String>,
}

/// What a watch says.
#[derive(Debug)]
pub(super) enum Line {
    /// The object exists so.
    Exists(Read),
    /// It exists no more.
    Gone(ObjectId, Version),
    /// Nothing happened up to here; and whether that was all there was at the beginning.
    Bookmark(Version, bool),
    /// The API server ends the watch with this status.
    Failed(Refusal),
}

impl Line {
    /// The version that it is of; `None` if it only says why there is no other.
    pub(super) fn version(&self) -> Option<&Version> {
        match self {
            Self::Exists(read) => Some(&read.version),
            Self::Gone(_, version) | Self::Bookmark(version, _) => Some(version),
            Self::Failed(_) => None,
        }
    }
}

/// A `Status` object: why the API server refuses something.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Refusal {
    pub(super) code: u16,
    pub(super) reason: String,
    pub(super) message: String,
    /// How long the API server asks to be left alone.
    #[serde(skip)]
    pub(super) retry_after: Duration,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ListMeta {
    resource_version: String,
    #[serde(rename = "continue")]
    next: String,
}

#[derive(Deserialize)]
struct RawPage<'t> {
    kind: String,
    metadata: ListMeta,
    #[serde(borrow, default)]
    items: Option<Vec<&'t RawValue>>,
}

#[derive(Deserialize)]
struct RawLine<'t> {
    r#type: String,
    #[serde(borrow)]
    object: &'t RawValue,
}

const INITIAL_EVENTS_END: &str = "/metadata/annotations/k8s.io~1initial-events-end";

/// Reads a page of a list.
///
/// # Errors
/// If it is no list; an object in it that is of no use is in the page, with the reason.
pub(super) fn page(kind: Kind, text: &[u8]) -> Result<Page, serde_json::Error> {
    let raw: RawPage<'_> = serde_json::from_slice(text)?;
    // Whatever else answers in the API server's place, it must not be taken for an empty list.
    if !raw.kind.ends_with("List") || raw.metadata.resource_version.is_empty() {
        return Err(serde_json::Error::custom("it is no list of a version"));
    }
    let items = raw.items.unwrap_or_default().into_iter().filter_map(|item| object(kind, item, false));
    let ListMeta { resource_version, next } = raw.metadata;
    Ok(Page {
        items: items.collect(),
        version: Version(resource_version),
        next: (!next.is_empty()).then_some(next),
    })
}

/// Reads a line of a watch. `None` if it is one that says nothing to us.
///
/// # Errors
/// If it is no event.
pub(super) fn line(kind: Kind, text: &[u8]) -> Result<Option<Line>, serde_json::Error> {
    let raw: RawLine<'_> = serde_json::from_slice(text)?;
    Ok(match raw.r#type.as_str() {
        "ADDED" => object(kind, raw.object, false).map(Line::Exists),
        "MODIFIED" => object(kind, raw.object, true).map(Line::Exists),
        "DELETED" => object(kind, raw.object, false).map(|read| Line::Gone(read.id, read.version)),
        "BOOKMARK" => {
            let value: Value = serde_json::from_str(raw.object.get())?;
            let ends = value.pointer(INITIAL_EVENTS_END).and_then(Value::as_str) == Some("true");
            Some(Line::Bookmark(version_of(&value), ends))
        }
        "ERROR" => Some(Line::Failed(serde_json::from_str(raw.object.get()).unwrap_or_default())),
        _ => None,
    })
}

/// Reads one object; `None` if it does not even have a name, which no API server lets pass.
fn object(kind: Kind, text: &RawValue, is_changed: bool) -> Option<Read> {
    let value: Value = serde_json::from_str(text.get()).ok()?;
    let name = value.pointer("/metadata/name")?.as_str()?;
    let namespace = value.pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or_default();
    let id = ObjectId { kind, name: NsName::new(namespace, name) };
    let changed = is_changed.then(|| changed(&value)).flatten();
    let uid = Uid::of(value.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default());
    let object = convert(kind, &value)
        .map_err(|rejection| Invalid { rejection, consequence: consequence(kind.as_str(), &value) });
    Some(Read { id, version: version_of(&value), uid, object, changed })
}

/// When an object was changed last, to the second: the newest time of its managed fields. That it is about to be deleted
/// is a change which these do not tell of. Nor do they tell of one that only takes fields away: the time is then that of
/// the change before it, which may be of any age, and no bound would tell that from a watch that is late.
fn changed(object: &Value) -> Option<Timestamp> {
    if object.pointer("/metadata/deletionTimestamp").is_some() {
        return None;
    }
    let fields = object.pointer("/metadata/managedFields")?.as_array()?;
    // All are in one form, of which the greatest text is the newest time.
    fields.iter().filter_map(|of| of.get("time")?.as_str()).max()?.parse().ok()
}

fn version_of(value: &Value) -> Version {
    let version = value.pointer("/metadata/resourceVersion").and_then(Value::as_str);
    Version(version.unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_object_that_is_of_no_use_spoils_no_other() {
        let text = br#"{"kind":"ServiceList","metadata":{"resourceVersion":"7","continue":"more"},"items":[
            {"metadata":{"name":"a","namespace":"d","resourceVersion":"5"},"spec":{"ports":[{"port":80}]}},
            {"metadata":{"name":"b","namespace":"d"},"spec":{"ports":"none"}},
            {"metadata":{}}, 5]}"#;
        let page = page(Kind::Service, text).expect("a list");

        assert_eq!((page.version, page.next), (Version("7".to_owned()), Some("more".to_owned())));
        let read: Vec<_> = page.items.iter().map(|read| (read.id.to_string(), read.object.is_ok())).collect();
        assert_eq!(read, [("Service d/a".to_owned(), true), ("Service d/b".to_owned(), false)]);
        assert_eq!(page.items[0].version, Version("5".to_owned()));
    }

    #[test]
    fn an_empty_list_may_have_no_items_at_all() {
        for items in ["", r#","items":null"#, r#","items":[]"#] {
            let text = format!(r#"{{"kind":"PodList","metadata":{{"resourceVersion":"1"}}{items}}}"#);
            assert!(page(Kind::Pod, text.as_bytes()).expect("a list").items.is_empty());
        }
    }

    #[test]
    fn nothing_else_is_taken_for_an_empty_list() {
        let status = r#"{"kind":"Status","metadata":{"resourceVersion":"1"},"code":200}"#;
        for text in ["", "[]", "{}", "null", r#"{"kind":"PodList","metadata":{}}"#, status] {
            assert!(page(Kind::Pod, text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn lines_of_a_watch() {
        let read = |text: &str| line(Kind::Node, text.as_bytes()).expect("an event");
        let object = r#"{"metadata":{"name":"n","resourceVersion":"9"}}"#;
        for kind in ["ADDED", "MODIFIED"] {
            let line = read(&format!(r#"{{"type":"{kind}","object":{object}}}"#));
            assert!(matches!(line, Some(Line::Exists(Read { object: Ok(_), .. }))), "{line:?}");
        }
        let line = read(&format!(r#"{{"type":"DELETED","object":{object}}}"#));
        assert!(matches!(line, Some(Line::Gone(id, _)) if id.to_string() == "Node n"));
        let line = read(&format!(r#"{{"type":"BOOKMARK","object":{object}}}"#));
        assert!(matches!(line, Some(Line::Bookmark(Version(v), false)) if v == "9"));
        let end =
            r#"{"metadata":{"resourceVersion":"9","annotations":{"k8s.io/initial-events-end":"true"}}}"#;
        let line = read(&format!(r#"{{"type":"BOOKMARK","object":{end}}}"#));
        assert!(matches!(line, Some(Line::Bookmark(_, true))));
        let line = read(r#"{"type":"ERROR","object":{"code":410,"reason":"Expired","message":"too old"}}"#);
        assert!(matches!(line, Some(Line::Failed(refusal)) if refusal.code == 410));
        assert!(read(r#"{"type":"LATER","object":{}}"#).is_none());
    }

    #[test]
    fn a_change_is_as_old_as_the_newest_of_the_managed_fields() {
        let changed = |event: &str, metadata: &str| {
            let object = format!(r#"{{"metadata":{{"name":"n","resourceVersion":"9"{metadata}}}}}"#);
            let text = format!(r#"{{"type":"{event}","object":{object}}}"#);
            match line(Kind::Node, text.as_bytes()) {
                Ok(Some(Line::Exists(read))) => read.changed.map(|changed| changed.to_string()),
                other => panic!("{other:?}"),
            }
        };
        let fields =
            r#","managedFields":[{"time":"2024-05-01T10:00:09Z"},{"time":"2024-05-01T10:00:10Z"},{}]"#;
        assert_eq!(changed("MODIFIED", fields).as_deref(), Some("2024-05-01T10:00:10Z"));
        assert_eq!(changed("ADDED", fields), None, "it may be an old one that is listed");
        let deleted = format!(r#"{fields},"deletionTimestamp":"2024-06-01T00:00:00Z""#);
        assert_eq!(changed("MODIFIED", &deleted), None, "no managed field is changed by that");
        for odd in
            ["", r#","managedFields":{}"#, r#","managedFields":[]"#, r#","managedFields":[{"time":"?"}]"#]
        {
            assert_eq!(changed("MODIFIED", odd), None, "{odd}");
        }
    }

    #[test]
    fn versions_are_compared_as_numbers_where_they_are_numbers() {
        let version = |text: &str| Version(text.to_owned());
        assert!(version("9").is_before(&version("10")));
        assert!(!version("10").is_before(&version("9")) && !version("9").is_before(&version("9")));
        assert!(!version("x").is_before(&version("9")) && !version("").is_before(&version("9")));
    }
}
