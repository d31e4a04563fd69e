//! Edits of a real folder -> batches. The clock of most of them is ours, so that every state on the disk is
//! looked at just as often as the test says, however busy the machine is.

mod loss;

use std::{fs, os::unix::fs::symlink, path::Path};

use tempfile::TempDir;
use tokio::{sync::mpsc, time::timeout};

use super::*;
use crate::{logs::captured::Captured, model::Kind, source::Event};

/// A folder, and who follows it.
struct Desk {
    dir: TempDir,
    manifests: Manifests,
    clock: Instant,
}

/// What is in a folder to begin with.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = TempDir::new().expect("a folder");
    fs::create_dir(dir.path().join("root")).expect("a folder");
    for (path, text) in files {
        write(&dir.path().join("root").join(path), text);
    }
    dir
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, text).expect("a file");
}

impl Desk {
    fn with(files: &[(&str, &str)]) -> Self {
        let dir = folder(files);
        let (manifests, _) = Manifests::open(dir.path().join("root")).expect("a folder that is there");
        Self { dir, manifests, clock: Instant::now() }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join("root").join(path)
    }

    fn write(&self, path: &str, text: &str) {
        write(&self.path(path), text);
    }

    fn remove(&self, path: &str) {
        fs::remove_file(self.path(path)).expect("it was there");
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).expect("it was there");
    }

    /// One look at the folder, 100 ms after the last.
    fn look(&mut self) -> Option<Batch> {
        self.clock += INTERVAL;
        let scan = self.manifests.folder.as_mut().expect("a folder").scan();
        self.manifests.observe(scan, self.clock)
    }

    /// Looks until something is new. That must take no more than three looks.
    #[track_caller]
    fn next(&mut self) -> Vec<String> {
        for _ in 0..4 {
            if let Some(batch) = self.look() {
                return events(&batch);
            }
        }
        panic!("nothing is new after four looks");
    }

    /// Looks a few times, and nothing may be new of any object.
    #[track_caller]
    fn nothing(&mut self, looks: usize) {
        for look in 0..looks {
            let events = self.look().map(|batch| events(&batch));
            assert!(events.as_ref().is_none_or(Vec::is_empty), "look {look}: {events:?}");
        }
    }

    fn findings(&self) -> Vec<String> {
        let findings = &self.manifests.collection.report().findings;
        findings.iter().map(|f| format!("{} {}", f.location, f.reason)).collect()
    }
}

/// Every event as `+ name:port` of a Service, or `- name`.
fn events(batch: &Batch) -> Vec<String> {
    let show = |event: &Event| match event {
        Event::Upsert(crate::model::Object::Service(s)) => format!("+ {}:{}", s.name.name, s.ports[0].port),
        Event::Upsert(object) => format!("+ {}", object.id()),
        Event::Remove(id) => format!("- {}", id.name.name),
        Event::Replace(kind, objects) | Event::ReplaceExcept(kind, objects, _) => {
            format!("= {kind} {}", objects.len())
        }
        Event::Folder(_) => unreachable!("it is left out"),
    };
    batch.events.iter().filter(|event| !matches!(event, Event::Folder(_))).map(show).collect()
}

/// A Service that nothing is made up for.
fn service(name: &str, port: u16) -> String {
    format!(
        "apiVersion: v1
kind: Service
metadata:
  name: {name}
spec:
  clusterIP: None
  ports:
  \
         - port: {port}
"
    )
}

#[test]
fn a_path_that_is_not_there_is_an_error_that_says_so() {
    let error = Manifests::open("/no/such/folder").expect_err("it is not there");
    assert_eq!(
        error.to_string(),
        "manifests at /no/such/folder cannot be read: No such file or directory (os error 2); \
         expected a folder of YAML files, or one such file"
    );
}

#[test]
fn opening_says_all_there_is() {
    let dir = folder(&[("a.yaml", &service("a", 1)), ("sub/b.json", "{}")]);
    let (manifests, batch) = Manifests::open(dir.path().join("root")).expect("a folder");
    assert_eq!(events(&batch)[0], "= Service 1");
    assert_eq!(events(&batch).len(), Kind::ALL.len());
    let report = batch.report.expect("the first batch has one");
    assert_eq!(report.files, 2);
    assert_eq!(report.findings[0].location.to_string(), "sub/b.json:1");
    drop(manifests);
}

#[test]
fn a_single_file_is_followed_too() {
    let mut desk = Desk::with(&[("a.yaml", &service("a", 1)), ("b.yaml", &service("b", 1))]);
    let (manifests, batch) = Manifests::open(desk.path("a.yaml")).expect("a file");
    assert_eq!(events(&batch)[0], "= Service 1");
    desk.manifests = manifests;
    desk.write("a.yaml", &service("a", 2));
    assert_eq!(desk.next(), ["+ a:2"]);
    desk.remove("a.yaml");
    desk.nothing(5);
    assert_eq!(desk.findings(), [format!("{} unreadable_file", desk.path("a.yaml").display())]);
    desk.write("a.yaml", &service("a", 3));
    assert_eq!(desk.next(), ["+ a:3"]);
    assert_eq!(desk.findings(), [""; 0]);
}

#[test]
fn a_file_written_in_place_is_taken() {
    let mut desk = Desk::with(&[("a.yaml", &service("a", 1))]);
    desk.nothing(3);
    desk.write("a.yaml", &service("a", 2));
    assert!(desk.look().is_none(), "it may be half written");
    assert_eq!(desk.look().map(|batch| events(&batch)), Some(vec!["+ a:2".to_owned()]));
    desk.nothing(5);
}

#[test]
fn a_file_written_beside_and_renamed_is_taken() {
    let mut desk = Desk::with(&[("a.yaml", &service("a", 1))]);
    desk.write("a.yaml.tmp", &service("a", 2));
    desk.nothing(3);
    desk.rename("a.yaml.tmp", "a.yaml");
    assert_eq!(desk.next(), ["+ a:2"]);
}

#[test]
fn a_file_moved_away_first_and_written_anew_is_never_away() {
    let mut desk = Desk::with(&[("a.yaml", &service("a", 1)), ("b.yaml", &service("b", 1))]);
    desk.rename("a.yaml", "a.yaml~");
    desk.nothing(2);
    desk.write("a.yaml", &service("a", 2));
    assert_eq!(desk.next(), ["+ a:2"]);
    desk.nothing(5);
}

#[test]
fn a_file_emptied_and_written_slowly_is_never_empty_nor_half() {
    let text = service("a", 2) + "---\n" + &service("b", 2);
    let mut desk = Desk::with(&[("a.yaml", &(service("a", 1) + "---\n" + &service("b", 1)))]);
    desk.write("a.yaml", "");
    desk.nothing(2);
    for end in [10, 60, 100, 150] {
        desk.write("a.yaml", &text[..end]);
        desk.nothing(1);
    }
    desk.write("a.yaml", &text);
    assert_eq!(desk.next(), ["+ a:2", "+ b:2"]);
}

#[test]
fn a_file_that_is_gone_for_a_moment_was_never_gone() {
    let mut desk = Desk::with(&[("a.yaml", &service("a", 1))]);
    desk.remove("a.yaml");
    desk.nothing(2);
    desk.write("a.yaml", &service("a", 1));
    desk.nothing(5);
}

#[test]
fn a_file_that_is_gone_is_gone() {
    let mut desk = Desk::with(&[("a.yaml", &service("a", 1)), ("b.yaml", &service("b", 1))]);
    desk.remove("a.yaml");
    assert_eq!(desk.next(), ["- a"]);
    desk.remove("b.yaml");
    assert_eq!(desk.next(), ["- b"], "an empty folder is what the user wants");
    assert_eq!(desk.manifests.collection.report().files, 0);
}

#[test]
fn a_config_map_is_swapped_in_one_step() {
    let mut desk = Desk::with(&[("..1/a.yaml", &service("a", 1)), ("..1/b.yaml", &service("b", 1))]);
    symlink("..1", desk.path("..data")).expect("a link");
    for file in ["a.yaml", "b.yaml"] {
        symlink(format!("..data/{file}"), desk.path(file)).expect("a link");
    }
    assert_eq!(desk.next(), ["+ a:1", "+ b:1"]);
    desk.write("..2/a.yaml", &service("a", 2));
    desk.write("..2/b.yaml", &service("c", 2));
    desk.nothing(3);
    symlink("..2", desk.path("..data_tmp")).expect("a link");
    desk.rename("..data_tmp", "..data");
    fs::remove_dir_all(desk.path("..1")).expect("it was there");
    assert_eq!(desk.next(), ["+ a:2", "+ c:2", "- b"]);
    desk.nothing(5);
}

#[test]
fn a_broken_file_changes_nothing_until_it_is_mended() {
    let mut desk = Desk::with(&[("a.yaml", &service("a", 1))]);
    desk.write("a.yaml", &(service("a", 2) + "  oops\n"));
    desk.nothing(5);
    assert_eq!(desk.findings(), ["a.yaml:9 unreadable_file"]);
    fs::write(desk.path("a.yaml"), b"\xff\xfe").expect("a file");
    desk.nothing(5);
    assert_eq!(desk.findings(), ["a.yaml:1 unreadable_file"]);
    desk.write("a.yaml", &service("a", 3));
    assert_eq!(desk.next(), ["+ a:3"]);
    assert_eq!(desk.findings(), [""; 0]);
}

#[test]
fn many_files_changed_one_after_the_other_are_one_change() {
    let names: Vec<_> = (0..20).map(|i| format!("s{i:02}")).collect();
    let mut desk = Desk::with(&[]);
    for (look, some) in names.chunks(5).enumerate() {
        for name in some {
            desk.write(&format!("{name}.yaml"), &service(name, 1));
        }
        desk.nothing(1);
        assert!(look < 4);
    }
    assert_eq!(desk.next(), names.iter().map(|name| format!("+ {name}:1")).collect::<Vec<_>>());
}

#[test]
fn a_file_that_is_renamed_is_no_news() {
    let mut desk = Desk::with(&[("a.yaml", &service("a", 1))]);
    desk.rename("a.yaml", "b.yaml");
    desk.nothing(6);
    assert_eq!(desk.manifests.collection.report().origins.len(), 1);
}

#[test]
fn sub_folders_come_and_go() {
    let mut desk = Desk::with(&[("a.yaml", &service("a", 1))]);
    desk.write("sub/deep/b.yaml", &service("b", 1));
    assert_eq!(desk.next(), ["+ b:1"]);
    desk.rename("sub", "bus");
    desk.nothing(6);
    fs::remove_dir_all(desk.path("bus")).expect("it was there");
    assert_eq!(desk.next(), ["- b"]);
}

#[test]
fn a_folder_that_is_gone_or_empty_is_called_as_it_was_given() {
    let mut desk = Desk::with(&[("a.yaml", &service("a", 1))]);
    let root = desk.dir.path().join("root");
    let (aside, held) = (desk.dir.path().join("aside"), "what was read there last is still served");
    fs::rename(&root, &aside).expect("moved");
    desk.nothing(4);
    let [finding] = &desk.manifests.collection.report().findings[..] else { panic!("one finding") };
    assert_eq!(&*finding.location.file, &*root);
    assert!(
        finding.message.starts_with("cannot be read: ") && finding.message.ends_with(held),
        "{finding:?}"
    );

    fs::rename(&aside, &root).expect("moved back");
    desk.nothing(4);
    desk.remove("a.yaml");
    assert_eq!(desk.next(), ["- a"]);
    assert_eq!(desk.findings(), [format!("{} no_manifests", root.display())]);
}

#[test]
fn a_file_that_takes_its_objects_with_it_is_logged_once() {
    let logs = Captured::at(tracing::Level::WARN);
    let mut desk = Desk::with(&[
        ("a.yaml", &(service("a", 1) + "---\n" + &service("b", 1))),
        ("c.yaml", &service("c", 1)),
    ]);
    desk.manifests = desk.manifests.empty_after(Duration::ZERO);
    desk.remove("c.yaml");
    assert_eq!(desk.next(), ["- c"]);
    desk.write("a.yaml", "");
    for _ in 0..30 {
        desk.look();
    }
    let path = |name| desk.path(name).display().to_string();
    let expected = [
        format!("WARN {} is gone: the 1 object in it went with it, and clients are told so", path("c.yaml")),
        format!(
            "WARN {} has no object any more: the 2 objects in it went with it, and clients are told so",
            path("a.yaml")
        ),
    ];
    assert_eq!(logs.lines(), expected);
}

#[test]
fn a_folder_that_is_emptied_is_no_flood_in_the_log() {
    let logs = Captured::at(tracing::Level::WARN);
    let files: Vec<_> =
        (0..GONE_LOGGED + 5).map(|n| (format!("f{n}.yaml"), service(&format!("s{n}"), 1))).collect();
    let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let mut desk = Desk::with(&files);
    desk.manifests = desk.manifests.empty_after(Duration::ZERO);
    files.iter().for_each(|(path, _)| desk.remove(path));
    desk.next();
    let lines = logs.lines();
    assert_eq!(lines.len(), GONE_LOGGED + 1);
    assert_eq!(lines[GONE_LOGGED], "WARN so did 5 objects in 5 more files");
}

#[test]
fn a_folder_that_is_gone_takes_nothing_with_it() {
    let mut desk = Desk::with(&[("a.yaml", &service("a", 1))]);
    let away = desk.dir.path().join("away");
    fs::rename(desk.path(""), &away).expect("it was there");
    desk.nothing(20);
    assert_eq!(
        desk.findings(),
        [format!("{} unreadable_file", desk.path("").display().to_string().trim_end_matches('/'))]
    );
    fs::rename(&away, desk.path("")).expect("it was there");
    desk.nothing(5);
    assert_eq!(desk.findings(), [""; 0]);
    // And one that is written anew.
    fs::remove_dir_all(desk.path("")).expect("it was there");
    desk.nothing(5);
    desk.write("a.yaml", &service("a", 2));
    assert_eq!(desk.next(), ["+ a:2"]);
}

#[test]
fn one_more_replica_of_ten_thousand_is_a_small_change() {
    let app = |replicas: u32| {
        let template =
            "    metadata: { labels: { app: web } }\n    spec: { containers: [{ name: web, image: x }] }";
        let service = "selector: { app: web }, ports: [{ port: 80 }]";
        format!(
            "apiVersion: apps/v1
kind: Deployment
metadata: {{ name: web }}
spec:
  \
             replicas: {replicas}
  selector: {{ matchLabels: {{ app: web }} }}
  template:
{template}
---
\
             apiVersion: v1
kind: Service
metadata: {{ name: web }}
spec: {{ {service} }}
"
        )
    };
    let mut desk = Desk::with(&[("app.yaml", &app(10_000))]);
    desk.write("app.yaml", &app(10_001));
    let kinds: Vec<_> =
        desk.next().iter().map(|e| e.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect();
    assert!(kinds.len() <= 4, "{kinds:?}");
    assert_eq!(kinds.iter().filter(|kind| *kind == "+ Pod").count(), 1);
    desk.write("app.yaml", &app(10_000));
    assert!(desk.next().len() <= 4);
}

/// Real time from here on: whether it reaches the channel, not when to the millisecond.
async fn receive(batches: &mut mpsc::Receiver<Batch>) -> Vec<String> {
    let batch = timeout(Duration::from_secs(20), batches.recv()).await;
    events(&batch.expect("a batch within the time").expect("the source is alive"))
}

#[tokio::test]
async fn edits_reach_the_channel() {
    let dir = folder(&[("a.yaml", &service("a", 1))]);
    let (manifests, _) = Manifests::open(dir.path().join("root")).expect("a folder");
    let (sender, mut batches) = mpsc::channel(1);
    let following = tokio::spawn(manifests.follow(sender));
    write(&dir.path().join("root/a.yaml"), &service("a", 2));
    assert_eq!(receive(&mut batches).await, ["+ a:2"]);
    fs::remove_file(dir.path().join("root/a.yaml")).expect("it was there");
    assert_eq!(receive(&mut batches).await, ["- a"]);
    drop(batches);
    timeout(Duration::from_secs(20), following).await.expect("it ends with its receiver").expect("in peace");
}

#[tokio::test]
async fn a_slow_receiver_gets_the_difference_to_what_it_has() {
    let dir = folder(&[("a.yaml", &service("a", 1))]);
    let path = dir.path().join("root/a.yaml");
    let (mut manifests, _) = Manifests::open(dir.path().join("root")).expect("a folder");
    let (sender, mut batches) = mpsc::channel(1);
    sender.send(Batch::default()).await.expect("the channel is new");
    write(&path, &service("a", 2));
    let mut clock = Instant::now();
    let mut look = |manifests: &mut Manifests| {
        clock += INTERVAL;
        let scan = manifests.folder.as_mut().expect("a folder").scan();
        manifests.observe(scan, clock)
    };
    assert!(look(&mut manifests).is_none());
    let waiting = look(&mut manifests).expect("it is at rest");
    // It is sent while the channel is full; meanwhile the file changes twice.
    let sending = tokio::spawn(async move { sender.send(waiting).await.map(|()| sender) });
    write(&path, &service("a", 3));
    write(&path, &service("a", 4));
    assert_eq!(receive(&mut batches).await, [""; 0]);
    assert_eq!(receive(&mut batches).await, ["+ a:2"]);
    let sender = sending.await.expect("no panic").expect("the receiver is alive");
    tokio::spawn(manifests.follow(sender));
    assert_eq!(receive(&mut batches).await, ["+ a:4"]);
}
