//! What was seen when -> what is taken when. A look comes every 100 ms; `.` in a row of looks is a file that
//! is not there, `_` one that is empty, `!` one that cannot be read, a letter one with that content.

use proptest::prelude::*;

use super::*;
use crate::source::manifests::folder::Digest;

const LOOK: Duration = Duration::from_millis(100);

fn sight(content: char) -> Option<Sight> {
    match content {
        '.' => None,
        '!' => Some(Sight::Unreadable("torn".into())),
        '_' => Some(Sight::Content(Digest::of(b""))),
        content => Some(Sight::Content(Digest::of(content.to_string().as_bytes()))),
    }
}

fn seen(path: &str, content: char) -> Option<Seen> {
    let sight = sight(content)?;
    Some(Seen { path: Path::new(path).into(), sight, content: Some(content.to_string().into_bytes()) })
}

fn scan(files: impl IntoIterator<Item = (usize, char)>) -> Scan {
    let files = files.into_iter().filter_map(|(number, content)| seen(&format!("{number}.yaml"), content));
    Scan { files: files.collect(), troubles: vec![] }
}

/// One row of looks for each file -> what was taken at which look, as `look: file=content ..`.
#[track_caller]
fn check(rows: &[&str], expected: &[&str]) {
    let looks = rows[0].len();
    let look = |at: usize| scan(rows.iter().map(|row| char::from(row.as_bytes()[at])).enumerate());
    let start = Instant::now();
    let (mut settling, _) = Settling::begin(look(0));
    let mut taken = Vec::new();
    for at in 1..looks {
        let time = start + LOOK * u32::try_from(at).expect("few");
        if let Some(settled) = settling.observe(look(at), time) {
            let changes: Vec<_> = settled.changes.iter().map(|(path, change)| show(path, change)).collect();
            taken.push(format!("{at}: {}", changes.join(" ")));
        }
    }
    assert_eq!(taken, expected, "{rows:?}");
}

fn show(path: &Path, change: &Change) -> String {
    let name = path.file_stem().expect("a name").to_string_lossy();
    match change {
        Change::Content(content) => format!("{name}={}", String::from_utf8_lossy(content)),
        Change::Unreadable(_) => format!("{name}=!"),
        Change::Gone => format!("{name}=."),
    }
}

#[test]
fn a_change_is_taken_when_seen_twice() {
    check(&["aaa"], &[]);
    check(&["abb"], &["2: 0=b"]);
    check(&["abbbb"], &["2: 0=b"]);
    check(&["abcc"], &["3: 0=c"]);
    check(&["..aa"], &["3: 0=a"]);
    check(&["a!!!"], &["2: 0=!"]);
    check(&["a!!bb"], &["2: 0=!", "4: 0=b"]);
}

#[test]
fn what_comes_back_was_never_away() {
    check(&["aba"], &[]);
    check(&["abab"], &[]);
    check(&["ababb"], &["4: 0=b"]);
    check(&["a.a.a..aa"], &[]);
    check(&["a_a__a!a"], &[]);
    check(&[".a.a."], &[]);
}

#[test]
fn a_loss_has_to_last_longer() {
    check(&["a..aa"], &[]);
    check(&["a...aa"], &["3: 0=.", "5: 0=a"]);
    check(&["a..bb"], &["4: 0=b"]);
    check(&["a__bb"], &["4: 0=b"]);
    check(&["a._.b_bb"], &["7: 0=b"]);
    check(&["a____b"], &[]);
    check(&["a_____________________"], &["21: 0=_"]);
}

#[test]
fn changes_under_way_together_are_taken_together() {
    check(&["abbb", "aabb"], &["3: 0=b 1=b"]);
    check(&["abbbbb", "aabcdd"], &["5: 0=b 1=d"]);
    // A file that is renamed.
    check(&["a....", ".aaaa"], &["3: 0=. 1=a"]);
    // A folder that is swapped, seen half way.
    check(&["abbb", "a.bb", "aacc"], &["3: 0=b 1=b 2=c"]);
}

#[test]
fn what_never_rests_holds_the_rest_back_for_a_moment_only() {
    check(&["abbbbbbbb", "abcdefghi"], &["5: 0=b"]);
    check(&["abbbbbbbbbbcccc", "abcdefghijklmmm"], &["5: 0=b", "13: 0=c 1=m"]);
}

#[test]
fn the_next_look_is_soon_while_something_is_on_its_way_but_not_for_ever() {
    let start = Instant::now();
    let at = |look| start + LOOK * look;
    let (mut settling, _) = Settling::begin(scan([(0, 'a')]));
    assert!(settling.observe(scan([(0, 'a')]), at(1)).is_none());
    assert!(!settling.is_waiting(at(1)));
    for (look, content) in ('b'..='k').enumerate() {
        let look = u32::try_from(look).expect("few") + 2;
        assert!(settling.observe(scan([(0, content)]), at(look)).is_none());
        assert!(settling.is_waiting(at(look)), "{look}");
    }
    assert!(settling.observe(scan([(0, 'l')]), at(12)).is_none());
    assert!(!settling.is_waiting(at(12)), "it never rests");
    assert!(settling.observe(scan([(0, 'l')]), at(13)).is_some());
    assert!(!settling.is_waiting(at(13)));
}

#[test]
fn files_in_a_folder_that_cannot_be_read_are_not_gone() {
    let trouble = Trouble { folder: Path::new("sub").into(), message: "locked".into() };
    let files =
        ["a.yaml", "sub/b.yaml", "subway.yaml"].into_iter().filter_map(|path| seen(path, 'a')).collect();
    let (mut settling, begun) = Settling::begin(Scan { files, troubles: vec![] });
    assert_eq!(begun.changes.len(), 3);
    let start = Instant::now();
    let mut taken = Vec::new();
    for at in 1..6 {
        let scan = Scan { troubles: vec![trouble.clone()], ..Scan::default() };
        if let Some(settled) = settling.observe(scan, start + LOOK * at) {
            let changes: Vec<_> =
                settled.changes.iter().map(|(path, _)| path.display().to_string()).collect();
            taken.push((at, changes, settled.troubles));
        }
    }
    let gone = vec!["a.yaml".to_owned(), "subway.yaml".to_owned()];
    assert_eq!(taken, [(2, vec![], vec![trouble.clone()]), (3, gone, vec![trouble])]);
    let back = Scan { files: Vec::from_iter(seen("sub/b.yaml", 'a')), troubles: vec![] };
    assert!(settling.observe(back, start + LOOK * 6).is_none(), "one look does not end trouble");
}

#[test]
fn nothing_is_gone_while_the_root_cannot_be_read() {
    let (mut settling, _) = Settling::begin(scan([(0, 'a')]));
    let trouble = Trouble { folder: Path::new("").into(), message: "gone".into() };
    let start = Instant::now();
    for at in 1..20 {
        let scan = Scan { troubles: vec![trouble.clone()], ..Scan::default() };
        let settled = settling.observe(scan, start + LOOK * at);
        assert_eq!(settled.map(|s| s.changes.len()), (at == 2).then_some(0));
    }
    assert!(settling.observe(scan([(0, 'a')]), start + LOOK * 20).is_none());
    let mended = settling.observe(scan([(0, 'a')]), start + LOOK * 21).expect("the trouble is over");
    assert_eq!((mended.changes.len(), mended.troubles), (0, vec![]));
}

#[test]
fn a_file_whose_end_is_missing_must_stay_so_for_longer() {
    let file = |content: &str| Scan {
        files: vec![Seen {
            path: Path::new("a.yaml").into(),
            sight: Sight::Content(Digest::of(content.as_bytes())),
            content: Some(content.into()),
        }],
        troubles: vec![],
    };
    let start = Instant::now();
    let taken_at = |contents: &[&str]| {
        let (mut settling, _) = Settling::begin(file(contents[0]));
        let looks = contents.iter().enumerate().skip(1);
        let mut taken = looks.filter_map(|(at, content)| {
            let time = start + LOOK * u32::try_from(at).expect("few");
            settling.observe(file(content), time).map(|_| at)
        });
        taken.next()
    };
    assert_eq!(taken_at(&["one two", "one", "one", "one", "one two three", "one two three"]), Some(5));
    assert_eq!(taken_at(&["one two", "one", "one", "one", "one", "one"]), Some(4));
    assert_eq!(taken_at(&["one two", "two", "two", "two", "two", "two"]), Some(2));
}

/// The look of that number at these rows; the last one goes on for ever.
fn look_at(rows: &[String], at: usize) -> Scan {
    scan(rows.iter().map(|row| char::from(row.as_bytes()[at.min(row.len() - 1)])).enumerate())
}

proptest! {
    #[test]
    fn whatever_happens_what_rests_is_taken_in_the_end(
        rows in proptest::collection::vec("[ab.!_]{12}", 1..4),
    ) {
        let start = Instant::now();
        let mut known: BTreeMap<Arc<Path>, String> = BTreeMap::new();
        let mut apply = |settled: Settled| for (path, change) in settled.changes {
            match change {
                Change::Gone => known.remove(&path),
                change => known.insert(path.clone(), show(&path, &change)),
            };
        };
        let (mut settling, begun) = Settling::begin(look_at(&rows, 0));
        apply(begun);
        for at in 1..40 {
            let time = start + LOOK * u32::try_from(at).expect("few");
            if let Some(settled) = settling.observe(look_at(&rows, at), time) {
                apply(settled);
            }
        }
        let (_, end) = Settling::begin(look_at(&rows, 11));
        let end = end.changes.iter().map(|(path, change)| (path.clone(), show(path, change)));
        let end: BTreeMap<_, _> = end.collect();
        prop_assert_eq!(known, end);
    }
}
