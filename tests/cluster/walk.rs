//! The walk-through: the folder that `--manifests` serves, applied to a cluster, gives the same answers there,
//! and streams stay open and never empty through everything that a user then does.

use std::fs;

use crate::{
    control_plane::ControlPlane,
    ours::{LEAF, Server, Shares, Watch},
};

const BOOKINFO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/bookinfo");
const CRD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/crds/trafficsplits.yaml");
const REVIEWS: &str = "reviews.default.svc.cluster.local:9080";
const SERVICES: [&str; 6] = ["details", "productpage", "ratings", "reviews", "reviews-v2", "reviews-v3"];

fn authority(service: &str) -> String {
    format!("{service}.default.svc.cluster.local:9080")
}

fn read(file: &str) -> String {
    fs::read_to_string(format!("{BOOKINFO}/{file}")).expect("a file of the example")
}

/// BookInfo in a cluster of two nodes, with our server beside it.
struct Walk {
    reviews: Watch,
    server: Server,
    cluster: ControlPlane,
}

impl Walk {
    fn given() -> Self {
        let cluster = ControlPlane::start();
        cluster.add_node("east", "a");
        cluster.add_node("west", "b");
        // Before the kind is even defined.
        let server = Server::watching(cluster.kubeconfig(), &[]);
        server.wait_until_ready();
        let reviews = server.get(REVIEWS, "");
        assert_eq!(reviews.shares(), Shares::new());
        for file in ["details.yaml", "productpage.yaml", "ratings.yaml", "reviews.yaml"] {
            cluster.kubectl(&["apply", "--filename", &format!("{BOOKINFO}/{file}")], "");
        }
        reviews.wait_for(&[("reviews", 100, 3)]);
        Self { reviews, server, cluster }
    }

    fn define_splits(&self) {
        self.cluster.kubectl(&["apply", "--filename", CRD], "");
        self.cluster.kubectl(&["wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"], "");
    }

    fn weigh(&self, v2: u32, v3: u32) {
        let patch = format!(
            r#"{{"spec":{{"backends":[{{"service":"reviews-v2","weight":{v2}}},{{"service":"reviews-v3","weight":{v3}}}]}}}}"#
        );
        let split =
            ["patch", "trafficsplits.v1alpha2.split.smi-spec.io", "reviews", "--type=merge", "--patch"];
        self.cluster.kubectl(&[&split[..], &[&patch]].concat(), "");
    }

    /// Does something that must end like this for who asks for reviews, and never leave them with nobody.
    #[track_caller]
    fn step(&self, act: impl FnOnce(&ControlPlane), expect: &[(&str, u64, usize)]) -> Vec<Shares> {
        let before = self.reviews.messages();
        act(&self.cluster);
        self.reviews.wait_for(expect);
        let seen = self.reviews.since(before);
        assert!(seen.iter().all(|shares| !shares.is_empty()), "an empty interval: {seen:?}");
        seen
    }

    /// What the cluster is answered is what the folder is, for every service.
    #[track_caller]
    fn expect_as_from_the_folder(&self, folder: &str) {
        let manifests = Server::start(&["--manifests", folder]);
        manifests.wait_until_ready();
        for service in SERVICES {
            let authority = authority(service);
            for token in ["", LEAF] {
                let [here, there] = [&self.server, &manifests].map(|server| server.get(&authority, token));
                assert_eq!(here.shares(), there.shares(), "{authority} {token}");
                assert_eq!(here.labels(), there.labels(), "{authority} {token}");
            }
            assert_eq!(self.server.profile(&authority), manifests.profile(&authority), "{authority}");
        }
    }
}

#[test]
#[ignore = "needs Kubernetes' own programs: tests/cluster/assets/build.sh"]
fn a_cluster_is_answered_as_the_folder_is_and_streams_see_all_of_it() {
    let walk = Walk::given();
    let folder = tempfile::tempdir().expect("a folder");
    for file in ["details.yaml", "productpage.yaml", "ratings.yaml", "reviews.yaml"] {
        fs::write(folder.path().join(file), read(file)).expect("written");
    }
    walk.expect_as_from_the_folder(folder.path().to_str().expect("text"));

    // The kind is defined while we watch, and picked up.
    walk.define_splits();
    let split = format!("{BOOKINFO}/split.yaml");
    let half = [("reviews-v2", 50, 1), ("reviews-v3", 50, 1)];
    let seen = walk.step(|cluster| _ = cluster.kubectl(&["apply", "--filename", &split], ""), &half);
    assert_eq!(seen.last(), Some(&crate::ours::shares(&half)));
    walk.expect_as_from_the_folder(BOOKINFO);

    // An edit is one message: nobody ever sees a part of it.
    for (v2, v3, expect) in [
        (90, 10, &[("reviews-v2", 90, 1), ("reviews-v3", 10, 1)][..]),
        (0, 100, &[("reviews-v3", 100, 1)][..]),
        (50, 50, &half[..]),
    ] {
        let before = walk.reviews.messages();
        walk.weigh(v2, v3);
        walk.reviews.wait_for(expect);
        let allowed: Vec<_> = walk.reviews.since(before);
        // An endpoint that leaves is a second message of the same step.
        assert!(allowed.len() <= 2, "{allowed:?}");
        assert!(allowed.iter().all(|shares| !shares.is_empty()));
    }

    // Scaling moves no share.
    let scale = |name: &'static str, replicas: &'static str| {
        move |cluster: &ControlPlane| {
            _ = cluster
                .kubectl(&["scale", &format!("deployment/{name}"), &format!("--replicas={replicas}")], "");
        }
    };
    walk.step(scale("reviews-v2", "4"), &[("reviews-v2", 50, 4), ("reviews-v3", 50, 1)]);
    walk.step(scale("reviews-v2", "1"), &half);
    // The share of a backend without anybody goes to the other.
    walk.step(scale("reviews-v3", "0"), &[("reviews-v2", 100, 1)]);
    walk.step(scale("reviews-v3", "1"), &half);

    // Away and back: the split, a service, a deployment.
    walk.step(|cluster| _ = cluster.kubectl(&["delete", "--filename", &split], ""), &[("reviews", 100, 3)]);
    walk.step(|cluster| _ = cluster.kubectl(&["apply", "--filename", &split], ""), &half);
    walk.step(
        |cluster| _ = cluster.kubectl(&["delete", "service", "reviews-v3"], ""),
        &[("reviews-v2", 100, 1)],
    );
    let reviews = read("reviews.yaml");
    walk.step(|cluster| _ = cluster.kubectl(&["apply", "--filename=-"], &reviews), &half);
    walk.step(
        |cluster| _ = cluster.kubectl(&["delete", "deployment", "reviews-v2"], ""),
        &[("reviews-v3", 100, 1)],
    );
    walk.step(|cluster| _ = cluster.kubectl(&["apply", "--filename=-"], &reviews), &half);
    walk.expect_as_from_the_folder(BOOKINFO);
}

#[test]
#[ignore = "needs Kubernetes' own programs: tests/cluster/assets/build.sh"]
fn what_is_known_outlives_the_api_server_and_etcd() {
    let mut walk = Walk::given();
    let leaf = walk.server.get(REVIEWS, LEAF);
    let before = (walk.reviews.messages(), leaf.messages());

    walk.cluster.stop_api_server();
    walk.cluster.start_api_server();
    walk.cluster.stop_etcd();
    walk.cluster.start_etcd();

    // Nothing was said meanwhile, a new client is told the same, and what happens next is heard.
    assert_eq!((walk.reviews.messages(), leaf.messages()), before);
    assert_eq!(walk.server.get(REVIEWS, "").shares(), walk.reviews.shares());
    walk.step(
        |cluster| _ = cluster.kubectl(&["scale", "deployment/reviews-v1", "--replicas=2"], ""),
        &[("reviews", 100, 4)],
    );
    assert_eq!(leaf.shares(), walk.reviews.shares());
}
