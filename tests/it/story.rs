//! The story the server is for, told end to end: the built binary, a folder of manifests that is edited, a
//! client that only asks `Get`, and one that follows profiles as a Linkerd proxy does.

use std::{collections::BTreeMap, fs, net::SocketAddr, path::Path, time::Duration};

use switchyard::{
    client::{Endpoints, Known},
    pb::destination::{DestinationProfile, Update},
};
use tokio::time::Instant;
use tonic::Streaming;

use crate::server::{Binary, LEAF, copy_of_bookinfo, get, get_profile, next, silent};

const REVIEWS: &str = "reviews.default.svc.cluster.local:9080";

/// A service, the pods behind it and nothing else: the smallest backend.
fn backend(name: &str, replicas: u32) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec:\n  selector: {{app: {name}}}\n  \
         ports: [{{name: http, port: 9080}}]\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\n\
         spec:\n  replicas: {replicas}\n  selector: {{matchLabels: {{app: {name}}}}}\n  template:\n    \
         metadata: {{labels: {{app: {name}}}}}\n    spec: {{containers: [{{name: c, image: i, \
         ports: [{{containerPort: 9080}}]}}]}}\n"
    )
}

fn split(weights: &[(&str, u32)]) -> String {
    let backends: String =
        weights.iter().map(|(name, weight)| format!("  - {{service: {name}, weight: {weight}}}\n")).collect();
    format!(
        "apiVersion: split.smi-spec.io/v1alpha2\nkind: TrafficSplit\nmetadata: {{name: reviews}}\nspec:\n  \
         service: reviews\n  backends:\n{backends}"
    )
}

/// A folder with the apex and two backends, one replica each.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, text: String| fs::write(folder.path().join(name), text).expect("written");
    write("reviews.yaml", backend("reviews", 1));
    write("v2.yaml", backend("reviews-v2", 1));
    write("v3.yaml", backend("reviews-v3", 1));
    folder
}

/// Replaces a file in one step, as editors and `kubectl` do.
fn save(folder: &Path, name: &str, text: String) {
    let temporary = folder.join(format!(".{name}.swp"));
    fs::write(&temporary, text).expect("written");
    fs::rename(temporary, folder.join(name)).expect("renamed");
}

/// A client of `Get` that checks every message against the rules of the stream while it folds it.
struct Watch {
    stream: Streaming<Update>,
    known: Endpoints,
    messages: usize,
}

impl Watch {
    async fn open(addr: SocketAddr, authority: &str, token: &str) -> Self {
        let mut watch =
            Self { stream: get(addr, authority, token).await, known: Endpoints::new(), messages: 0 };
        watch.step().await;
        watch
    }

    /// Takes one message. It must say something new, and nothing twice.
    async fn step(&mut self) {
        let change = self.known.fold(next(&mut self.stream).await);
        assert!(!change.is_empty(), "a message without a difference: {change:?}");
        assert!(change.repeated.is_empty() && change.not_there.is_empty(), "said twice: {change:?}");
        self.messages += 1;
    }

    /// The share of each backend in whole percent, and the number of its endpoints.
    fn shares(&self) -> BTreeMap<String, (u64, usize)> {
        let total = self.known.total_weight().max(1);
        let mut shares: BTreeMap<String, (u64, usize)> = BTreeMap::new();
        for endpoint in self.known.iter() {
            let name = self.known.backend(endpoint).expect("every answer names its service").to_owned();
            shares.entry(name).or_default().1 += 1;
        }
        for (backend, weight) in self.known.weight_by_backend() {
            let share = (weight * 100 + total / 2) / total;
            shares.get_mut(backend.expect("named")).expect("the same backends").0 = share;
        }
        shares
    }

    /// Takes messages until the shares are as expected, which must come with the next transition: at every
    /// message on the way the client must hold endpoints.
    async fn expect(&mut self, expected: &[(&str, u64, usize)]) {
        let expected: BTreeMap<_, _> =
            expected.iter().map(|(name, share, count)| ((*name).to_owned(), (*share, *count))).collect();
        for _ in 0..2 {
            self.step().await;
            assert!(!self.known.is_empty(), "never an empty interval");
            if self.shares() == expected {
                return;
            }
        }
        panic!("expected {expected:?} within one transition, got {:?}", self.shares());
    }
}

fn overrides(profile: &DestinationProfile) -> Vec<(&str, u32)> {
    let short = |authority: &'_ str| authority.find('.').map_or(authority.len(), |dot| dot);
    profile.dst_overrides.iter().map(|dst| (&dst.authority[..short(&dst.authority)], dst.weight)).collect()
}

#[tokio::test]
async fn bookinfo_is_served_split_in_half() {
    let folder = copy_of_bookinfo();
    let mut server = Binary::serve(folder.path()).await;

    let merged = Watch::open(server.grpc, REVIEWS, "").await;
    let leaf = Watch::open(server.grpc, REVIEWS, LEAF).await;
    let profile = next(&mut get_profile(server.grpc, REVIEWS, LEAF).await).await;

    assert_eq!(
        merged.shares(),
        BTreeMap::from([("reviews-v2".to_owned(), (50, 1)), ("reviews-v3".to_owned(), (50, 1))])
    );
    assert_eq!(merged.known.iter().map(|e| e.weight()).collect::<Vec<_>>(), [500_000_000, 500_000_000]);
    assert_eq!(leaf.shares(), BTreeMap::from([("reviews".to_owned(), (100, 3))]));
    assert_eq!(overrides(&profile), [("reviews-v2", 5000), ("reviews-v3", 5000)]);
    assert_eq!(profile.fully_qualified_name, "reviews.default.svc.cluster.local");
    server.prints("default/reviews:9080 -> reviews-v2 50.00 % | reviews-v3 50.00 %").await;
}

#[tokio::test]
async fn weights_move_in_every_open_stream_without_a_gap() {
    let folder = folder();
    save(folder.path(), "split.yaml", split(&[("reviews-v2", 50), ("reviews-v3", 50)]));
    let server = Binary::serve(folder.path()).await;
    let mut merged = Watch::open(server.grpc, REVIEWS, "").await;
    let mut leaf = Watch::open(server.grpc, REVIEWS, LEAF).await;
    let mut profile = get_profile(server.grpc, REVIEWS, LEAF).await;
    assert_eq!(overrides(&next(&mut profile).await), [("reviews-v2", 500_000), ("reviews-v3", 500_000)]);

    let saved = Instant::now();
    save(folder.path(), "split.yaml", split(&[("reviews-v2", 90), ("reviews-v3", 10)]));

    merged.expect(&[("reviews-v2", 90, 1), ("reviews-v3", 10, 1)]).await;
    // The promise is half a second; the bound is wide because the machine of a test may be busy.
    assert!(saved.elapsed() < Duration::from_secs(5), "{:?}", saved.elapsed());
    assert_eq!(overrides(&next(&mut profile).await), [("reviews-v2", 900_000), ("reviews-v3", 100_000)]);

    save(folder.path(), "split.yaml", split(&[("reviews-v2", 0), ("reviews-v3", 100)]));

    merged.expect(&[("reviews-v3", 100, 1)]).await;
    assert_eq!(overrides(&next(&mut profile).await), [("reviews-v2", 0), ("reviews-v3", 1_000_000)]);

    silent(&mut merged.stream).await;
    silent(&mut profile).await;
    silent(&mut leaf.stream).await;
    assert_eq!((merged.messages, leaf.messages), (4, 1), "first, 90/10, add to 100, remove");
}

#[tokio::test]
async fn scaling_moves_only_the_backend_that_is_scaled() {
    let folder = folder();
    save(folder.path(), "split.yaml", split(&[("reviews-v2", 50), ("reviews-v3", 50)]));
    let server = Binary::serve(folder.path()).await;
    let mut merged = Watch::open(server.grpc, REVIEWS, "").await;
    let weight_of = |watch: &Watch, name: &str| {
        let mut of = watch.known.iter().filter(|e| e.label("service") == Some(name)).map(|e| e.weight());
        of.next().expect("an endpoint")
    };
    let untouched = weight_of(&merged, "reviews-v3");

    save(folder.path(), "v2.yaml", backend("reviews-v2", 3));

    merged.expect(&[("reviews-v2", 50, 3), ("reviews-v3", 50, 1)]).await;
    assert_eq!(weight_of(&merged, "reviews-v2"), 166_666_667);
    assert_eq!(weight_of(&merged, "reviews-v3"), untouched);

    save(folder.path(), "v2.yaml", backend("reviews-v2", 0));

    merged.expect(&[("reviews-v3", 100, 1)]).await;
    assert_eq!(weight_of(&merged, "reviews-v3"), untouched, "its share grew without a word about it");
}

#[tokio::test]
async fn a_split_comes_goes_and_comes_back() {
    let folder = folder();
    let server = Binary::serve(folder.path()).await;
    let mut merged = Watch::open(server.grpc, REVIEWS, "").await;
    let mut profile = get_profile(server.grpc, REVIEWS, LEAF).await;
    assert_eq!(overrides(&next(&mut profile).await), [("reviews", 10_000)]);
    assert_eq!(merged.known.iter().map(|e| e.weight()).collect::<Vec<_>>(), [10_000]);

    for _ in 0..2 {
        save(folder.path(), "split.yaml", split(&[("reviews-v2", 1), ("reviews-v3", 1)]));
        merged.expect(&[("reviews-v2", 50, 1), ("reviews-v3", 50, 1)]).await;
        assert_eq!(overrides(&next(&mut profile).await), [("reviews-v2", 10_000), ("reviews-v3", 10_000)]);

        fs::remove_file(folder.path().join("split.yaml")).expect("removed");
        merged.expect(&[("reviews", 100, 1)]).await;
        assert_eq!(overrides(&next(&mut profile).await), [("reviews", 10_000)]);
    }
}

#[tokio::test]
async fn a_service_that_goes_says_so_and_comes_back_on_the_same_stream() {
    let folder = folder();
    let server = Binary::serve(folder.path()).await;
    let mut merged = Watch::open(server.grpc, REVIEWS, "").await;
    let before = merged.known.weights();

    fs::remove_file(folder.path().join("reviews.yaml")).expect("removed");
    merged.step().await;
    assert_eq!(merged.known.known(), Known::NoEndpoints { exists: false });

    save(folder.path(), "reviews.yaml", backend("reviews", 1));
    merged.step().await;
    assert_eq!(merged.known.weights(), before, "a made-up address depends on nothing but the pod's name");
}

#[tokio::test]
async fn what_is_known_survives_a_broken_edit() {
    let folder = folder();
    save(folder.path(), "split.yaml", split(&[("reviews-v2", 50), ("reviews-v3", 50)]));
    let server = Binary::serve(folder.path()).await;
    let mut merged = Watch::open(server.grpc, REVIEWS, "").await;

    save(folder.path(), "split.yaml", "kind: [TrafficSplit\n".to_owned());
    silent(&mut merged.stream).await;
    let (_, warnings) = server.admin("/debug/warnings").await;
    assert!(warnings.contains("split.yaml:") && warnings.contains("unreadable_file"), "{warnings}");
    assert_eq!(server.metric(r#"switchyard_warnings{reason="unreadable_file"}"#).await, 1);

    save(folder.path(), "split.yaml", split(&[("reviews-v2", 1), ("reviews-v3", 3)]));
    merged.expect(&[("reviews-v2", 25, 1), ("reviews-v3", 75, 1)]).await;
    assert_eq!(server.metric(r#"switchyard_warnings{reason="unreadable_file"}"#).await, 0);
}

#[tokio::test]
async fn an_emptied_leaf_leaves_the_profile_before_its_endpoints_go() {
    let folder = folder();
    save(folder.path(), "split.yaml", split(&[("reviews-v2", 50), ("reviews-v3", 50)]));
    let server = Binary::serve(folder.path()).await;
    let v2 = "reviews-v2.default.svc.cluster.local:9080";
    let mut leaf = Watch::open(server.grpc, v2, LEAF).await;
    let mut profile = get_profile(server.grpc, REVIEWS, LEAF).await;
    next(&mut profile).await;

    save(folder.path(), "v2.yaml", backend("reviews-v2", 0));

    assert_eq!(overrides(&next(&mut profile).await), [("reviews-v2", 0), ("reviews-v3", 500_000)]);
    let told = Instant::now();
    leaf.step().await;
    assert!(leaf.known.is_empty());
    assert!(told.elapsed() > Duration::from_millis(150), "the leaf was held: {:?}", told.elapsed());

    save(folder.path(), "v2.yaml", backend("reviews-v2", 1));

    leaf.step().await;
    assert_eq!(leaf.known.len(), 1);
    assert_eq!(overrides(&next(&mut profile).await), [("reviews-v2", 500_000), ("reviews-v3", 500_000)]);
}
