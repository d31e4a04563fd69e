//! Folders on a real disk -> what one look sees.

use std::{
    io::Write,
    os::unix::fs::{PermissionsExt, symlink},
    process::Command,
};

use tempfile::TempDir;

use super::*;

struct Disk {
    dir: TempDir,
    folder: Folder,
}

impl Disk {
    fn new() -> Self {
        let dir = TempDir::new().expect("a folder");
        let folder = Folder::new(dir.path().join("root"));
        fs::create_dir(&folder.root).expect("a folder");
        Self { dir, folder }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.root.join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    fn link(&self, target: &str, path: &str) {
        symlink(target, self.path(path)).expect("a link");
    }

    /// The files that are seen, as `path=content`, or `path: message`; `?` is a content that was not read.
    fn see(&mut self) -> Vec<String> {
        let mut scan = self.folder.scan();
        scan.files.sort_by(|a, b| a.path.cmp(&b.path));
        let show = |Seen { path, sight, content }: &Seen| match sight {
            Sight::Content(_) => {
                let content = content.as_ref().map_or("?".into(), |c| String::from_utf8_lossy(c));
                format!("{}={content}", path.display())
            }
            Sight::Unreadable(message) => format!("{}: {message}", path.display()),
        };
        let troubles = scan.troubles.iter().map(|t| format!("{}/ {}", t.folder.display(), t.message));
        scan.files.iter().map(show).chain(troubles).collect()
    }

    /// Looks at files as if they had last been changed long ago.
    fn age(&mut self) {
        self.see();
        for (path, known) in &mut self.folder.known {
            let metadata = fs::metadata(self.folder.root.join(path)).expect("it was seen");
            known.stamp = Some(Stamp::of(&metadata));
        }
    }
}

#[test]
fn manifests_are_found_by_their_names_at_any_depth() {
    let mut disk = Disk::new();
    for path in ["b.yaml", "a.yml", "c.json", "sub/deep/d.yaml", "e.YAML", "readme.md", "yaml", "f.yaml~"] {
        disk.write(path, "x");
    }
    for path in [".hidden.yaml", ".git/g.yaml", "..data/h.yaml", "sub/.i.yaml"] {
        disk.write(path, "x");
    }
    assert_eq!(disk.see(), ["a.yml=x", "b.yaml=x", "c.json=x", "sub/deep/d.yaml=x"]);
}

#[test]
fn a_single_file_is_a_folder_of_one() {
    let mut disk = Disk::new();
    disk.write("any.name", "x");
    disk.folder = Folder::new(disk.path("any.name"));
    assert_eq!(disk.see(), ["any.name=x"]);
}

#[test]
fn links_are_followed_and_may_lead_in_circles() {
    let mut disk = Disk::new();
    disk.write("real/a.yaml", "a");
    disk.link("real/a.yaml", "file.yaml");
    disk.link("real", "again");
    disk.link("..", "real/up");
    disk.link(".", "self");
    fs::create_dir(disk.dir.path().join("elsewhere")).expect("a folder");
    fs::write(disk.dir.path().join("elsewhere/b.yaml"), "b").expect("a file");
    disk.link("../elsewhere", "out");
    disk.link("nowhere", "dangling");
    disk.link("nowhere", "dangling.yaml");
    let seen = disk.see();
    // `up` leads out of the folder and in again by another way; everything in there was met before but what
    // is only there.
    let dangling = "dangling.yaml: cannot be read: No such file or directory (os error 2)";
    assert_eq!(seen, [dangling, "file.yaml=a", "out/b.yaml=b", "real/a.yaml=a"]);
}

#[test]
fn what_is_no_file_or_too_large_cannot_be_read() {
    let mut disk = Disk::new();
    let made = Command::new("mkfifo").arg(disk.path("pipe.yaml")).status().expect("mkfifo runs");
    assert!(made.success());
    let large = fs::File::create(disk.path("large.yaml")).expect("a file");
    large.set_len(MAX_FILE_BYTES + 1).expect("room, or a file system with holes");
    let seen = disk.see();
    let expected = [
        "large.yaml: cannot be read: expected at most 16777216 bytes, found more",
        "pipe.yaml: cannot be read: expected a regular file",
    ];
    assert_eq!(seen, expected);
}

#[test]
fn files_are_read_again_only_if_they_may_have_changed() {
    let mut disk = Disk::new();
    disk.write("a.yaml", "a");
    disk.write("b.yaml", "b");
    assert_eq!(disk.see(), ["a.yaml=a", "b.yaml=b"]);
    assert_eq!(disk.see(), ["a.yaml=a", "b.yaml=b"], "times may be too coarse for what is young");
    disk.age();
    assert_eq!(disk.see(), ["a.yaml=?", "b.yaml=?"]);
    disk.write("b.yaml", "c");
    assert_eq!(disk.see(), ["a.yaml=?", "b.yaml=c"]);
}

#[test]
fn a_file_replaced_with_its_size_and_times_kept_is_seen() {
    let mut disk = Disk::new();
    disk.write("a.yaml", "a");
    let modified = fs::metadata(disk.path("a.yaml")).and_then(|m| m.modified()).expect("a time");
    disk.see();
    disk.age();
    let mut file = fs::File::create(disk.path("a.yaml")).expect("a file");
    file.write_all(b"b").expect("room");
    file.set_modified(modified).expect("any time can be set");
    assert_eq!(disk.see(), ["a.yaml=b"]);
}

#[test]
fn links_that_lead_elsewhere_are_seen() {
    let mut disk = Disk::new();
    disk.write("..1/a.yaml", "one");
    disk.write("..2/a.yaml", "two");
    disk.link("..1", "..data");
    disk.link("..data/a.yaml", "a.yaml");
    assert_eq!(disk.see(), ["a.yaml=one"]);
    disk.age();
    disk.link("..2", "..tmp");
    fs::rename(disk.path("..tmp"), disk.path("..data")).expect("a link can be replaced");
    assert_eq!(disk.see(), ["a.yaml=two"]);
}

#[test]
fn a_file_that_could_not_be_read_is_tried_again() {
    let mut disk = Disk::new();
    disk.write("a.yaml", "a");
    fs::remove_file(disk.path("a.yaml")).expect("it was there");
    disk.link("target", "a.yaml");
    assert_eq!(disk.see().len(), 1);
    disk.write("target", "a");
    assert_eq!(disk.see(), ["a.yaml=a"]);
    fs::remove_file(disk.path("target")).expect("it was there");
    assert_eq!(disk.see(), ["a.yaml: cannot be read: No such file or directory (os error 2)"]);
}

#[test]
fn folders_that_cannot_be_looked_into_are_trouble() {
    let mut disk = Disk::new();
    disk.write("sub/a.yaml", "a");
    let root = disk.folder.root.clone();
    disk.folder = Folder::new(root.join("none"));
    assert_eq!(disk.see(), ["/ cannot be read: No such file or directory (os error 2)"]);
    disk.folder = Folder::new(root);
    let set =
        |mode| fs::set_permissions(disk.path("sub"), fs::Permissions::from_mode(mode)).expect("it is ours");
    set(0);
    let is_locked = fs::read_dir(disk.path("sub")).is_err();
    let seen = disk.see();
    let set =
        |mode| fs::set_permissions(disk.path("sub"), fs::Permissions::from_mode(mode)).expect("it is ours");
    set(0o700);
    // Nothing is locked to root.
    if is_locked {
        assert_eq!(seen, ["sub/ cannot be read: Permission denied (os error 13)"]);
    }
}

#[test]
fn what_changed_a_moment_ago_or_in_the_future_is_young() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
    for (modified, changed, young) in [
        (990, 990, false),
        (997, 997, false),
        (998, 0, true),
        (0, 998, true),
        (2000, 990, true),
        (990, 2000, true),
    ] {
        let stamp = Stamp { device: 0, inode: 0, length: 0, modified: (modified, 0), changed: (changed, 0) };
        assert_eq!(stamp.is_young(now), young, "{modified} {changed}");
    }
}
