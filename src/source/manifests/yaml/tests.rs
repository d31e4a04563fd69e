//! Text -> values, and what is refused.

mod kubectl;

use proptest::prelude::*;
use serde_json::{Map, json};

use super::{
    tree::{MAX_DEPTH, MAX_NODES},
    *,
};

/// Parses a text, all documents of which are readable.
#[track_caller]
fn parse(text: &str) -> Result<Vec<Document>, SyntaxError> {
    super::parse(text.as_bytes()).into_iter().collect()
}

#[track_caller]
fn values(text: &str) -> Vec<Value> {
    parse(text).unwrap_or_else(|e| panic!("{text:?}: {e:?}")).into_iter().map(|d| d.value).collect()
}

#[track_caller]
fn refused(text: &str, line: u32, part: &str) {
    let error = parse(text).expect_err(text);
    assert_eq!(error.line, line, "{error:?}");
    assert!(error.message.contains(part), "{error:?}");
}

#[test]
fn documents_are_told_apart_and_empty_ones_skipped() {
    for (text, expected) in [
        ("", vec![]),
        ("# only a comment\n", vec![]),
        ("---\n---\n# nothing\n---\n", vec![]),
        ("null\n---\n~\n", vec![]),
        ("a: 1\n", vec![json!({ "a": 1 })]),
        ("---\na: 1\n---\nb: 2\n...\n---\n- c\n", vec![json!({ "a": 1 }), json!({ "b": 2 }), json!(["c"])]),
        (
            "a:\n  b:\n  - c: 1\n    d: [2, {e: 3}]\n",
            vec![json!({ "a": { "b": [{ "c": 1, "d": [2, { "e": 3 }] }] } })],
        ),
        ("a: |\n  x\n  y\nb: >-\n  x\n  y\n", vec![json!({ "a": "x\ny\n", "b": "x y" })]),
        ("a: 'it''s'\nb: \"\\u00e9\\n\"\nc: \"1\"\n", vec![json!({ "a": "it's", "b": "é\n", "c": "1" })]),
        ("a:\nb: ~\n", vec![json!({ "a": null, "b": null })]),
        ("8080: x\ntrue: y\n", vec![json!({ "8080": "x", "true": "y" })]),
    ] {
        assert_eq!(values(text), expected, "{text:?}");
    }
}

#[test]
fn byte_order_mark_and_windows_line_ends_are_tolerated() {
    assert_eq!(
        values("\u{feff}a: 1\r\nb:\r\n- x\r\n---\r\nc: d\r\n"),
        [json!({ "a": 1, "b": ["x"] }), json!({ "c": "d" })]
    );
    assert_eq!(values("\u{feff}{\"a\": 1}"), [json!({ "a": 1 })]);
}

#[test]
fn json_is_read_even_where_yaml_does_not_know_it() {
    assert_eq!(values("{\n\t\"a\": [1,\n\t2.5],\n\t\"b\": {}\n}\n"), [json!({ "a": [1, 2.5], "b": {} })]);
    assert_eq!(values(r#"{"a": "😀", "b": "\/"}"#), [json!({ "a": "😀", "b": "/" })]);
    assert_eq!(values(r#"{"a": "\ud83d\ude00"}"#), [json!({ "a": "😀" })]);
    let documents = parse("{\"a\": \"\\ud83d\\ude00\"}\n\n{\"b\": 1}\n").expect("JSON");
    let lines: Vec<_> = documents.iter().map(|d| d.lines.line(NodeId::ROOT)).collect();
    assert_eq!(lines, [1, 3]);
}

#[test]
fn aliases_repeat_and_merge_keys_fill_in() {
    let text = "
base: &base { a: 1, b: 2 }
other: &other { b: 3, c: 4 }
copy: *base
merged:
  <<: *base
  b: 5
both:
  <<: [*base, *other]
name: &n web
list: [*n, *n]
*n : key
'<<': text
";
    assert_eq!(
        values(text),
        [json!({
            "base": { "a": 1, "b": 2 },
            "other": { "b": 3, "c": 4 },
            "copy": { "a": 1, "b": 2 },
            "merged": { "a": 1, "b": 5 },
            "both": { "a": 1, "b": 2, "c": 4 },
            "name": "web",
            "list": ["web", "web"],
            "web": "key",
            "<<": "text",
        })]
    );
}

#[test]
fn text_that_is_no_yaml_is_refused_with_its_line() {
    refused("a: 1\nb: [1, 2\n", 3, "in the list that begins on line 2");
    refused("a: b: c\n", 1, "must the value be quoted");
    refused("b: 1\na: \"x\n\n", 2, "closing \"");
    refused("a: 'x\nb: 1\n", 1, "closing '");
    refused("a: 1\nb\nc: 2\n", 2, "expected \"key: value\"");
    refused("a: 1\n  b: 2\n", 2, "indented too far");
    refused("b: 1\na: [\n", 3, "the { or [ that begins on line 2");
    refused("a:\n  b: 1\n c: 2\n", 3, "mapping that begins on line 2");
    refused("a:\n- b\n - c\nd: e\n- f\n", 5, "expected the next key");
    refused("a: {{ x }}\n", 1, "a list or a mapping");
    refused("a: {% x %}\n", 1, "templates");
    refused("a: 1\nb: *x\n", 2, "&x before *x");
    refused("a: &x\n  b: *x\n", 2, "found it inside");
    refused("a: &x 1\n---\nb: *x\n", 3, "&x before *x");
    refused("a: 1\n<<: 5\n", 2, "<<");
    refused("? [a]\n: 1\n", 1, "key");
    refused("a: 1\n~: 2\n", 2, "found null");
    refused("a: .inf\n", 1, "finite");
    refused("a: !!int x\n", 1, "!!int");
    refused("a: 1\nb: \"\\q\"\n", 2, "escape");
    refused("a: 1\nb: \0\n", 2, "NUL");
    refused("a: 1\n\0", 2, "NUL");
    refused("a: 1\nb: \u{7}\n", 2, "'\\u{7}'");
    refused("a: 1\n--- b\n", 2, "after ---");
    refused("%YAML 1.2\n---\na: 1\n", 1, "directive");
    refused(&format!("{}: 1\n", "k".repeat(1100)), 1, "1024 characters");
    let error = super::parse(b"a: 1\nb: \xff\n").next().expect("a document").expect_err("no text");
    assert_eq!((error.line, error.message.contains("UTF-8")), (2, true));
    let error = super::parse(b"\xff\xfea\0:\0").next().expect("a document").expect_err("no UTF-8");
    assert!(error.message.contains("UTF-16"), "{error:?}");
}

#[test]
fn tab_is_named_with_its_own_line() {
    for (text, line) in [
        ("a: 1\n\tb: 2\n", 2),
        ("spec:\n  ports:\n  - port: 80\n\ttargetPort: 8080\n", 4),
        ("a:\n\tb: 1\n", 2),
        ("a:\n  b: c\n\td: e\n", 3),
        ("---\na: 1\n---\nb: 2\n\tc: 3\n", 5),
        ("a: |\n\tb\n", 2),
        ("- a\n\t- b\n", 2),
        ("a:\n  - b: 1\n \tc: 2\n", 3),
    ] {
        refused(text, line, "tab");
    }
}

#[test]
fn tab_between_tokens_of_a_line_is_a_space() {
    for text in ["a:\t1\n", "a: \t1\n", "a:  1\t\n", "a:\t1\t# c\n", "a\t:\t1\n", "{\n\t\"a\":\t1\n}\n", "\t{a: 1}\n"] {
        assert_eq!(values(text), [json!({ "a": 1 })], "{text:?}");
    }
}

#[test]
fn conflict_marker_is_named_with_its_line() {
    let sides = "<<<<<<< HEAD\nb: 2\n=======\nb: 3\n>>>>>>> theirs\n";
    refused(&format!("a: 1\n{sides}"), 2, "conflict marker of git (<<<<<<<)");
    refused("a: 1\n=======\nb: 3\n", 2, "(=======)");
    refused("a: 1\nb: 3\n>>>>>>> theirs\n", 3, "(>>>>>>>)");
    refused("a:\n  b: 1\n||||||| base\n", 3, "(|||||||)");
    let whole = "a: 1\n---\n<<<<<<< HEAD\n---\nb: 2\n---\n=======\nb: 3\n---\n>>>>>>> theirs\n---\nc: 4\n";
    let show = |document: Result<Document, SyntaxError>| match document {
        Ok(document) => document.value.to_string(),
        Err(error) => format!("{} {}", error.line, error.message),
    };
    let shown: Vec<_> = super::parse(whole.as_bytes()).map(show).collect();
    let starts = ["{\"a\":1}", "3 expected YAML, found a conflict", "5 expected no document between", "7 ", "10 ", "{\"c\":4}"];
    assert_eq!(shown.len(), starts.len(), "{shown:?}");
    assert!(shown.iter().zip(starts).all(|(shown, start)| shown.starts_with(start)), "{shown:?}");
    assert_eq!(values("a: |\n  <<<<<<< HEAD\nb: '=======\n\n  x'\n").len(), 1);
}

#[test]
fn last_of_repeated_keys_counts_with_a_warning() {
    let warnings = |text: &str| {
        let [document] = &parse(text).expect(text)[..] else { panic!("{text}") };
        let show = |(reason, what): &(Reason, SyntaxError)| format!("{} {reason} {}", what.line, what.message);
        (document.value.clone(), document.warnings.iter().map(show).collect::<Vec<_>>())
    };
    let again = |line: u32, key: &str| {
        format!("{line} repeated_key expected each key once, found {key:?} again; the last one counts")
    };
    for (text, value, expected) in [
        ("a: 1\nb: 2\na: 3\n", json!({ "a": 3, "b": 2 }), vec![again(3, "a")]),
        ("{\"a\": 1,\n\"a\": 2}", json!({ "a": 2 }), vec![again(2, "a")]),
        ("x:\n  yes: 1\n  true: 2\n", json!({ "x": { "true": 2 } }), vec![again(3, "true")]),
        ("<<: {a: 1}\na: 2\n", json!({ "a": 2 }), vec![]),
        ("<<: {a: 1}\na: 2\na: 3\n", json!({ "a": 3 }), vec![again(3, "a")]),
        ("a: 1\n<<: {a: 2, b: 2}\n<<: {b: 3}\n", json!({ "a": 2, "b": 3 }), vec![]),
    ] {
        assert_eq!(warnings(text), (value, expected), "{text:?}");
    }
    let lines = parse("items:\n- a\nitems:\n- b\n- c\n").expect("good").remove(0).lines;
    assert_eq!(lines.items_of(NodeId::ROOT, "items").len(), 2);
    assert_eq!(warnings(&"a: 1\n".repeat(1000)).1.len(), 20);
}

#[test]
fn content_behind_the_end_of_a_document_is_ignored_with_a_warning() {
    for (text, line) in [
        ("a: 1\n...\nb: 2\n", 3),
        ("{a: 1}}\n", 1),
        ("{a: 1}\n{b: 2}\n", 2),
        ("a: 1\r---\rb: 2\r", 2),
        ("a: 1\n...\n@\n", 3),
    ] {
        let documents = parse(text).expect(text);
        assert_eq!(documents[0].value, json!({ "a": 1 }), "{text:?}");
        let [(Reason::IgnoredContent, what)] = &documents[0].warnings[..] else { panic!("{documents:?}") };
        assert_eq!(what.line, line, "{text:?}");
    }
    let documents = parse("a: 1\n...\n# c\n...\n---\nb: 2\n").expect("good");
    assert!(documents.iter().all(|document| document.warnings.is_empty()), "{documents:?}");
}

#[test]
fn lines_are_known_for_every_field_and_item() {
    let text = "# comment
apiVersion: v1
spec:
  service: web
  backends:
  - service: a
    weight: 1
  - { service: b,
      weight: 2 }
  labels: {a.b/c: 1}
---
x: y
";
    let documents = parse(text).expect("YAML");
    let lines: Vec<_> = documents[0].lines.paths(NodeId::ROOT).into_iter().collect();
    let expected = [
        ("apiVersion", 2),
        ("spec", 3),
        ("spec.backends", 5),
        ("spec.backends[0]", 6),
        ("spec.backends[0].service", 6),
        ("spec.backends[0].weight", 7),
        ("spec.backends[1]", 8),
        ("spec.backends[1].service", 8),
        ("spec.backends[1].weight", 9),
        ("spec.labels", 10),
        ("spec.labels[\"a.b/c\"]", 10),
        ("spec.service", 4),
    ];
    assert_eq!(lines, expected.map(|(path, line)| (path.to_owned(), line)));
    assert_eq!(documents[0].lines.line(NodeId::ROOT), 2);
    assert_eq!(documents[1].lines.line(NodeId::ROOT), 12);
}

#[test]
fn items_of_a_list_have_lines_of_their_own() {
    let documents = parse("kind: List\nitems:\n- a: 1\n- b:\n    c: 2\nmore:\n- d\n").expect("YAML");
    let lines = &documents[0].lines;
    let items = lines.items_of(NodeId::ROOT, "items");
    assert_eq!(items.iter().map(|i| lines.line(*i)).collect::<Vec<_>>(), [3, 4]);
    let paths = lines.paths(items[1]);
    assert_eq!(paths.into_iter().collect::<Vec<_>>(), [("b".to_owned(), 4), ("b.c".to_owned(), 5)]);
    assert_eq!(lines.items_of(NodeId::ROOT, "none"), []);
}

#[test]
fn laughs_do_not_multiply() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let below = format!("*a{}, ", level - 1).repeat(10);
        text += &format!("a{level}: &a{level} [{below}]\n");
    }
    let error = parse(&text).expect_err("10^12 values");
    assert!(error.message.contains("fewer aliases"), "{error:?}");
    // Below the share that kubectl accepts, and too many all the same, as all documents of a file count.
    let text = format!("a: &a [{}]\nb: [{}]\n---\n", "x, ".repeat(2000), "*a, ".repeat(90)).repeat(6);
    let error = parse(&text).expect_err("1,090,000 values");
    assert!(error.message.contains(&MAX_NODES.to_string()), "{error:?}");

    let long = "x".repeat(100_000);
    let text = format!("a: &a {long}\nb: [{}]\n", "*a, ".repeat(100_000));
    assert!(parse(&text).is_err(), "10^10 bytes");
}

#[test]
fn depth_is_bounded_in_every_style_and_through_aliases() {
    let flow = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert_eq!(values(&flow(MAX_DEPTH)).len(), 1);
    refused(&flow(MAX_DEPTH + 1), 1, "levels");
    assert!(parse(&flow(100_000)).is_err());
    let block: String = (0..1000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    assert!(parse(&block).is_err());
    assert!(parse(&"- ".repeat(100_000)).is_err());
    let half = MAX_DEPTH / 2;
    let text = format!("a: &a {}\nb: {}*a{}", flow(half), "[".repeat(half), "]".repeat(half));
    assert!(parse(&text).expect_err("deep through an alias").message.contains("levels"));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[ -~]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map("[ -~é]{0,8}", inner, 0..5)
                .prop_map(|m| Value::Object(Map::from_iter(m))),
        ]
    })
}

/// Whatever means something in YAML, in any order.
const INDICATORS: &str =
    "([-?:,{}\\[\\]&*!|>'\"%@`#<~. \t\r\n\\\\a0é]|\u{feff}|---|\\.\\.\\.|<<|&a|\\*a){0,60}";

proptest! {
    #[test]
    fn json_object_comes_back_as_it_was(value in any_json()) {
        let object = json!({ "value": value });
        let mut expected = object.clone();
        normalize(&mut expected);
        for text in [object.to_string(), serde_json::to_string_pretty(&object).expect("JSON")] {
            prop_assert_eq!(values(&text), [expected.clone()]);
        }
        let _ = parse(&value.to_string());
    }

    #[test]
    fn nothing_makes_it_panic(text in INDICATORS) {
        let _ = parse(&text);
    }

    #[test]
    fn a_torn_manifest_does_not_make_it_panic(cut in 0_usize..4000, junk in any::<String>()) {
        let text = include_str!("../../../../tests/data/istio-bookinfo/bookinfo.yaml");
        let cut = text.floor_char_boundary(cut);
        let _ = parse(&format!("{}{junk}", &text[..cut]));
        let _ = parse(&format!("{junk}{}", &text[cut..]));
    }
}
