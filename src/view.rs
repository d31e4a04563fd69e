//! What is true for a client, and the difference between two such truths.
//!
//! A [`View`] is the full answer of `Get` at one moment, in canonical order, so that equal state gives equal
//! bytes. A [`Delta`] is what a client that holds one view has to be told to hold another. Both are plain
//! values; nothing here knows of streams, and nothing is ever replayed.
//!
//! Endpoints are compared by what would be on the wire. Their metadata is therefore kept encoded
//! ([`Meta`]), which also makes a weight edit over thousands of endpoints a matter of copying bytes.

use std::{net::SocketAddr, sync::Arc};

use crate::blocks::{Blocks, Keyed};

/// All endpoints a client should know, or the fact that there are none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Whether the service exists. If not there are no entries.
    exists: bool,
    /// Labels of the set, as encoded fields of `WeightedAddrSet`.
    labels: Arc<[u8]>,
    entries: Blocks<Entry>,
}

/// One endpoint of a [`View`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it listens; the key of an endpoint.
    pub addr: SocketAddr,
    /// Its weight, never 0.
    pub weight: u32,
    /// Everything else that is said of it.
    pub meta: Meta,
}

impl Keyed for Entry {
    fn addr(&self) -> SocketAddr {
        self.addr
    }
}

/// Metadata of an endpoint, as encoded fields of `WeightedAddr`, which protobuf lets one concatenate. It is in
/// parts by what they depend on, so that none is built again because another changed, and what many endpoints
/// have in common is there once.
#[derive(Clone, Debug)]
pub struct Meta {
    /// What belongs to this endpoint alone.
    pub own: Arc<[u8]>,
    /// What it has in common with those of its kind, such as the Pods of a Deployment.
    pub class: Arc<[u8]>,
    /// What depends on the answer that it is in: the backend that it comes from, and how near it is.
    pub place: Arc<[u8]>,
}

impl Meta {
    /// All parts, in the order of the wire.
    #[must_use]
    pub fn parts(&self) -> [&Arc<[u8]>; 3] {
        [&self.own, &self.class, &self.place]
    }
}

impl PartialEq for Meta {
    fn eq(&self, other: &Self) -> bool {
        // Unchanged endpoints share their bytes with the view before, so pointers decide nearly always.
        let mut parts = self.parts().into_iter().zip(other.parts());
        parts.all(|(a, b)| Arc::ptr_eq(a, b) || a == b)
    }
}

impl Eq for Meta {}

impl View {
    /// A service that does not exist.
    #[must_use]
    pub fn absent() -> Self {
        Self { exists: false, labels: Arc::new([]), entries: Blocks::default() }
    }

    /// A service with these endpoints.
    #[must_use]
    pub fn new(labels: Arc<[u8]>, entries: Blocks<Entry>) -> Self {
        Self { exists: true, labels, entries }
    }

    /// Whether the service exists.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.exists
    }

    /// Labels of the set, as encoded fields of `WeightedAddrSet`.
    #[must_use]
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// The endpoints, sorted by address, each address once. None has the weight 0.
    #[must_use]
    pub fn entries(&self) -> &Blocks<Entry> {
        &self.entries
    }

    /// What a client that holds `self` has to be told to hold `next`.
    #[must_use]
    pub fn delta<'a>(&self, next: &'a Self) -> Delta<'a> {
        if next.entries.is_empty() {
            let same = self.entries.is_empty() && self.exists == next.exists;
            return if same { Delta::Same } else { Delta::NoEndpoints { exists: next.exists } };
        }
        let (mut add, mut remove) = (Vec::new(), Vec::new());
        for (had, has) in self.entries.differences(&next.entries) {
            match (had, has) {
                (Some(had), Some(has)) if had == has => {}
                (Some(gone), None) => remove.push(gone.addr),
                (_, Some(news)) => add.push(news),
                (None, None) => {}
            }
        }
        if self.labels != next.labels {
            // Labels of the set belong to every endpoint in it: if they differ all are said again.
            add = next.entries.iter().collect();
        }
        if add.is_empty() && remove.is_empty() { Delta::Same } else { Delta::Change { add, remove } }
    }
}

/// What has to be said to lead a client from one [`View`] to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delta<'a> {
    /// Nothing.
    Same,
    /// That there is no endpoint any more, and whether the service exists.
    NoEndpoints {
        /// Whether the service exists.
        exists: bool,
    },
    /// New and changed endpoints, then the ones that are gone, in this order so that the client's set never
    /// runs empty between them. At least one of the two is not empty.
    Change {
        /// New endpoints, and those of which anything differs.
        add: Vec<&'a Entry>,
        /// Addresses that are gone.
        remove: Vec<SocketAddr>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `"1:5 2:7"` is endpoint 10.0.0.1 with weight 5 and endpoint 10.0.0.2 with weight 7.
    fn view(text: &str) -> View {
        if text == "absent" {
            return View::absent();
        }
        let nothing: Arc<[u8]> = Arc::new([]);
        let meta = Meta { own: nothing.clone(), class: nothing.clone(), place: nothing };
        let entry = |word: &str| {
            let (host, weight) = word.split_once(':').expect("host:weight");
            let addr = SocketAddr::from(([10, 0, 0, host.parse().expect("a number")], 80));
            Entry { addr, weight: weight.parse().expect("a number"), meta: meta.clone() }
        };
        let mut entries: Vec<_> = text.split_whitespace().map(entry).collect();
        entries.sort_by_key(|entry| entry.addr);
        View::new(Arc::new([]), Blocks::of_sorted(entries))
    }

    #[track_caller]
    fn check(from: &str, to: &str, expect: &str) {
        let to = view(to);
        let host = |addr: &SocketAddr| addr.ip().to_string().replace("10.0.0.", "");
        let got = match view(from).delta(&to) {
            Delta::Same => "same".to_owned(),
            Delta::NoEndpoints { exists } => format!("none exists={exists}"),
            Delta::Change { add, remove } => {
                let add = add.iter().map(|e| format!("+{}:{}", host(&e.addr), e.weight));
                add.chain(remove.iter().map(|a| format!("-{}", host(a)))).collect::<Vec<_>>().join(" ")
            }
        };
        assert_eq!(got, expect);
    }

    #[test]
    fn only_what_differs_is_said() {
        check("1:5 2:5", "1:5 2:5", "same");
        check("1:5 2:5", "2:5 1:5", "same");
        check("1:5 2:5", "1:5 2:6", "+2:6");
        check("1:5 3:5", "2:5 3:5", "+2:5 -1");
        check("1:5", "1:5 2:5 3:5", "+2:5 +3:5");
        check("1:5 2:5 3:5", "2:5", "-1 -3");
    }

    #[test]
    fn the_last_endpoint_gone_is_said_once() {
        check("1:5 2:5", "", "none exists=true");
        check("1:5", "absent", "none exists=false");
        check("", "absent", "none exists=false");
        check("absent", "", "none exists=true");
        check("", "", "same");
        check("absent", "absent", "same");
        check("", "1:5", "+1:5");
    }

    #[test]
    fn new_labels_of_the_set_say_everything_again() {
        let old = view("1:5 2:5");
        let new = View { labels: Arc::new([1]), ..old.clone() };
        assert!(
            matches!(old.delta(&new), Delta::Change { add, remove } if add.len() == 2 && remove.is_empty())
        );
    }
}
