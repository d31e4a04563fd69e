//! Commands from the typed line to exit code and text, against a server that says what it is told to.

use std::{
    io::{self, Write},
    net::SocketAddr,
    time::Duration,
};

use clap::Parser;
use futures::{StreamExt, stream, stream::BoxStream};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tonic::{
    Request, Response, Status,
    transport::{Server, server::TcpIncoming},
};

use super::{Cli, Exit, Failure, report, run_with, style::tests::plain};
use crate::{
    client::test::{add, no_endpoints, remove},
    pb::destination::{
        DestinationProfile, GetDestination, Update,
        destination_server::{Destination, DestinationServer},
    },
};

/// Answers by the first label of the authority.
struct Stub;

#[tonic::async_trait]
impl Destination for Stub {
    type GetStream = BoxStream<'static, Result<Update, Status>>;
    type GetProfileStream = BoxStream<'static, Result<DestinationProfile, Status>>;

    async fn get(&self, request: Request<GetDestination>) -> Result<Response<Self::GetStream>, Status> {
        let GetDestination { path, context_token, .. } = request.into_inner();
        let messages: Self::GetStream = match path.split('.').next() {
            Some("changes") => {
                let first = add(&["10.0.0.1:80=1 v2/p-1", "10.0.0.2:80=1 v3/p-2"]);
                let replaced = [add(&["10.0.0.3:80=1 v3/p-3"]), remove(&["10.0.0.2:80"])];
                let end = Err(Status::unavailable("shutting down"));
                stream::iter([Ok(first)])
                    .chain(stream::once(sleep(Duration::from_millis(50))).flat_map(|()| stream::empty()))
                    .chain(stream::iter(replaced.map(Ok)))
                    .chain(stream::iter([end]))
                    .boxed()
            }
            Some("stays") => stream::iter([Ok(no_endpoints(true))]).chain(stream::pending()).boxed(),
            Some("gone") => stream::iter([Ok(no_endpoints(false))]).chain(stream::pending()).boxed(),
            Some("silent") => stream::pending().boxed(),
            Some("unopened") => std::future::pending().await,
            Some("big") => {
                let endpoint = |i: u32| {
                    let mut endpoint = add(&["10.0.0.1:80=1 some-backend/some-pod"]);
                    if let Some(crate::pb::destination::update::Update::Add(set)) = &mut endpoint.update {
                        set.addrs[0].addr =
                            Some(SocketAddr::from(((0x0A00_0000 + i).to_be_bytes(), 80)).into());
                        return set.addrs.pop();
                    }
                    None
                };
                let mut all = add(&[]);
                if let Some(crate::pb::destination::update::Update::Add(set)) = &mut all.update {
                    set.addrs = (0..50_000).filter_map(endpoint).collect();
                }
                stream::iter([Ok(all)]).boxed()
            }
            _ => return Err(Status::invalid_argument(format!("not an authority: {path} ({context_token})"))),
        };
        Ok(Response::new(messages))
    }

    async fn get_profile(
        &self,
        request: Request<GetDestination>,
    ) -> Result<Response<Self::GetProfileStream>, Status> {
        let GetDestination { path, context_token, .. } = request.into_inner();
        let profile = match path.split('.').next() {
            Some("unknown") => DestinationProfile::default(),
            _ => DestinationProfile {
                fully_qualified_name: format!("{path} {context_token}"),
                ..DestinationProfile::default()
            },
        };
        Ok(Response::new(stream::iter([Ok(profile)]).boxed()))
    }
}

async fn stub() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let server = Server::builder()
        .add_service(DestinationServer::new(Stub).max_encoding_message_size(usize::MAX))
        .serve_with_incoming(TcpIncoming::from(listener));
    tokio::spawn(server);
    addr
}

/// Exit code, stdout, stderr.
async fn run(args: &[&str], addr: SocketAddr) -> (u8, String, String) {
    let addr = addr.to_string();
    let cli = Cli::try_parse_from([&["switchyard"], args, &["--addr", &addr]].concat()).unwrap();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = timeout(Duration::from_secs(20), run_with(cli, &mut out, &mut err)).await.expect("an end");
    (code, timeless(&plain(out)), plain(err).replace(&addr, "ADDR"))
}

/// The times at the beginnings of lines, and in JSON, replaced.
fn timeless(text: &str) -> String {
    let time = |word: &str| word.len() == 12 && word.bytes().filter(|b| *b == b':').count() == 2;
    let line = |line: &str| match line.split_once(' ') {
        Some((first, rest)) if time(first) => format!("TIME {rest}\n"),
        _ if line.starts_with(r#"{"time":""#) => {
            let (_, rest) = line.split_once(r#"","#).unwrap();
            format!("{{TIME,{rest}\n")
        }
        _ => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

#[tokio::test]
async fn a_watch_from_the_first_answer_to_the_end_of_the_server() {
    let (code, out, err) = run(&["get", "changes.b"], stub().await).await;
    let expect = "\
changes.b.svc.cluster.local (default/reviews, merged reading): 2 endpoints

ADDRESS      WEIGHT    SHARE  BACKEND  POD
10.0.0.1:80       1  50.00 %  v2       p-1
10.0.0.2:80       1  50.00 %  v3       p-2

TIME + added   10.0.0.3:80  v3  p-3  weight 1, share 50.00 %
TIME - removed 10.0.0.2:80  v3  p-2
TIME = now     2 endpoints: v2 50.00 % | v3 50.00 %
";
    assert_eq!(out, expect);
    assert_eq!(err, "error: the server at ADDR ended the stream: UNAVAILABLE: shutting down\n");
    assert_eq!(code, 1);
}

#[tokio::test]
async fn json_has_a_line_for_each_message() {
    let (code, out, _) = run(&["get", "changes.b", "-o", "json"], stub().await).await;
    let expect = r#"{TIME,"authority":"changes.b.svc.cluster.local","add":{"metric_labels":{"namespace":"default","service":"reviews"},"addrs":[{"addr":"10.0.0.1:80","weight":1,"metric_labels":{"pod":"p-1","service":"v2"}},{"addr":"10.0.0.2:80","weight":1,"metric_labels":{"pod":"p-2","service":"v3"}}]}}
{TIME,"authority":"changes.b.svc.cluster.local","add":{"metric_labels":{"namespace":"default","service":"reviews"},"addrs":[{"addr":"10.0.0.3:80","weight":1,"metric_labels":{"pod":"p-3","service":"v3"}}]}}
{TIME,"authority":"changes.b.svc.cluster.local","remove":{"addrs":["10.0.0.2:80"]}}
"#;
    assert_eq!((code, out.as_str()), (1, expect));
}

#[tokio::test]
async fn exit_codes() {
    let addr = stub().await;
    for (line, code, out, err) in [
        ("get changes.b --once -o json", 0, r#"{TIME,"authority":"changes.b.svc.cluster.local","add""#, ""),
        (
            "get stays.b --once",
            3,
            "stays.b.svc.cluster.local (merged reading): no endpoints: the service exists, but",
            "",
        ),
        (
            "get gone.b --once -o json",
            3,
            r#"{TIME,"authority":"gone.b.svc.cluster.local","no_endpoints":{"exists":false}}"#,
            "",
        ),
        (
            "get silent.b --timeout 100ms",
            1,
            "",
            "error: ADDR is connected but gave no answer within 100ms: a server says nothing before it has",
        ),
        ("get unopened.b --timeout 100ms", 1, "", "error: ADDR is connected but gave no answer within 100ms"),
        (
            "get nonsense --reading leaf",
            2,
            "",
            "error: the server at ADDR refused the request: INVALID_ARGUMENT: not an authority: nonsense.default.svc.cluster.local \
             ({\"split\":\"leaf\"})\n",
        ),
        ("profile unknown --once", 3, "unknown.default.svc.cluster.local: the empty profile", ""),
        (
            "profile p --once --token t",
            0,
            "p.default.svc.cluster.local: no overrides: traffic goes to the service itself\n\nname          p.default.svc.cluster.local t",
            "",
        ),
        (
            "profile p",
            1,
            "p.default.svc.cluster.local: no overrides",
            "error: the server at ADDR ended the stream: OK: no reason given\n",
        ),
    ] {
        let args: Vec<_> = line.split(' ').collect();
        let (exit, stdout, stderr) = run(&args, addr).await;
        assert!(stdout.starts_with(out) && (out.is_empty() == stdout.is_empty()), "{line}: {stdout}");
        assert!(stderr.starts_with(err) && (err.is_empty() == stderr.is_empty()), "{line}: {stderr}");
        assert_eq!(exit, code, "{line}");
    }
}

#[tokio::test]
async fn an_answer_of_50_000_endpoints_is_taken() {
    let (code, out, err) = run(&["get", "big.b", "--once"], stub().await).await;
    assert_eq!((code, out.lines().count(), err.as_str()), (0, 50_003, ""));
}

#[tokio::test]
async fn a_lost_connection_is_not_the_servers_word() {
    let server = stub().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut server = TcpStream::connect(server).await.unwrap();
        let _ = timeout(Duration::from_millis(300), copy_bidirectional(&mut client, &mut server)).await;
    });
    let (code, out, err) = run(&["get", "stays.b"], addr).await;
    assert_eq!((code, out.lines().count()), (1, 1));
    assert!(err.starts_with("error: the connection to ADDR is lost: "), "{err}");
}

#[tokio::test]
async fn something_else_listens_there() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        client.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        let _ = client.read_to_end(&mut Vec::new()).await;
    });
    let (code, out, err) = run(&["get", "stays.b"], addr).await;
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.starts_with("error: ADDR does not answer in gRPC: "), "{err}");
    assert!(err.ends_with("; is that the gRPC port of a Destination server (8086 by default)?\n"), "{err}");
}

#[tokio::test]
async fn nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    drop(listener);
    let (code, out, err) = run(&["get", "stays.b"], addr).await;
    assert_eq!((code, out.as_str()), (1, ""));
    assert_eq!(
        err,
        "error: cannot connect to ADDR: connection refused; is `switchyard serve` running there? (another \
         server: --addr host:port)\n"
    );
}

/// An output whose reader has gone.
struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_closed_pipe_is_no_failure() {
    let addr = stub().await.to_string();
    for line in [vec!["version"], vec!["get", "changes.b", "-o", "json", "--addr", &addr]] {
        let cli = Cli::try_parse_from([vec!["switchyard"], line].concat()).unwrap();
        let mut err = Vec::new();
        assert_eq!((run_with(cli, &mut Closed, &mut err).await, plain(err).as_str()), (0, ""));
    }

    let mut err = Vec::new();
    assert_eq!(report(Failure::Output(io::ErrorKind::StorageFull.into()), &mut err), Exit::Failed.code());
    assert_eq!(plain(err), "error: cannot write the output: no storage space\n");
}
