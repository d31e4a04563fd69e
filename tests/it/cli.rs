//! The command line as typed into a shell: real processes, pipes, variables and ports.

use std::{process::Output, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    time::timeout,
};

use crate::server::{Binary, copy_of_bookinfo, switchyard};

/// Long enough for a process on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

async fn run(args: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let output = switchyard(args).envs(variables.iter().copied()).output();
    let Output { status, stdout, stderr } =
        timeout(PATIENCE, output).await.expect("it ends").expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (status.code(), text(stdout), text(stderr))
}

#[tokio::test]
async fn watch_ends_when_the_reader_of_its_pipe_is_gone_while_nothing_changes() {
    let folder = copy_of_bookinfo();
    let server = Binary::serve(folder.path()).await;
    let (grpc, admin) = (server.grpc.to_string(), server.admin.to_string());
    for args in [
        &["get", "reviews:9080", "--addr", &grpc][..],
        &["get", "reviews:9080", "--addr", &grpc, "-o", "json"],
        &["profile", "svc/reviews:9080", "--addr", &grpc],
        &["streams", "--watch", "1h", "--admin", &admin],
    ] {
        let mut child = switchyard(args).spawn().expect("it starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let first = timeout(PATIENCE, lines.next_line()).await.expect("it prints");
        assert!(first.expect("text").is_some(), "{args:?}");
        drop(lines);
        let status = timeout(PATIENCE, child.wait()).await;
        assert_eq!(status.expect("it ends").expect("a status").code(), Some(0), "{args:?}");
    }
}

#[tokio::test]
async fn short_names_are_completed_and_only_by_the_command() {
    let folder = copy_of_bookinfo();
    let server = Binary::serve(folder.path()).await;
    let (grpc, admin) = (server.grpc.to_string(), server.admin.to_string());
    for target in ["reviews:9080", "reviews.default:9080", "svc/reviews:9080", "default/reviews:9080"] {
        let (code, out, err) = run(&["get", target, "--once", "--addr", &grpc], &[]).await;
        assert_eq!(code, Some(0), "{target}: {err}");
        assert!(out.starts_with("reviews.default.svc.cluster.local:9080 ("), "{target}: {out}");
    }
    let elsewhere = ["get", "reviews:9080", "-n", "shop", "--once", "--addr", &grpc];
    assert_eq!(run(&elsewhere, &[]).await.0, Some(3));
    assert_eq!(run(&["why", "reviews:9080", "--admin", &admin], &[]).await.0, Some(0));
    let (code, body) = server.admin("/debug/why?authority=reviews:9080").await;
    assert_eq!((code, body.contains("expected <service>.<namespace>.svc.cluster.local:<port>")), (400, true));
}

#[tokio::test]
async fn help_and_version_end_with_0_and_the_short_help_is_shorter() {
    for args in [&["help"][..], &["--help"], &["-h"], &["help", "serve"], &["get", "--help"], &["--version"]]
    {
        assert_eq!(run(args, &[]).await.0, Some(0), "{args:?}");
    }
    let lines = |text: &str| text.lines().count();
    let (short, long) = (run(&["serve", "--help"], &[]).await.1, run(&["help", "serve"], &[]).await.1);
    assert!(lines(&short) * 2 < lines(&long), "{} {}", lines(&short), lines(&long));
    assert!(long.contains("SWITCHYARD_MAX_VIEWS") && !short.contains("SWITCHYARD_MAX_VIEWS"));
    let version: serde_json::Value =
        serde_json::from_str(&run(&["version", "-o", "json"], &[]).await.1).unwrap();
    for key in ["name", "version", "commit", "date"] {
        assert!(version[key].as_str().is_some_and(|text| !text.is_empty()), "{version}");
    }
}

#[tokio::test]
async fn wrong_variable_is_named_as_the_variable_and_a_wrong_flag_as_the_flag() {
    for (args, variable, value, expect) in [
        (
            &["serve"][..],
            "SWITCHYARD_MAX_VIEWS",
            "many",
            "error: SWITCHYARD_MAX_VIEWS: invalid value 'many' for",
        ),
        (&["get", "a"], "SWITCHYARD_TIMEOUT", "5", "error: SWITCHYARD_TIMEOUT: invalid value '5' for"),
        (&["get", "a"], "SWITCHYARD_ONCE", "maybe", "error: SWITCHYARD_ONCE: invalid value 'maybe' for"),
        (&["get", "a"], "SWITCHYARD_OUTPUT", "xml", "error: SWITCHYARD_OUTPUT: invalid value 'xml' for"),
        (&["get", "a"], "SWITCHYARD_ADDR", "", "error: SWITCHYARD_ADDR: "),
        (
            &["serve", "--kubeconfig", "k"],
            "SWITCHYARD_MANIFESTS",
            "m",
            "error: SWITCHYARD_MANIFESTS: the argument",
        ),
        (
            &["serve"],
            "SWITCHYARD_DRAIN_DELAY",
            "20s",
            "error: SWITCHYARD_DRAIN_DELAY: --drain-delay 20s is longer",
        ),
        (
            &["serve", "--max-views", "x"],
            "SWITCHYARD_MAX_VIEWS",
            "7",
            "error: invalid value 'x' for '--max-views",
        ),
        (
            &["get", "a", "--timeout", "5"],
            "SWITCHYARD_ONCE",
            "true",
            "error: invalid value '5' for '--timeout",
        ),
    ] {
        let (code, _, err) = run(args, &[(variable, value)]).await;
        assert_eq!(code, Some(2), "{args:?} {variable}={value}: {err}");
        assert!(err.starts_with(expect), "{args:?} {variable}={value}: {err}");
    }
}

#[tokio::test]
async fn the_other_port_is_named_for_what_it_is() {
    let folder = copy_of_bookinfo();
    let server = Binary::serve(folder.path()).await;
    let (grpc, admin) = (server.grpc.to_string(), server.admin.to_string());
    let is_admin = format!("{admin} is the admin port (HTTP); gRPC is at {grpc}: ask it with --addr {grpc}");
    let both = format!("{admin},{grpc}");
    for args in [
        &["get", "reviews:9080", "--addr", &admin][..],
        &["profile", "reviews:9080", "--addr", &admin],
        &["diff", "reviews:9080", "--addr", &both],
    ] {
        let (code, _, err) = run(args, &[]).await;
        assert_eq!((code, err.contains(&is_admin)), (Some(1), true), "{args:?}: {err}");
    }
    let is_grpc =
        format!("{grpc} is a gRPC port (HTTP/2); the admin port is at {admin}: ask it with --admin {admin}");
    for args in [
        &["streams", "--admin", &grpc][..],
        &["why", "reviews:9080", "--admin", &grpc],
        &["log-level", "--admin", &grpc],
    ] {
        let (code, _, err) = run(args, &[]).await;
        assert_eq!((code, err.contains(&is_grpc)), (Some(1), true), "{args:?}: {err}");
    }
}

#[tokio::test]
async fn narrow_output_fits_and_a_pipe_without_columns_is_left_alone() {
    let folder = copy_of_bookinfo();
    let server = Binary::serve(folder.path()).await;
    let (grpc, admin) = (server.grpc.to_string(), server.admin.to_string());
    let mut watching = switchyard(&["get", "reviews:9080", "--addr", &grpc]).spawn().expect("it starts");
    let mut lines = BufReader::new(watching.stdout.take().expect("piped")).lines();
    assert!(timeout(PATIENCE, lines.next_line()).await.expect("it prints").expect("text").is_some());
    let manifests = folder.path().to_str().expect("text");
    let why = ["why", "reviews:9080", "--admin", &admin];
    for args in [
        &["get", "reviews:9080", "--once", "--addr", &grpc][..],
        &["streams", "--admin", &admin],
        &why,
        &["log-level", "--admin", &admin],
        &["log-level", "info,switchyard=debug,switchyard::grpc=info,h2=warn,hyper=warn", "--admin", &admin],
        &["plan", "--manifests", manifests, "--remove", "ts/reviews"],
    ] {
        for columns in [80, 60] {
            let (_, out, err) = run(args, &[("COLUMNS", &columns.to_string())]).await;
            assert!(!out.is_empty(), "{args:?}: {err}");
            for line in out.lines().filter(|line| line.trim().contains(' ')) {
                assert!(line.chars().count() <= columns, "{args:?} {columns}: {line}");
            }
        }
    }
    let (_, out, _) = run(&why, &[]).await;
    assert!(out.lines().any(|line| line.chars().count() > 80), "{out}");
}

/// Every flag has a short line in `--help`; long texts are in `help COMMAND`.
#[tokio::test]
async fn flag_takes_three_lines_of_the_help_at_most() {
    let (_, help, _) = run(&["--help"], &[]).await;
    let (_, commands) = help.split_once("Commands:\n").expect("they are listed");
    let names =
        commands.lines().map_while(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    let names: Vec<_> = names.collect();
    assert!(names.contains(&"serve") && names.len() > 10, "{names:?}");
    for name in names {
        let (_, help, _) = run(&[name, "--help"], &[("COLUMNS", "100")]).await;
        let is_flag = |line: &str| line.starts_with("  ") && line.trim_start().starts_with('-');
        let mut flag: Option<(&str, usize)> = None;
        let mut headings = 0;
        for line in help.lines().take_while(|line| *line != "Examples:") {
            headings += usize::from(line.ends_with(':') && !line.starts_with(' '));
            flag = match flag {
                _ if is_flag(line) => Some((line, 1)),
                Some((flag, lines)) if !line.is_empty() => Some((flag, lines + 1)),
                _ => None,
            };
            assert!(flag.is_none_or(|(_, lines)| lines <= 3), "{name}: {flag:?}");
            assert!(line.chars().count() <= 100, "{name}: {line}");
        }
        assert!(name != "serve" || headings >= 6, "{name} has {headings} headings");
    }
}

#[tokio::test]
async fn exit_codes_are_the_same_in_the_help_and_in_the_documentation() {
    let (_, help, _) = run(&["--help"], &[("COLUMNS", "100")]).await;
    let (_, listed) = help.split_once("Exit codes:\n").expect("they are listed");
    let mut codes: Vec<String> = Vec::new();
    for line in listed.lines() {
        // clap wraps at the width without an indent.
        let is_code = line.trim_start().starts_with(|c: char| c.is_ascii_digit());
        match Some(line).filter(|_| !is_code) {
            Some(rest) => codes.last_mut().expect("a code comes first").extend([" ", rest.trim()]),
            None => codes.push(line.trim().replacen("  ", " ", 1)),
        }
    }
    let page = include_str!("../../docs/cli.md");
    let (_, table) = page.split_once("| code | meaning |\n| --- | --- |\n").expect("the table");
    let rows: Vec<String> = table
        .lines()
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches(['|', ' ']).replacen(" | ", " ", 1))
        .collect();
    assert_eq!(codes, rows);
    let (_, man, _) = run(&["man"], &[]).await;
    for row in &rows {
        let words = row.split(' ').skip(1).take(3).collect::<Vec<_>>().join(" ");
        assert!(man.replace('\\', "").contains(&words), "{words}");
    }
}
