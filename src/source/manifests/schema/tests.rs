//! The fixtures in `tests/data/api-server`: what is refused, with which messages, and what is accepted.

use std::{env, fmt::Write, fs, path::PathBuf};

use crate::source::manifests::{
    items::{self, Items},
    yaml,
};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/api-server");

/// What stands before the messages that an object is refused with.
const FAULT: &str = "#   ";

/// What the manifests source reports about a document that is one object: a line for each fault.
fn faults(document: &str) -> Vec<String> {
    let Items { items, unreadable, .. } = items::read(document.as_bytes());
    if !unreadable.is_empty() {
        return unreadable.into_iter().map(|error| error.message).collect();
    }
    if items.is_empty() {
        // A kind whose objects are skipped.
        let document = yaml::parse(document.as_bytes()).next().expect("a document").expect("YAML");
        let text = |field: &str| document.value[field].as_str().expect("a string");
        let faults = super::check(text("apiVersion"), text("kind"), &document.value);
        return faults.iter().map(ToString::to_string).collect();
    }
    let [item] = items.as_slice() else { panic!("expected one object of ours in\n{document}") };
    item.content.as_ref().err().into_iter().flatten().map(ToString::to_string).collect()
}

/// A document with the faults of its object as comments below its title.
fn with_faults(document: &str) -> String {
    let (title, rest) = document.split_once('\n').expect("a title");
    let object = rest.lines().filter(|line| !line.starts_with(FAULT)).collect::<Vec<_>>().join("\n");
    let mut text = format!("{title}\n");
    for fault in faults(&object) {
        writeln!(text, "{FAULT}{fault}").expect("writing to a string does not fail");
    }
    text + &object
}

#[test]
fn fixtures_are_refused_with_their_messages_or_accepted() {
    let mut files: Vec<PathBuf> =
        fs::read_dir(FOLDER).expect("the fixtures").map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    assert!(files.len() > 5, "{files:?}");
    let mut different = String::new();
    for file in files {
        let text = fs::read_to_string(&file).expect("a fixture");
        let (head, documents) = text.split_once("\n---\n").expect("documents");
        let found: Vec<_> = documents.trim_end().split("\n---\n").map(with_faults).collect();
        for (found, document) in found.iter().zip(documents.trim_end().split("\n---\n")) {
            if found != document {
                writeln!(different, "{}:\n{document}\nis now\n{found}\n", file.display()).expect("a string");
            }
        }
        if env::var_os("SWITCHYARD_BLESS").is_some() {
            fs::write(&file, format!("{head}\n---\n{}\n", found.join("\n---\n"))).expect("written");
        }
    }
    assert!(different.is_empty(), "SWITCHYARD_BLESS=1 writes these anew:\n{different}");
}
