//! An API server that does what a script says: lists with pages, watches with bookmarks, streamed lists,
//! discovery, tokens, and every way in which any of these goes wrong.
//!
//! HTTP by hand, so that a test can do to a connection whatever a network does.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    time::{Instant, sleep, timeout},
};

/// What goes wrong with requests for a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Every request has this code for an answer.
    Refuse(u16),
    /// Lists have this code for an answer, watches go on.
    RefuseLists(u16),
    /// Every connection is reset, open ones too.
    Reset,
    /// Nothing is sent any more, and no connection is closed.
    Silent,
    /// Watches begin and then say nothing at all, not even their end.
    SilentWatches,
    /// Answers come in pieces, a moment between them.
    Slow,
    /// Lists break off in the middle of an object.
    HalfLists,
    /// The second page of a list, or the second half of a streamed one, is an error with this code.
    PageError(u16),
    /// Every watch is told that its version is gone.
    Gone,
    /// Lists and watches are those of a server that stopped hearing of changes long ago.
    Stale,
    /// Watches say nothing but bookmarks, a lot of them.
    Bookmarks,
    /// Watches say something that is no JSON.
    Garbage,
    /// Watches end as soon as they have begun.
    EndAtOnce,
    /// Lists are something else, with a code that says all is well.
    NoList,
}

impl Fault {
    /// Whether watches are what they would be without it.
    fn lets_watches_go_on(self) -> bool {
        use Fault::{HalfLists, NoList, PageError, RefuseLists, Slow};
        matches!(self, RefuseLists(_) | Slow | HalfLists | PageError(_) | NoList)
    }
}

/// An API server.
#[derive(Clone)]
pub(super) struct Fake {
    pub(super) addr: SocketAddr,
    world: Arc<Mutex<World>>,
    changed: watch::Sender<u64>,
}

/// Objects by kind and name.
type Objects = BTreeMap<(String, String), Value>;

/// What it knows.
struct World {
    version: u64,
    objects: Objects,
    /// All that ever happened: version, kind, event, object.
    log: Vec<(u64, String, &'static str, Value)>,
    /// Watches from before this version have to list anew.
    compacted: u64,
    /// What a stale server knows.
    stale: Option<(u64, Objects)>,
    /// Groups of custom kinds, and the versions in which they are served.
    groups: BTreeMap<String, Vec<String>>,
    /// Versions that groups have because of kinds that are not ours.
    of_others: BTreeSet<String>,
    faults: BTreeMap<String, Fault>,
    streams_lists: bool,
    page: usize,
    /// Connections older than this are dead, and nobody is told.
    dropped: u64,
    accepted: u64,
    token: String,
    heard: Heard,
}

/// What was asked.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard {
    /// Requests of each kind and form: `pods list`, `pods page`, `pods stream`, `pods watch`.
    pub(super) requests: BTreeMap<String, usize>,
    /// What was wrong with requests, whatever the test is about.
    pub(super) wrong: Vec<String>,
}

impl Fake {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("bound");
        let groups = [
            ("apps", "v1"),
            ("batch", "v1"),
            ("discovery.k8s.io", "v1"),
            ("split.smi-spec.io", "v1alpha1"),
            ("linkerd.io", "v1alpha2"),
            ("policy.linkerd.io", "v1beta3"),
            ("workload.linkerd.io", "v1beta1"),
        ];
        let world = World {
            version: 100,
            objects: BTreeMap::new(),
            log: Vec::new(),
            compacted: 0,
            stale: None,
            groups: groups.map(|(group, version)| (group.to_owned(), vec![version.to_owned()])).into(),
            of_others: BTreeSet::new(),
            faults: BTreeMap::new(),
            streams_lists: true,
            page: 2,
            dropped: 0,
            accepted: 0,
            token: "first".to_owned(),
            heard: Heard::default(),
        };
        let fake = Self { addr, world: Arc::new(Mutex::new(world)), changed: watch::Sender::new(0) };
        let server = fake.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("it accepts");
                let server = server.clone();
                // A peer that is gone is the peer's own affair.
                tokio::spawn(async move { _ = server.serve(stream).await });
            }
        });
        fake
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("no panic holds it")
    }

    fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let done = change(&mut self.world());
        self.changed.send_modify(|count| *count += 1);
        done
    }

    /// The object exists, as this kind of thing: `pods`, `services`.
    pub(super) fn put(&self, plural: &str, mut object: Value) {
        self.change(|world| {
            world.version += 1;
            object["metadata"]["resourceVersion"] = world.version.to_string().into();
            let key = (plural.to_owned(), key_of(&object));
            let event = if world.objects.contains_key(&key) { "MODIFIED" } else { "ADDED" };
            world.log.push((world.version, plural.to_owned(), event, object.clone()));
            world.objects.insert(key, object);
        });
    }

    /// The object is gone.
    pub(super) fn delete(&self, plural: &str, name: &str) {
        self.change(|world| {
            world.version += 1;
            let mut object = world.objects.remove(&(plural.to_owned(), name.to_owned())).expect("it exists");
            object["metadata"]["resourceVersion"] = world.version.to_string().into();
            world.log.push((world.version, plural.to_owned(), "DELETED", object));
        });
    }

    /// From now on this goes wrong with a kind; with `*` for all of them, with `apis` for the discovery.
    pub(super) fn fault(&self, plural: &str, fault: Fault) {
        self.change(|world| _ = world.faults.insert(plural.to_owned(), fault));
    }

    /// Everything works again.
    pub(super) fn heal(&self) {
        self.change(|world| world.faults.clear());
    }

    /// Packets of all connections that are there now are dropped; new connections work.
    pub(super) fn drop_packets(&self) {
        self.change(|world| world.dropped = world.accepted);
    }

    /// The history of a kind has something in it that is no JSON.
    pub(super) fn spoil(&self, plural: &str) {
        self.change(|world| {
            world.version += 1;
            world.log.push((world.version, plural.to_owned(), NO_EVENT, Value::Null));
        });
    }

    /// What is known now is what a [stale](Fault::Stale) server knows.
    pub(super) fn remember(&self) {
        self.change(|world| world.stale = Some((world.version, world.objects.clone())));
    }

    /// The cluster is restored from a backup: it has what was remembered, and counts on from there.
    pub(super) fn restore(&self) {
        self.change(|world| {
            let (version, objects) = world.stale.clone().expect("something was remembered");
            world.log.retain(|(at, ..)| *at <= version);
            (world.version, world.objects) = (version, objects);
        });
    }

    /// History before now is forgotten.
    pub(super) fn compact(&self) {
        self.change(|world| {
            world.version += 1;
            world.compacted = world.version;
        });
    }

    /// The versions in which a group is served; none for a group that is not defined.
    pub(super) fn serve_group(&self, group: &str, versions: &[&str]) {
        let versions: Vec<_> = versions.iter().map(|&version| version.to_owned()).collect();
        self.change(|world| _ = world.groups.insert(group.to_owned(), versions));
    }

    /// A version of a group that only other kinds have.
    pub(super) fn serve_others(&self, version: &str) {
        self.change(|world| _ = world.of_others.insert(version.to_owned()));
    }

    /// Whether lists can be streamed.
    pub(super) fn stream_lists(&self, yes: bool) {
        self.change(|world| world.streams_lists = yes);
    }

    /// The only token that is accepted.
    pub(super) fn accept_token(&self, token: &str) {
        self.change(|world| world.token = token.to_owned());
    }

    pub(super) fn heard(&self) -> Heard {
        self.world().heard.clone()
    }

    /// How often something was asked: `pods watch`.
    pub(super) fn count(&self, what: &str) -> usize {
        self.world().heard.requests.get(what).copied().unwrap_or(0)
    }

    async fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let id = {
            let mut world = self.world();
            world.accepted += 1;
            world.accepted
        };
        let dies = async {
            let mut changed = self.changed.subscribe();
            let dropped = || self.world().dropped;
            while dropped() < id {
                changed.changed().await.expect("this holds the sender");
            }
        };
        tokio::select! {
            biased;
            () = dies => {}
            served = self.serve_requests(&mut stream) => return served,
        }
        // Neither an answer nor an end.
        sleep(Duration::from_secs(600)).await;
        Ok(())
    }

    async fn serve_requests(&self, stream: &mut TcpStream) -> io::Result<()> {
        loop {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                if stream.read_buf(&mut head).await? == 0 {
                    return Ok(());
                }
            }
            let head = String::from_utf8(head).expect("text");
            let request = Request::parse(&head);
            self.answer(stream, &request).await?;
        }
    }

    fn fault_of(&self, request: &Request) -> Option<Fault> {
        let world = self.world();
        world.faults.get(&request.plural).or_else(|| world.faults.get("*")).copied()
    }

    async fn answer(&self, stream: &mut TcpStream, request: &Request) -> io::Result<()> {
        let fault = self.fault_of(request);
        {
            let mut world = self.world();
            *world.heard.requests.entry(format!("{} {}", request.plural, request.form())).or_default() += 1;
            let wrong = request.wrong();
            world.heard.wrong.extend(wrong.map(|wrong| format!("{wrong}: {request:?}")));
        }
        match fault {
            Some(Fault::Reset) => return reset(stream),
            Some(Fault::Silent) => {
                self.while_faulty(stream, request, Fault::Silent).await;
                return reset(stream);
            }
            Some(Fault::Refuse(code)) => return refuse(stream, code).await,
            Some(Fault::RefuseLists(code)) if request.form() != "watch" => return refuse(stream, code).await,
            _ => {}
        }
        if request.token != self.world().token {
            return refuse(stream, 401).await;
        }
        if request.plural == "apis" {
            let groups = self.world().groups.clone();
            let versions = |group: &str, versions: &[String]| -> Vec<Value> {
                versions
                    .iter()
                    .map(|v| json!({"groupVersion": format!("{group}/{v}"), "version": v}))
                    .collect()
            };
            let groups: Vec<_> = groups
                .iter()
                .filter(|(_, served)| !served.is_empty())
                .map(|(group, served)| json!({"name": group, "versions": versions(group, served)}))
                .collect();
            let list = json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups});
            return whole(stream, 200, &list.to_string()).await;
        }
        if !self.is_served(request) {
            return refuse(stream, 404).await;
        }
        match request.form() {
            "watch" => self.watch(stream, request, fault).await,
            "stream" => self.stream(stream, request, fault).await,
            _ => self.list(stream, request, fault).await,
        }
    }

    fn is_served(&self, request: &Request) -> bool {
        let world = self.world();
        let has = |served: &Vec<String>| served.contains(&request.version);
        request.group.is_empty()
            || world.groups.get(&request.group).is_some_and(has)
                && !world.of_others.contains(&request.version)
    }

    /// Waits until the fault is another one, or the peer hangs up.
    async fn while_faulty(&self, stream: &mut TcpStream, request: &Request, fault: Fault) {
        let mut changed = self.changed.subscribe();
        let mut byte = [0];
        while self.fault_of(request) == Some(fault) {
            tokio::select! {
                _ = changed.changed() => {}
                _ = stream.read(&mut byte) => return,
            }
        }
    }

    /// What there is of a kind, and as of when.
    fn known(&self, plural: &str, fault: Option<Fault>) -> (u64, Vec<Value>) {
        let world = self.world();
        let (version, objects) = match &world.stale {
            Some((version, objects)) if fault == Some(Fault::Stale) => (*version, objects),
            _ => (world.version, &world.objects),
        };
        let of_kind = objects.iter().filter(|((kind, _), _)| kind == plural);
        (version, of_kind.map(|(_, object)| object.clone()).collect())
    }

    async fn list(&self, stream: &mut TcpStream, request: &Request, fault: Option<Fault>) -> io::Result<()> {
        let (version, mut objects) = self.known(&request.plural, fault);
        let from: usize = request.query("continue").map_or(0, |token| token.parse().expect("our token"));
        if let (Some(Fault::PageError(code)), true) = (fault, from > 0) {
            return refuse(stream, code).await;
        }
        if fault == Some(Fault::NoList) {
            return whole(stream, 200, r#"{"kind":"Status","metadata":{},"status":"Failure"}"#).await;
        }
        let page = self.world().page;
        let rest = objects.len().saturating_sub(from + page);
        objects = objects.into_iter().skip(from).take(page).collect();
        let mut metadata = json!({"resourceVersion": version.to_string()});
        if rest > 0 {
            metadata["continue"] = (from + page).to_string().into();
            metadata["remainingItemCount"] = rest.into();
        }
        let list = json!({"kind": "List", "metadata": metadata, "items": objects}).to_string();
        match fault {
            Some(Fault::HalfLists) => {
                begin(stream).await?;
                chunk(stream, &list[..list.len() - 3]).await?;
                reset(stream)
            }
            Some(Fault::Slow) => {
                begin(stream).await?;
                for piece in list.as_bytes().chunks(list.len() / 4 + 1) {
                    sleep(Duration::from_millis(100)).await;
                    chunk(stream, std::str::from_utf8(piece).expect("ASCII")).await?;
                }
                chunk(stream, "").await
            }
            _ => whole(stream, 200, &list).await,
        }
    }

    /// A list in the form of a watch.
    async fn stream(
        &self,
        stream: &mut TcpStream,
        request: &Request,
        fault: Option<Fault>,
    ) -> io::Result<()> {
        if !self.world().streams_lists {
            return refuse(stream, 422).await;
        }
        let (version, objects) = self.known(&request.plural, fault);
        begin(stream).await?;
        if fault == Some(Fault::NoList) {
            return chunk(stream, "{\"kind\":\"Status\",\"metadata\":{},\"status\":\"Failure\"}\n").await;
        }
        let half = objects.len().div_ceil(2);
        for (index, object) in objects.iter().enumerate() {
            if index == half {
                match fault {
                    Some(Fault::PageError(code)) => {
                        event(stream, "ERROR", &status(code)).await?;
                        return chunk(stream, "").await;
                    }
                    Some(Fault::HalfLists) => break,
                    Some(Fault::Slow) => sleep(Duration::from_millis(300)).await,
                    _ => {}
                }
            }
            event(stream, "ADDED", object).await?;
        }
        if fault == Some(Fault::HalfLists) {
            chunk(stream, "{\"type\":\"ADDED\",\"object\":{\"meta").await?;
            return reset(stream);
        }
        let end = json!({"metadata": {
            "resourceVersion": version.to_string(), "annotations": {"k8s.io/initial-events-end": "true"},
        }});
        event(stream, "BOOKMARK", &end).await?;
        // It would go on as a watch; the peer has what it wants.
        let mut byte = [0];
        _ = timeout(Duration::from_secs(5), stream.read(&mut byte)).await;
        reset(stream)
    }

    async fn watch(&self, stream: &mut TcpStream, request: &Request, fault: Option<Fault>) -> io::Result<()> {
        let seconds: u64 =
            request.query("timeoutSeconds").expect("a watch has an end").parse().expect("a number");
        let end = Instant::now() + Duration::from_secs(seconds);
        let mut seen: u64 =
            request.query("resourceVersion").expect("a watch has a beginning").parse().expect("ours");
        let mut changed = self.changed.subscribe();
        begin(stream).await?;
        if fault == Some(Fault::EndAtOnce) {
            return chunk(stream, "").await;
        }
        let mut byte = [0];
        if fault == Some(Fault::Gone) {
            event(stream, "ERROR", &status(410)).await?;
            return chunk(stream, "").await;
        }
        loop {
            if seen < self.world().compacted && self.fault_of(request).is_none_or(Fault::lets_watches_go_on) {
                event(stream, "ERROR", &status(410)).await?;
                return chunk(stream, "").await;
            }
            match self.fault_of(request) {
                Some(Fault::Reset) => return reset(stream),
                Some(fault @ (Fault::Silent | Fault::SilentWatches)) => {
                    self.while_faulty(stream, request, fault).await;
                    return reset(stream);
                }
                Some(Fault::Gone) => {
                    event(stream, "ERROR", &status(410)).await?;
                    return chunk(stream, "").await;
                }
                Some(Fault::Garbage) => {
                    chunk(stream, "{\"type\":<html>\n").await?;
                    return chunk(stream, "").await;
                }
                Some(Fault::Refuse(code)) => {
                    event(stream, "ERROR", &status(code)).await?;
                    return chunk(stream, "").await;
                }
                Some(Fault::Bookmarks) => {
                    let bookmark = json!({"metadata": {"resourceVersion": seen.to_string()}});
                    for _ in 0..100 {
                        event(stream, "BOOKMARK", &bookmark).await?;
                    }
                    sleep(Duration::from_millis(20)).await;
                }
                fault => {
                    let (now, news) = {
                        let world = self.world();
                        let stale = world.stale.as_ref().map(|(version, _)| *version);
                        let now = stale.filter(|_| fault == Some(Fault::Stale)).unwrap_or(world.version);
                        let news = world
                            .log
                            .iter()
                            .filter(|(at, plural, ..)| *at > seen && *at <= now && *plural == request.plural);
                        (now, news.cloned().collect::<Vec<_>>())
                    };
                    for (_, _, kind, object) in news {
                        if fault == Some(Fault::Slow) {
                            sleep(Duration::from_millis(50)).await;
                        }
                        event(stream, kind, &object).await?;
                    }
                    seen = seen.max(now);
                    // As a real one: a watch that knows more than the server does is told nothing at all.
                    if Instant::now() >= end {
                        if now >= seen {
                            let bookmark = json!({"metadata": {"resourceVersion": seen.to_string()}});
                            event(stream, "BOOKMARK", &bookmark).await?;
                        }
                        return chunk(stream, "").await;
                    }
                }
            }
            if Instant::now() >= end {
                return chunk(stream, "").await;
            }
            tokio::select! {
                _ = changed.changed() => {}
                () = tokio::time::sleep_until(end) => {}
                read = stream.read(&mut byte) => if read? == 0 { return Ok(()); },
                () = sleep(Duration::from_millis(20)), if self.fault_of(request) == Some(Fault::Bookmarks) => {}
            }
        }
    }
}

/// A request, as far as it matters.
#[derive(Debug)]
struct Request {
    group: String,
    version: String,
    plural: String,
    query: BTreeMap<String, String>,
    accept: String,
    token: String,
}

/// Stands for something that is no event.
const NO_EVENT: &str = "";

const METADATA_ONLY: [&str; 3] = ["nodes", "replicasets", "jobs"];

impl Request {
    fn parse(head: &str) -> Self {
        let target = head.split(' ').nth(1).expect("a request line");
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let parts: Vec<_> = path.trim_matches('/').split('/').collect();
        let (group, version, plural) = match parts[..] {
            ["apis"] => ("", "", "apis"),
            ["api", version, plural] => ("", version, plural),
            ["apis", group, version, plural] => (group, version, plural),
            _ => panic!("nobody asks for that: {path}"),
        };
        let header = |name: &str| {
            let mut lines = head.lines().filter_map(|line| line.split_once(": "));
            lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
        };
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        Self {
            group: group.to_owned(),
            version: version.to_owned(),
            plural: plural.to_owned(),
            query: pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
            accept: header("accept").unwrap_or_default(),
            token: header("authorization").unwrap_or_default().trim_start_matches("Bearer ").to_owned(),
        }
    }

    fn query(&self, key: &str) -> Option<&str> {
        self.query.get(key).map(String::as_str)
    }

    fn form(&self) -> &'static str {
        match (self.query("watch"), self.query("sendInitialEvents"), self.query("continue")) {
            (Some("true"), Some("true"), _) => "stream",
            (Some("true"), ..) => "watch",
            (.., Some(_)) => "page",
            _ => "list",
        }
    }

    /// What a real API server would not take, or would make too much of.
    fn wrong(&self) -> Option<&'static str> {
        let watches = self.query("watch").is_some();
        let accept = match (METADATA_ONLY.contains(&self.plural.as_str()), watches) {
            (false, _) => "application/json",
            (true, true) => "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
            (true, false) => "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
        };
        let streams = self.query("sendInitialEvents").is_some();
        if self.accept != accept {
            Some("asks for it in another form")
        } else if streams && self.query("resourceVersionMatch") != Some("NotOlderThan") {
            Some("a streamed list says how new it has to be")
        } else if watches && self.query("allowWatchBookmarks") != Some("true") {
            Some("a watch without bookmarks")
        } else if !watches && self.plural != "apis" && self.query("limit").is_none() {
            Some("a list without pages")
        } else {
            None
        }
    }
}

/// `namespace/name`, or the name alone.
fn key_of(object: &Value) -> String {
    let name = object["metadata"]["name"].as_str().expect("a name");
    match object["metadata"]["namespace"].as_str() {
        Some(namespace) => format!("{namespace}/{name}"),
        None => name.to_owned(),
    }
}

fn status(code: u16) -> Value {
    let message = match code {
        403 => "User \"switchyard\" cannot do that at the cluster scope",
        410 => "too old resource version",
        429 => "Too many requests",
        _ => "it is not to be",
    };
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": code, "message": message})
}

/// Hangs up without a word, as a machine that was rebooted does.
fn reset(stream: &TcpStream) -> io::Result<()> {
    stream.set_zero_linger()?;
    Err(io::ErrorKind::ConnectionReset.into())
}

async fn refuse(stream: &mut TcpStream, code: u16) -> io::Result<()> {
    whole(stream, code, &status(code).to_string()).await
}

async fn whole(stream: &mut TcpStream, code: u16, text: &str) -> io::Result<()> {
    let length = text.len();
    let head = format!(
        "HTTP/1.1 {code} x\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
         {}\r\n",
        if code == 429 { "retry-after: 1\r\n" } else { "" }
    );
    stream.write_all((head + text).as_bytes()).await
}

async fn begin(stream: &mut TcpStream) -> io::Result<()> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\
                transfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await
}

/// A piece of an answer; an empty one is its end.
async fn chunk(stream: &mut TcpStream, text: &str) -> io::Result<()> {
    stream.write_all(format!("{:x}\r\n{text}\r\n", text.len()).as_bytes()).await
}

async fn event(stream: &mut TcpStream, kind: &str, object: &Value) -> io::Result<()> {
    if kind == NO_EVENT {
        return chunk(stream, "{\"type\":<html>\n").await;
    }
    chunk(stream, &format!("{}\n", json!({"type": kind, "object": object}))).await
}
