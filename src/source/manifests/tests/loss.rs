//! Losing most of a folder at once, which is doubted for a while.

use tokio::time::advance;

use super::*;

const FILES: [&str; 5] = ["a.yaml", "b.yaml", "c.yaml", "d.yaml", "e.yaml"];

/// Five files with a Service each.
fn desk() -> Desk {
    let files = FILES.map(|file| (file, service(&file[..1], 1)));
    Desk::with(&files.each_ref().map(|(file, text)| (*file, text.as_str())))
}

fn remove(desk: &Desk, files: &[&str]) {
    files.iter().for_each(|file| desk.remove(file));
}

#[tokio::test(start_paused = true)]
async fn emptied_folder_is_served_on_for_30_seconds_and_then_believed() {
    let mut desk = desk();
    remove(&desk, &FILES);
    desk.nothing(10);
    assert_eq!(desk.findings(), [format!("{} loss_doubted", desk.dir.path().join("root").display())]);

    advance(Duration::from_secs(29)).await;
    desk.nothing(3);
    advance(Duration::from_secs(2)).await;

    assert_eq!(desk.next(), ["- a", "- b", "- c", "- d", "- e"]);
    assert!(desk.findings().iter().all(|finding| finding.ends_with("no_manifests")), "{:?}", desk.findings());
}

#[tokio::test(start_paused = true)]
async fn folder_that_returns_in_time_changes_nothing_but_what_it_changes() {
    let mut desk = desk();
    remove(&desk, &FILES);
    desk.nothing(10);

    for file in FILES {
        desk.write(file, &service(&file[..1], if file == "b.yaml" { 2 } else { 1 }));
    }

    assert_eq!(desk.next(), ["+ b:2"]);
    assert_eq!(desk.findings(), [""; 0]);
    advance(Duration::from_secs(60)).await;
    desk.nothing(3);
}

#[tokio::test(start_paused = true)]
async fn object_that_returns_invalid_has_its_last_valid_version() {
    let mut desk = desk();
    remove(&desk, &FILES);
    desk.nothing(10);

    for file in FILES {
        desk.write(file, &service(&file[..1], if file == "b.yaml" { 0 } else { 1 }));
    }

    desk.nothing(10);
    assert_eq!(desk.findings().len(), 1);
    assert!(desk.findings()[0].ends_with("invalid_object"), "{:?}", desk.findings());
}

#[tokio::test(start_paused = true)]
async fn loss_of_most_services_is_doubted_and_of_fewer_believed() {
    let mut desk = desk();
    remove(&desk, &FILES[..2]);
    assert_eq!(desk.next(), ["- a", "- b"]);

    remove(&desk, &FILES[2..4]);
    desk.nothing(10);
    advance(Duration::from_secs(31)).await;
    assert_eq!(desk.next(), ["- c", "- d"]);
}

#[tokio::test(start_paused = true)]
async fn loss_of_most_services_within_one_file_is_an_edit() {
    let both = format!("{}---\n{}---\n{}", service("a", 1), service("b", 1), service("c", 1));
    let mut desk = Desk::with(&[("all.yaml", &both)]);
    desk.write("all.yaml", &service("b", 1));
    assert_eq!(desk.next(), ["- a", "- c"]);
}

#[tokio::test(start_paused = true)]
async fn last_object_of_a_folder_is_believed_to_be_gone() {
    let mut desk = Desk::with(&[("a.yaml", &service("a", 1))]);
    desk.remove("a.yaml");
    assert_eq!(desk.next(), ["- a"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_doubted_where_the_operator_wants_it_so() {
    let mut desk = desk();
    desk.manifests = desk.manifests.empty_after(Duration::ZERO);
    remove(&desk, &FILES);
    assert_eq!(desk.next(), ["- a", "- b", "- c", "- d", "- e"]);
}

#[tokio::test(start_paused = true)]
async fn files_that_went_are_logged_once_that_is_believed() {
    let log = Captured::at(tracing::Level::INFO);
    let mut desk = desk();
    remove(&desk, &FILES);
    desk.nothing(10);
    assert_eq!(log.lines(), [""; 0]);

    advance(Duration::from_secs(31)).await;
    desk.next();
    assert_eq!(log.lines().len(), FILES.len());
}
