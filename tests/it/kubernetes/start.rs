//! What stands in the way of a start: no configuration, no permission, nobody there.

use std::{fs, time::Duration};

use switchyard::{
    metrics::Metrics,
    model::Reason,
    source::kubernetes::{ConnectError, Kubernetes},
};
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};

use super::{
    A_WHILE, Cluster, SOON, edit,
    fake::{Fake, Fault},
    hurried, write_kubeconfig,
};
use crate::server::{Binary, PATIENCE, switchyard};

#[test]
fn a_kind_that_may_not_be_read_is_named_and_keeps_it_from_being_ready() {
    for (plural, kind) in [("pods", "Pod"), ("nodes", "Node"), ("trafficsplits", "TrafficSplit")] {
        let mut cluster = Cluster::unsynced(hurried(), "service web; endpoints web A1", |api| {
            api.fault(plural, Fault::Refuse(403));
        });
        cluster.wait_for("it is named", |c| {
            c.warns(Reason::SourceStale, &[kind, "not allowed to list and watch", plural, "403", "since"])
        });
        cluster.wait_for("the others are read", |c| c.objects("Service") + c.objects("EndpointSlice") == 2);
        cluster.run_for(A_WHILE);
        assert!(!cluster.is_synced());
        cluster.edit("service b");
        cluster.wait_for("the others go on", |c| c.objects("Service") == 2);

        cluster.api.heal();
        cluster.wait_for("everything is read", |c| c.is_synced());
        cluster.wait_for("it is allowed", |c| !c.warns(Reason::SourceStale, &[]));
    }
}

#[test]
fn a_kind_that_can_be_done_without_is_named_only() {
    let mut cluster = Cluster::with("service web; endpoints web A1; server s", |api| {
        api.fault("servers", Fault::Refuse(403));
    });
    cluster.wait_for("it is named", |c| {
        c.warns(Reason::SourceStale, &["Server", "not allowed to list and watch servers.policy.linkerd.io"])
    });
    cluster.api.heal();
    cluster.wait_for("it is read", |c| c.objects("Server") == 1);
    cluster.wait_for("it is allowed", |c| !c.warns(Reason::SourceStale, &[]));

    // What is known is kept when the permission goes.
    cluster.api.fault("servers", Fault::Refuse(403));
    cluster.wait_for("it is named", |c| c.warns(Reason::SourceStale, &["Server", "403"]));
    assert_eq!(cluster.objects("Server"), 1);
}

#[test]
fn a_server_that_cannot_be_reached_is_tried_until_it_can() {
    let mut cluster =
        Cluster::unsynced(hurried(), "service web; endpoints web A1", |api| api.fault("*", Fault::Reset));
    cluster.wait_for("it is said", |c| c.warns(Reason::SourceStale, &["Service", "nothing new since", "20"]));
    assert!(!cluster.is_synced());
    cluster.api.heal();
    cluster.wait_for("everything is read", |c| c.is_synced());
    cluster.wait_for("all is well", |c| !c.warns(Reason::SourceStale, &[]));
}

#[tokio::test]
async fn that_nobody_is_there_is_said_at_once_and_is_no_end() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let kubeconfig = write_kubeconfig(&folder, "http://127.0.0.1:1");
    let source =
        Kubernetes::with_pace(Some(kubeconfig), Metrics::default(), hurried()).await.expect("usable");
    let (batches, mut receiver) = mpsc::channel(64);
    let follows = tokio::spawn(source.follow(batches));
    let said = async {
        loop {
            let report = receiver.recv().await.expect("it goes on").report;
            let findings = report.iter().flat_map(|report| &report.findings);
            if let Some(finding) = findings.into_iter().find(|finding| finding.message.starts_with("Pod:")) {
                return finding.message.clone();
            }
        }
    };
    let message = timeout(SOON, said).await.expect("in time");
    assert!(message.contains("nothing new since") && message.contains("Connection refused"), "{message}");
    assert!(!follows.is_finished());

    // Nobody listens any more.
    drop(receiver);
    let why = timeout(SOON, follows).await.expect("it ends").expect("no panic");
    assert_eq!(why, "nobody takes its events");
}

#[tokio::test]
async fn a_kubeconfig_that_is_of_no_use_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("kubeconfig");
    let open = || Kubernetes::open(Some(path.clone()), Metrics::default());
    for (content, word) in
        [(None, "No such file"), (Some("{"), ""), (Some("apiVersion: v1\nkind: Config\n"), "")]
    {
        if let Some(content) = content {
            fs::write(&path, content).expect("written");
        }
        let error = open().await.expect_err("it is of no use");
        assert!(matches!(error, ConnectError::Kubeconfig { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(path.to_str().expect("text")) && text.contains(word), "{text}");
    }
}

const FREE: [&str; 5] = ["serve", "--addr", "127.0.0.1:0", "--metrics-addr", "127.0.0.1:0"];

#[tokio::test]
async fn without_any_configuration_it_says_what_was_looked_for_and_what_else_there_is() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let mut command = switchyard(&FREE);
    command.env_clear().env("HOME", home.path());
    let output = timeout(PATIENCE, command.output()).await.expect("in time").expect("it runs");
    let text = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(1));
    for word in ["kubeconfig", "cluster", "--kubeconfig", "--manifests"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    assert_eq!(text.trim().lines().count(), 1, "{text}");
}

#[tokio::test]
async fn a_server_is_not_ready_while_a_kind_that_it_needs_is_forbidden() {
    let api = Fake::start().await;
    edit(&api, "service web; endpoints web A1");
    api.fault("pods", Fault::Refuse(403));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let kubeconfig = write_kubeconfig(&folder, &format!("http://{}", api.addr));
    let server =
        Binary::start(&[&FREE[..], &["--kubeconfig", kubeconfig.to_str().expect("text")]].concat()).await;

    let others_are_read = async {
        while server.metric(r#"switchyard_objects{kind="Service"}"#).await == 0
            || api.count("pods stream") < 2
        {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(SOON, others_are_read).await.expect("in time");
    assert_eq!(server.admin("/ready").await.0, 503);
    assert_eq!(server.admin("/live").await.0, 200);

    api.heal();
    let ready = async {
        while server.admin("/ready").await.0 != 200 {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(SOON, ready).await.expect("ready once it is allowed");
}
