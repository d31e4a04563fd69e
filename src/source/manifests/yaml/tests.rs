//! Text -> values, and what is refused.

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
fn what_is_no_yaml_is_refused_with_its_line() {
    refused("a: 1\nb: [1, 2\n", 3, "YAML");
    refused("a: 1\n\tb: 2\n", 1, "tab");
    refused("a: 1\nb: 2\na: 3\n", 3, "\"a\" again");
    refused("{\"a\": 1,\n\"a\": 2}", 2, "\"a\" again");
    refused("a: b: c\n", 1, "YAML");
    refused("b: 1\na: \"x\n\n", 2, "YAML");
    refused("a: 1\nb: *x\n", 2, "anchor");
    refused("a: &x\n  b: *x\n", 2, "complete");
    refused("a: &x 1\n---\nb: *x\n", 3, "anchor");
    refused("a: 1\n<<: 5\n", 2, "<<");
    refused("a: 1\n<<: {b: 1}\n<<: {c: 1}\n", 3, "\"<<\" again");
    refused("? [a]\n: 1\n", 1, "key");
    refused("a: 1\nb: \0\n", 2, "NUL");
    refused("a: 1\n\0", 2, "NUL");
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
    fn json_comes_back_as_it_was(value in any_json()) {
        let expected = if value.is_null() { vec![] } else { vec![value.clone()] };
        for text in [value.to_string(), serde_json::to_string_pretty(&value).expect("JSON")] {
            // Such a value is JSON that YAML refuses, and nothing tells a bare string from broken YAML.
            if let Ok(documents) = parse(&text) {
                prop_assert_eq!(documents.into_iter().map(|d| d.value).collect::<Vec<_>>(), expected.clone());
            } else {
                prop_assert!(!value.is_object() && !value.is_array(), "{}", text);
            }
        }
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
