//! The endpoints of a destination, folded from the updates of a `Get` stream as a Linkerd proxy folds them.
//!
//! The first `add` of a stream replaces everything known; a later one inserts and overwrites, address by
//! address; `remove` takes away; `no_endpoints` empties. Addresses are what endpoints are told apart by.

use std::{
    collections::{BTreeMap, btree_map},
    mem,
    net::SocketAddr,
};

use crate::pb::{
    destination::{Update, WeightedAddr, WeightedAddrSet, update},
    meta::metadata,
};

/// One endpoint, as last sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    /// Where it is.
    pub addr: SocketAddr,
    /// The message that said so, with everything else about it.
    pub message: WeightedAddr,
}

impl Endpoint {
    /// `None` when the message has no usable address; a proxy skips it then.
    #[must_use]
    pub fn from_message(message: WeightedAddr) -> Option<Self> {
        let addr = SocketAddr::try_from(message.addr.as_ref()?).ok()?;
        Some(Self { addr, message })
    }

    /// Its weight; it means something only beside the weights of the others.
    #[must_use]
    pub fn weight(&self) -> u32 {
        self.message.weight
    }

    /// A label of its own; [`Endpoints::backend`] knows those of the whole set too.
    #[must_use]
    pub fn label(&self, key: &str) -> Option<&str> {
        self.message.metric_labels.get(key).map(String::as_str)
    }

    /// The pod behind the address: its label `pod`, else the name of the object it refers to.
    #[must_use]
    pub fn pod(&self) -> Option<&str> {
        self.label("pod").or_else(|| match self.message.resource_ref.as_ref()?.kind.as_ref()? {
            metadata::Kind::Resource(object) => Some(object.name.as_str()),
            metadata::Kind::Default(_) => None,
        })
    }

    /// The fields, by their names in the protocol and without `weight`, in which two messages about one
    /// endpoint differ.
    #[must_use]
    pub fn metadata_differences(&self, other: &Self) -> Vec<&'static str> {
        let (a, b) = (&self.message, &other.message);
        [
            ("metric_labels", a.metric_labels != b.metric_labels),
            ("tls_identity", a.tls_identity != b.tls_identity),
            ("protocol_hint", a.protocol_hint != b.protocol_hint),
            ("authority_override", a.authority_override != b.authority_override),
            ("http2", a.http2 != b.http2),
            ("resource_ref", a.resource_ref != b.resource_ref),
        ]
        .into_iter()
        .filter_map(|(field, differs)| differs.then_some(field))
        .collect()
    }
}

/// What the stream has said so far about the destination as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Known {
    /// Nothing yet.
    #[default]
    Nothing,
    /// Its endpoints, with an `add`. There may be none left since.
    Endpoints,
    /// `no_endpoints`.
    NoEndpoints {
        /// Whether the service exists; if not, a client may ask DNS instead.
        exists: bool,
    },
}

/// What one update changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Change {
    /// New addresses, in the order sent.
    pub added: Vec<SocketAddr>,
    /// Endpoints that were sent again with a difference, as they were before.
    pub changed: Vec<Endpoint>,
    /// Endpoints that are gone, as they were.
    pub removed: Vec<Endpoint>,
    /// Endpoints that were sent again without any difference.
    pub repeated: Vec<SocketAddr>,
    /// Addresses to be removed that were not known.
    pub not_there: Vec<SocketAddr>,
    /// How many addresses had no IP or an impossible port, and were skipped.
    pub malformed: usize,
    /// The labels of the whole set were other ones.
    pub labels: bool,
    /// What was known before of the destination as a whole, if that is something else now.
    pub known: Option<Known>,
}

impl Change {
    /// Whether anything a client acts on is different now.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self { added, changed, removed, repeated: _, not_there: _, malformed: _, labels, known } = self;
        added.is_empty() && changed.is_empty() && removed.is_empty() && !labels && known.is_none()
    }

    /// Whether endpoints came or went, or a weight is another: the shares are different then.
    #[must_use]
    pub fn moves_shares(&self, now: &Endpoints) -> bool {
        let reweighted =
            |before: &Endpoint| now.get(before.addr).map(Endpoint::weight) != Some(before.weight());
        !self.added.is_empty() || !self.removed.is_empty() || self.changed.iter().any(reweighted)
    }
}

/// All that a `Get` stream has said, folded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Endpoints {
    known: Known,
    /// A stream began, and its first `add` is a whole answer.
    stale: bool,
    labels: BTreeMap<String, String>,
    by_addr: BTreeMap<SocketAddr, Endpoint>,
}

impl Endpoints {
    /// Nothing known yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A new stream takes over: what is known stays until its first `add`, which replaces everything.
    pub fn new_stream(&mut self) {
        self.stale = true;
    }

    /// Takes in one update and says what it changed.
    pub fn fold(&mut self, update: Update) -> Change {
        let mut change = Change::default();
        match update.update {
            Some(update::Update::Add(set)) => self.add(set, &mut change),
            Some(update::Update::Remove(set)) => {
                for message in &set.addrs {
                    let Ok(addr) = SocketAddr::try_from(message) else {
                        change.malformed += 1;
                        continue;
                    };
                    match self.by_addr.remove(&addr) {
                        Some(endpoint) => change.removed.push(endpoint),
                        None => change.not_there.push(addr),
                    }
                }
            }
            Some(update::Update::NoEndpoints(no)) => {
                self.stale = false;
                change.removed = mem::take(&mut self.by_addr).into_values().collect();
                self.now_known(Known::NoEndpoints { exists: no.exists }, &mut change);
            }
            // Something a newer protocol has: a proxy passes over it too.
            None => {}
        }
        change
    }

    fn add(&mut self, set: WeightedAddrSet, change: &mut Change) {
        let replace = mem::take(&mut self.stale) || self.known == Known::Nothing;
        let mut before = if replace { mem::take(&mut self.by_addr) } else { BTreeMap::new() };
        for message in set.addrs {
            let Some(endpoint) = Endpoint::from_message(message) else {
                change.malformed += 1;
                continue;
            };
            let addr = endpoint.addr;
            let old = match self.by_addr.entry(addr) {
                btree_map::Entry::Occupied(mut entry) => Some(entry.insert(endpoint)),
                btree_map::Entry::Vacant(entry) => {
                    entry.insert(endpoint);
                    before.remove(&addr)
                }
            };
            match old {
                None => change.added.push(addr),
                Some(old) if self.by_addr.get(&addr) == Some(&old) => change.repeated.push(addr),
                Some(old) => change.changed.push(old),
            }
        }
        change.removed = before.into_values().collect();
        let labels = set.metric_labels.into_iter().collect();
        change.labels = self.known != Known::Nothing && self.labels != labels;
        self.labels = labels;
        self.now_known(Known::Endpoints, change);
    }

    fn now_known(&mut self, known: Known, change: &mut Change) {
        let before = mem::replace(&mut self.known, known);
        change.known = (before != known).then_some(before);
    }

    /// What is known of the destination as a whole.
    #[must_use]
    pub fn known(&self) -> Known {
        self.known
    }

    /// The labels that hold for all endpoints, as last sent.
    #[must_use]
    pub fn labels(&self) -> &BTreeMap<String, String> {
        &self.labels
    }

    /// One endpoint.
    #[must_use]
    pub fn get(&self, addr: SocketAddr) -> Option<&Endpoint> {
        self.by_addr.get(&addr)
    }

    /// All endpoints, by address.
    pub fn iter(&self) -> impl Iterator<Item = &Endpoint> {
        self.by_addr.values()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_addr.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_addr.is_empty()
    }

    /// The sum of all weights: what a weight is a share of.
    #[must_use]
    pub fn total_weight(&self) -> u64 {
        self.iter().map(|endpoint| u64::from(endpoint.weight())).sum()
    }

    /// All weights by address: the short form in which tests compare.
    #[must_use]
    pub fn weights(&self) -> BTreeMap<SocketAddr, u32> {
        self.iter().map(|endpoint| (endpoint.addr, endpoint.weight())).collect()
    }

    /// The service an endpoint comes from: its own label `service`, else that of the set.
    #[must_use]
    pub fn backend<'a>(&'a self, endpoint: &'a Endpoint) -> Option<&'a str> {
        endpoint.label("service").or_else(|| self.labels.get("service").map(String::as_str))
    }

    /// The summed weight of each backend; `None` collects endpoints that name none.
    #[must_use]
    pub fn weight_by_backend(&self) -> BTreeMap<Option<&str>, u64> {
        let mut sums = BTreeMap::new();
        for endpoint in self.iter() {
            *sums.entry(self.backend(endpoint)).or_default() += u64::from(endpoint.weight());
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::{Change, Endpoint, Endpoints, Known};
    use crate::{
        client::test::{add, endpoint, no_endpoints, remove, update},
        pb::{
            destination::{
                AuthorityOverride, ProtocolHint, TlsIdentity, Update, WeightedAddr, WeightedAddrSet, update,
            },
            meta::{Metadata, Resource, metadata},
            net::TcpAddress,
        },
    };

    /// Only the addresses of a change, as text.
    fn summary(change: &Change) -> String {
        let old = |endpoint: &Endpoint| format!("{}={}", endpoint.addr, endpoint.weight());
        let mut words = Vec::new();
        words.extend(change.added.iter().map(|addr| format!("+{addr}")));
        words.extend(change.changed.iter().map(|endpoint| format!("~{}", old(endpoint))));
        words.extend(change.removed.iter().map(|endpoint| format!("-{}", old(endpoint))));
        words.extend(change.repeated.iter().map(|addr| format!(".{addr}")));
        words.extend(change.not_there.iter().map(|addr| format!("?{addr}")));
        words.extend((change.malformed > 0).then(|| format!("malformed:{}", change.malformed)));
        words.extend(change.labels.then(|| "labels".to_owned()));
        words.extend(change.known.map(|before| format!("was:{before:?}")));
        words.join(" ")
    }

    #[test]
    fn folds_as_a_proxy_does() {
        let malformed = {
            let mut update = add(&["1.0.0.6:80=6"]);
            if let Some(update::Update::Add(set)) = &mut update.update {
                set.addrs.push(WeightedAddr::default());
                let addr = TcpAddress { port: 65_536, ..SocketAddr::from(([1, 0, 0, 7], 0)).into() };
                set.addrs.push(WeightedAddr { addr: Some(addr), ..WeightedAddr::default() });
            }
            update
        };
        let mut endpoints = Endpoints::new();
        for (update, change, state) in [
            (Update::default(), "", ""),
            (remove(&["1.0.0.9:80"]), "?1.0.0.9:80", ""),
            (
                add(&["1.0.0.2:80=2", "1.0.0.1:80=1"]),
                "+1.0.0.2:80 +1.0.0.1:80 was:Nothing",
                "1.0.0.1:80=1 1.0.0.2:80=2",
            ),
            (
                add(&["1.0.0.2:80=5", "1.0.0.3:80=3"]),
                "+1.0.0.3:80 ~1.0.0.2:80=2",
                "1.0.0.1:80=1 1.0.0.2:80=5 1.0.0.3:80=3",
            ),
            (remove(&["1.0.0.1:80", "1.0.0.1:81"]), "-1.0.0.1:80=1 ?1.0.0.1:81", "1.0.0.2:80=5 1.0.0.3:80=3"),
            (add(&["1.0.0.3:80=3"]), ".1.0.0.3:80", "1.0.0.2:80=5 1.0.0.3:80=3"),
            (add(&[]), "", "1.0.0.2:80=5 1.0.0.3:80=3"),
            (no_endpoints(true), "-1.0.0.2:80=5 -1.0.0.3:80=3 was:Endpoints", ""),
            (no_endpoints(true), "", ""),
            (no_endpoints(false), "was:NoEndpoints { exists: true }", ""),
            (add(&["1.0.0.4:80=4"]), "+1.0.0.4:80 was:NoEndpoints { exists: false }", "1.0.0.4:80=4"),
            (remove(&["1.0.0.4:80"]), "-1.0.0.4:80=4", ""),
            (malformed, "+1.0.0.6:80 malformed:2", "1.0.0.6:80=6"),
            // Twice in one message: the last one counts.
            (add(&["[::1]:80=1", "[::1]:80=2"]), "+[::1]:80 ~[::1]:80=1", "1.0.0.6:80=6 [::1]:80=2"),
        ] {
            let text = format!("{update:?}");
            assert_eq!(summary(&endpoints.fold(update)), change, "{text}");
            let now: Vec<String> =
                endpoints.weights().iter().map(|(addr, weight)| format!("{addr}={weight}")).collect();
            assert_eq!(now.join(" "), state, "{text}");
        }
    }

    #[test]
    fn a_new_stream_replaces_with_its_first_add() {
        let mut endpoints = Endpoints::new();
        endpoints.fold(add(&["1.0.0.1:80=1", "1.0.0.2:80=2"]));
        endpoints.new_stream();
        assert_eq!(endpoints.len(), 2);
        let change = endpoints.fold(add(&["1.0.0.2:80=2", "1.0.0.3:80=3"]));
        assert_eq!(summary(&change), "+1.0.0.3:80 -1.0.0.1:80=1 .1.0.0.2:80");
        let change = endpoints.fold(add(&["1.0.0.4:80=4"]));
        assert_eq!((summary(&change).as_str(), endpoints.len()), ("+1.0.0.4:80", 3));

        let mut straight = Endpoints::new();
        straight.fold(add(&["1.0.0.2:80=2", "1.0.0.3:80=3", "1.0.0.4:80=4"]));
        assert_eq!(endpoints, straight);
    }

    #[test]
    fn what_moves_shares() {
        let mut endpoints = Endpoints::new();
        for (update, expect) in [
            (add(&["1.0.0.1:80=1 a/p"]), true),
            (add(&["1.0.0.1:80=1 a/q"]), false),
            (add(&["1.0.0.1:80=2 a/q"]), true),
            (no_endpoints(true), true),
            (no_endpoints(false), false),
        ] {
            let change = endpoints.fold(update);
            assert_eq!(change.moves_shares(&endpoints), expect, "{change:?}");
            assert!(!change.is_empty());
        }
        assert_eq!(endpoints.known(), Known::NoEndpoints { exists: false });
        assert!(endpoints.fold(no_endpoints(false)).is_empty());
    }

    #[test]
    fn a_backend_is_the_address_label_or_that_of_the_set() {
        let mut endpoints = Endpoints::new();
        endpoints.fold(add(&["1.0.0.1:80=1 a/p", "1.0.0.2:80=2 a", "1.0.0.3:80=4"]));
        let sums: Vec<_> = endpoints.weight_by_backend().into_iter().collect();
        assert_eq!(sums, [(Some("a"), 3), (Some("reviews"), 4)]);
        assert_eq!(endpoints.total_weight(), 7);

        let change = endpoints.fold(update(update::Update::Add(WeightedAddrSet::default())));
        assert_eq!(summary(&change), "labels");
        assert!(endpoints.weight_by_backend().contains_key(&None));
    }

    #[test]
    fn a_pod_is_named_by_label_or_reference() {
        let kind = |kind| Some(Metadata { kind: Some(kind) });
        let resource = Resource { name: "by-ref".into(), ..Resource::default() };
        let mut message = endpoint("1.0.0.1:80=1");
        for (resource_ref, expect) in [
            (None, None),
            (Some(Metadata::default()), None),
            (kind(metadata::Kind::Default("x".into())), None),
            (kind(metadata::Kind::Resource(resource)), Some("by-ref")),
        ] {
            message.resource_ref = resource_ref;
            assert_eq!(Endpoint::from_message(message.clone()).unwrap().pod(), expect);
        }
        message.metric_labels.insert("pod".into(), "by-label".into());
        assert_eq!(Endpoint::from_message(message).unwrap().pod(), Some("by-label"));
    }

    #[test]
    fn names_the_fields_that_differ() {
        let plain = Endpoint::from_message(endpoint("1.0.0.1:80=1")).unwrap();
        let mut other = plain.clone();
        other.message.weight = 2;
        assert!(plain.metadata_differences(&other).is_empty());
        other.message.tls_identity = Some(TlsIdentity::default());
        other.message.protocol_hint = Some(ProtocolHint::default());
        other.message.authority_override = Some(AuthorityOverride::default());
        assert_eq!(
            plain.metadata_differences(&other),
            ["tls_identity", "protocol_hint", "authority_override"]
        );
    }
}
