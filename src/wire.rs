//! From our types to bytes on the wire: the protobuf messages of `Update` and `DestinationProfile`, each
//! behind the five-byte prefix that gRPC gives a message.
//!
//! A message goes to many subscribers, so it is encoded once and its bytes are shared. Endpoint metadata is
//! encoded in parts, each when what it is about is first seen (as [`endpoint_meta`]), and only copied
//! afterwards: protobuf allows the fields of a message to be concatenated, so `address ++ weight ++ metadata`
//! is a `WeightedAddr`.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use bytes::{BufMut, Bytes, BytesMut};
use prost::{
    Message,
    encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len},
};

use crate::{
    model::{NsName, TargetRef},
    pb::{destination as pb, meta, net},
    view::{Delta, Entry, View},
};

/// Field numbers of Linkerd's contract that are written by hand below.
mod field {
    pub(super) const UPDATE_ADD: u32 = 1;
    pub(super) const WEIGHTED_ADDR_SET_ADDRS: u32 = 1;
    pub(super) const WEIGHTED_ADDR_ADDR: u32 = 1;
    pub(super) const WEIGHTED_ADDR_WEIGHT: u32 = 3;
}

/// How many bytes gRPC puts before a message: one says whether it is compressed, four how long it is.
/// [gRPC over HTTP/2](https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md)
pub(crate) const PREFIX: usize = 5;

/// One or more gRPC messages that belong together, ready to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frames {
    /// The messages, each with its prefix.
    pub bytes: Bytes,
    /// How many messages there are.
    pub messages: u32,
}

/// The first answer of a stream: everything in one `add`, or the fact that there is nothing.
#[must_use]
pub fn snapshot(view: &View) -> Frames {
    let mut frames = Writer::default();
    if view.entries().is_empty() {
        frames.no_endpoints(view.exists());
    } else {
        frames.add(view.labels(), view.entries().iter());
    }
    frames.finish()
}

/// What follows the view that `delta` starts from; `view` is the one it leads to. `None` if nothing does.
#[must_use]
pub fn delta(delta: &Delta<'_>, view: &View) -> Option<Frames> {
    let mut frames = Writer::default();
    match delta {
        Delta::Same => return None,
        Delta::NoEndpoints { exists } => frames.no_endpoints(*exists),
        Delta::Change { add, remove } => {
            if !add.is_empty() {
                frames.add(view.labels(), add.iter().copied());
            }
            if !remove.is_empty() {
                frames.remove(remove);
            }
        }
    }
    Some(frames.finish())
}

/// A profile as one message.
#[must_use]
pub fn profile(profile: &pb::DestinationProfile) -> Frames {
    let mut frames = Writer::default();
    frames.message(profile);
    frames.finish()
}

/// Metadata of an endpoint that is its own: the label with its name and a reference to the object.
#[must_use]
pub fn endpoint_meta(target: &TargetRef) -> Arc<[u8]> {
    endpoint_own(target).encode_to_vec().into()
}

/// The same as a message.
#[must_use]
pub fn endpoint_own(target: &TargetRef) -> pb::WeightedAddr {
    let (label, group, kind, name) = match target {
        TargetRef::Pod(pod) => ("pod", "core", "Pod", pod),
        TargetRef::Workload(workload) => {
            ("external_workload", "workload.linkerd.io", "ExternalWorkload", workload)
        }
        TargetRef::None | TargetRef::Other(_) => return pb::WeightedAddr::default(),
    };
    pb::WeightedAddr {
        metric_labels: BTreeMap::from([(label.to_owned(), name.name.to_string())]),
        resource_ref: Some(resource(group, kind, name, 0)),
        ..Default::default()
    }
}

/// Labels of an endpoint, as encoded fields of `WeightedAddr`.
#[must_use]
pub fn endpoint_labels(labels: &[(&str, &str)]) -> Arc<[u8]> {
    pb::WeightedAddr { metric_labels: owned(labels), ..Default::default() }.encode_to_vec().into()
}

/// Labels of a set of endpoints, as encoded fields of `WeightedAddrSet`.
#[must_use]
pub fn set_labels(labels: &[(&str, &str)]) -> Arc<[u8]> {
    pb::WeightedAddrSet { metric_labels: owned(labels), ..Default::default() }.encode_to_vec().into()
}

fn owned(labels: &[(&str, &str)]) -> BTreeMap<String, String> {
    labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// A reference to a Kubernetes object; port 0 is none.
#[must_use]
pub fn resource(group: &str, kind: &str, name: &NsName, port: u16) -> meta::Metadata {
    let resource = meta::Resource {
        group: group.to_owned(),
        kind: kind.to_owned(),
        name: name.name.to_string(),
        namespace: name.namespace.to_string(),
        section: String::new(),
        port: port.into(),
    };
    meta::Metadata { kind: Some(meta::metadata::Kind::Resource(resource)) }
}

/// Collects messages with their [prefixes](PREFIX).
#[derive(Default)]
struct Writer {
    buffer: BytesMut,
    messages: u32,
}

impl Writer {
    fn prefix(&mut self, length: usize) {
        let length = u32::try_from(length)
            .expect("names are bounded where they are read, so 4 GiB would be a million endpoints");
        self.buffer.reserve(PREFIX + length as usize);
        self.buffer.put_u8(0);
        self.buffer.put_u32(length);
        self.messages += 1;
    }

    fn message(&mut self, message: &impl Message) {
        self.prefix(message.encoded_len());
        message.encode_raw(&mut self.buffer);
    }

    fn no_endpoints(&mut self, exists: bool) {
        let update = pb::update::Update::NoEndpoints(pb::NoEndpoints { exists });
        self.message(&pb::Update { update: Some(update) });
    }

    fn remove(&mut self, addrs: &[SocketAddr]) {
        let addrs = addrs.iter().map(|addr| net::TcpAddress::from(*addr)).collect();
        let update = pb::update::Update::Remove(pb::AddrSet { addrs });
        self.message(&pb::Update { update: Some(update) });
    }

    fn add<'a>(&mut self, labels: &[u8], entries: impl Iterator<Item = &'a Entry> + Clone) {
        let nested = |field, length| key_len(field) + encoded_len_varint(length as u64) + length;
        let addrs: usize =
            entries.clone().map(|entry| nested(field::WEIGHTED_ADDR_SET_ADDRS, entry_len(entry).0)).sum();
        let set = addrs + labels.len();
        self.prefix(nested(field::UPDATE_ADD, set));
        open(&mut self.buffer, field::UPDATE_ADD, set);
        for entry in entries {
            let (length, addr) = entry_len(entry);
            open(&mut self.buffer, field::WEIGHTED_ADDR_SET_ADDRS, length);
            open(&mut self.buffer, field::WEIGHTED_ADDR_ADDR, addr.encoded_len());
            addr.encode_raw(&mut self.buffer);
            encode_key(field::WEIGHTED_ADDR_WEIGHT, WireType::Varint, &mut self.buffer);
            encode_varint(entry.weight.into(), &mut self.buffer);
            entry.meta.parts().into_iter().for_each(|part| self.buffer.put_slice(part));
        }
        self.buffer.put_slice(labels);
    }

    fn finish(self) -> Frames {
        Frames { bytes: self.buffer.freeze(), messages: self.messages }
    }
}

/// The length of an entry as a `WeightedAddr`, and its address in wire form.
fn entry_len(entry: &Entry) -> (usize, net::TcpAddress) {
    let addr = net::TcpAddress::from(entry.addr);
    let length = addr.encoded_len();
    let length = key_len(field::WEIGHTED_ADDR_ADDR)
        + encoded_len_varint(length as u64)
        + length
        + key_len(field::WEIGHTED_ADDR_WEIGHT)
        + encoded_len_varint(entry.weight.into())
        + entry.meta.parts().into_iter().map(|part| part.len()).sum::<usize>();
    (length, addr)
}

/// Starts a nested message.
fn open(buffer: &mut BytesMut, field: u32, length: usize) {
    encode_key(field, WireType::LengthDelimited, buffer);
    encode_varint(length as u64, buffer);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{blocks::Blocks, view::Meta};

    fn decode(frames: &Frames) -> Vec<pb::Update> {
        let (mut rest, mut updates) = (&frames.bytes[..], Vec::new());
        while !rest.is_empty() {
            assert_eq!(rest[0], 0, "not compressed");
            let length = u32::from_be_bytes(rest[1..5].try_into().expect("four bytes")) as usize;
            updates.push(pb::Update::decode(&rest[5..5 + length]).expect("a whole message"));
            rest = &rest[5 + length..];
        }
        assert_eq!(updates.len(), frames.messages as usize);
        updates
    }

    fn entry(addr: &str, weight: u32) -> Entry {
        let own = endpoint_meta(&TargetRef::Pod(NsName::new("d", "pod-1")));
        let (class, place) = (Arc::new([]), Arc::new([]));
        Entry { addr: addr.parse().expect("an address"), weight, meta: Meta { own, class, place } }
    }

    /// What prost makes of the same endpoint.
    fn expected(addr: &str, weight: u32) -> pb::WeightedAddr {
        pb::WeightedAddr {
            addr: Some(net::TcpAddress::from(addr.parse::<SocketAddr>().expect("an address"))),
            weight,
            metric_labels: BTreeMap::from([("pod".to_owned(), "pod-1".to_owned())]),
            resource_ref: Some(resource("core", "Pod", &NsName::new("d", "pod-1"), 0)),
            ..Default::default()
        }
    }

    #[test]
    fn an_add_by_hand_is_byte_for_byte_what_prost_writes() {
        let addrs = ["10.0.0.1:80", "255.255.255.255:65535", "[2001:db8::1]:9080", "[::]:1"];
        let weights = [1, 10_000, u32::MAX, 300];
        let mut entries: Vec<_> = addrs.iter().zip(weights).map(|(a, w)| entry(a, w)).collect();
        entries.sort_by_key(|entry| entry.addr);
        let labels = set_labels(&[("namespace", "d"), ("service", "web")]);
        let view = View::new(labels, Blocks::of_sorted(entries));

        let frames = snapshot(&view);

        let mut expect: Vec<_> = addrs.iter().zip(weights).map(|(a, w)| expected(a, w)).collect();
        expect.sort_by_key(|wa| wa.addr.as_ref().and_then(|a| SocketAddr::try_from(a).ok()));
        let set = pb::WeightedAddrSet {
            addrs: expect,
            metric_labels: BTreeMap::from([
                ("namespace".to_owned(), "d".to_owned()),
                ("service".to_owned(), "web".to_owned()),
            ]),
        };
        let update = pb::Update { update: Some(pb::update::Update::Add(set)) };
        assert_eq!(decode(&frames), std::slice::from_ref(&update));
        assert_eq!(frames.bytes[5..], update.encode_to_vec());
    }

    #[test]
    fn parts_of_metadata_are_read_as_one() {
        let mut one = entry("10.0.0.1:80", 5);
        one.meta.class = endpoint_labels(&[("zone", "")]);
        one.meta.place = endpoint_labels(&[("service", "web-v2")]);
        let view = View::new(Arc::new([]), Blocks::of_sorted(vec![one]));

        let [pb::Update { update: Some(pb::update::Update::Add(set)) }] = &decode(&snapshot(&view))[..]
        else {
            panic!("one add");
        };

        let labels: Vec<_> =
            set.addrs[0].metric_labels.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(labels, [("pod", "pod-1"), ("service", "web-v2"), ("zone", "")]);
    }

    #[test]
    fn add_comes_before_remove_in_one_piece() {
        let old = View::new(Arc::new([]), Blocks::of_sorted(vec![entry("10.0.0.1:80", 5)]));
        let new = View::new(Arc::new([]), Blocks::of_sorted(vec![entry("10.0.0.2:80", 5)]));

        let updates = decode(&delta(&old.delta(&new), &new).expect("a difference"));

        assert!(matches!(updates[0].update, Some(pb::update::Update::Add(_))));
        assert!(matches!(updates[1].update, Some(pb::update::Update::Remove(_))));
        assert_eq!(delta(&new.delta(&new), &new), None);
    }
}
