//! A server whose log nobody reads: answers, edits, probes and its end do not wait for the reader.

use std::{
    fs,
    io::{PipeReader, Read, Write, pipe},
};

use crate::server::{Binary, LEAF, copy_of_bookinfo, get, get_profile, next, switchyard};

const REVIEWS: &str = "reviews.default.svc.cluster.local:9080";
/// What a pipe of Linux holds.
const PIPE: usize = 64 << 10;

/// A server whose standard error is a full pipe, and that pipe.
async fn unread(args: &[&str]) -> (Binary, PipeReader) {
    let (reader, mut writer) = pipe().expect("a pipe");
    writer.write_all(&vec![b'\n'; PIPE]).expect("it has room");
    let mut command = switchyard(args);
    command.stderr(writer);
    (Binary::start_as(command).await, reader)
}

#[tokio::test]
async fn full_pipe_delays_neither_answers_nor_edits_nor_the_end() {
    let folder = copy_of_bookinfo();
    let manifests = folder.path().to_str().expect("text");
    let (mut server, mut reader) = unread(&[
        "serve",
        "--manifests",
        manifests,
        "--addr=127.0.0.1:0",
        "--metrics-addr=127.0.0.1:0",
        "--log-level=trace",
    ])
    .await;

    let mut profile = get_profile(server.grpc, REVIEWS, LEAF).await;
    assert_eq!(next(&mut profile).await.dst_overrides[0].weight, 5000);
    while server.metric(r#"switchyard_limits_hit_total{limit="log_queue"}"#).await == 0 {
        next(&mut get(server.grpc, REVIEWS, LEAF).await).await;
    }
    let split = folder.path().join("split.yaml");
    let text = fs::read_to_string(&split).expect("it is there");
    fs::write(&split, text.replacen("weight: 500m", "weight: 100m", 1)).expect("written");
    assert_eq!(next(&mut profile).await.dst_overrides[0].weight, 1000);
    assert_eq!((server.admin("/ready").await.0, server.admin("/live").await.0), (200, 200));

    server.signal("TERM").await;
    assert!(server.ended().await.success());
    let mut log = String::new();
    reader.read_to_string(&mut log).expect("text");
    assert!(log.len() >= PIPE, "the pipe was full");
}

#[tokio::test]
async fn server_that_cannot_start_ends_though_nobody_reads_why() {
    let (reader, mut writer) = pipe().expect("a pipe");
    writer.write_all(&vec![b'\n'; PIPE]).expect("it has room");
    let mut command = switchyard(&["serve", "--manifests", "/nowhere"]);
    let mut child = command.stderr(writer).spawn().expect("it starts");
    let ended = tokio::time::timeout(crate::server::PATIENCE, child.wait()).await;
    assert_eq!(ended.expect("in time").expect("it can be waited for").code(), Some(1));
    drop(reader);
}

#[tokio::test]
async fn line_for_each_of_many_like_faults_is_written_for_the_first_hundred() {
    let folder = copy_of_bookinfo();
    let mut faults = String::new();
    for n in 0..500 {
        faults += &format!(
            "---\napiVersion: split.smi-spec.io/v1alpha2\nkind: TrafficSplit\nmetadata: {{ name: s{n} }}\n\
             spec: {{ service: nobody{n}, backends: [{{ service: reviews, weight: 1 }}] }}\n"
        );
    }
    fs::write(folder.path().join("faults.yaml"), faults).expect("written");

    let mut server = Binary::serve(folder.path()).await;

    server.logs("the rate of log lines of one kind was hit").await;
    let lines = server.logged().lines().filter(|line| line.contains("apex_missing")).count();
    assert!((100..130).contains(&lines), "{lines} lines");
    let (_, warnings) = server.admin("/debug/warnings").await;
    assert!(warnings.matches("apex_missing").count() >= 500);
}
